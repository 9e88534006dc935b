package fetch

import (
	"net/netip"
	"syscall"
)

// Unpaced is for net.ListenConfig.Control and net.Dialer.Control: connections that stay on this machine are not paced. Where
// the host's default is BBR, which sends by a timer at the rate that it takes a path to have, passing large bodies on to an
// app beside us would cost a quarter more. What comes by a listener inherits this from it. A kernel that knows no better
// way leaves it as it is.
func Unpaced(_, address string, c syscall.RawConn) error {
	if ap, err := netip.ParseAddrPort(address); err == nil && ap.Addr().Unmap().IsLoopback() {
		return c.Control(unpace)
	}
	return nil
}
