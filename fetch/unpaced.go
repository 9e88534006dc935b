package fetch

import (
	"net/netip"
	"syscall"
)

// Unpaced is for net.ListenConfig.Control and net.Dialer.Control. It turns off pacing for connections that stay on this
// machine. BBR, which is the default of some hosts, sends by a timer, at the rate that it believes a path to have; with it,
// passing large bodies on to an app beside us would cost a quarter more. Connections that a listener accepts inherit the
// setting. If the kernel knows no better algorithm nothing changes.
func Unpaced(_, address string, c syscall.RawConn) error {
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().Unmap().IsLoopback() {
		return c.Control(unpace)
	}
	return nil
}
