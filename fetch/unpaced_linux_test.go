package fetch_test

import (
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"switchyard/fetch"
)

// TestUnpaced: what is dialed on this machine, and what a listener takes there, but none that faces a network.
func TestUnpaced(t *testing.T) {
	usual, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	lc, tr := net.ListenConfig{Control: fetch.Unpaced}, transport(t, fetch.TransportConfig{})
	for address, want := range map[string]string{"127.0.0.1:0": "reno", "0.0.0.0:0": strings.TrimSpace(string(usual))} {
		l, err := lc.Listen(t.Context(), "tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		dialed, err := tr.DialContext(t.Context(), "tcp4", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer dialed.Close()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		if got := congestion(t, accepted); got != want {
			t.Errorf("accepted at %s: %s, want %s", address, got, want)
		}
		if got := congestion(t, dialed); got != "reno" {
			t.Errorf("dialed by a transport: %s, want reno", got)
		}
	}
}

func congestion(t *testing.T, conn net.Conn) (name string) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { name, failed = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION) })
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	return strings.TrimRight(name, "\x00")
}
