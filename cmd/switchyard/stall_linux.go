package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// limitStall has the kernel end a connection whose other side takes nothing of what it is sent for d, be it gone or just not
// reading (tcp(7), TCP_USER_TIMEOUT). However little it takes, the time begins anew.
func limitStall(fd uintptr, d time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
}
