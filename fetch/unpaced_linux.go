package fetch

import "golang.org/x/sys/unix"

// unpace sets the one congestion control that every kernel has and every process may choose (tcp(7),
// tcp_allowed_congestion_control).
func unpace(fd uintptr) {
	_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "reno")
}
