package main

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListenersAreUnpaced: what an app or an operator beside us is sent goes as fast as it is taken, whatever the host's
// default is.
func TestListenersAreUnpaced(t *testing.T) {
	const unpaced = "reno"
	usual, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(usual)) == unpaced {
		t.Skip("the host paces nobody")
	}
	f, err := load("test.yaml", []byte("server: {listen: 127.0.0.1:0}\nadmin: {listen: 127.0.0.1:0}\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := listen(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range map[string]net.Listener{"app": listeners.app, "admin": listeners.admin} {
		defer l.Close()
		raw, err := l.(*net.TCPListener).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var got string
		var failed error
		err = raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION) })
		if got = strings.TrimRight(got, "\x00"); err != nil || failed != nil || got != unpaced {
			t.Errorf("%s: %q, want %q; %v, %v", name, got, unpaced, err, failed)
		}
	}
}
