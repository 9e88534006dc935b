package main

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestAnAppThatDoesNotReadIsLeft: it does not hold what it was sent for ever.
func TestAnAppThatDoesNotReadIsLeft(t *testing.T) {
	lc := listenConfig(100 * time.Millisecond)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	app, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // an error of another kind
	for err == nil {
		_, err = conn.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ETIMEDOUT) {
		t.Error(err)
	}
}
