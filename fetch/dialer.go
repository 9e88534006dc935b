package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// dialer connects to public addresses, and to whatever host or host:port is allowed by name. It goes by the name in the
// request: an allowed host may resolve to a private address, and no other name may.
type dialer struct {
	allow   map[string]bool // :: host or host:port, lower case → may be private
	open    net.Dialer
	guarded net.Dialer
}

func newDialer(allow []string, resolver *net.Resolver, timeout time.Duration) *dialer {
	d := &dialer{allow: make(map[string]bool, len(allow))}
	for _, name := range allow {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
			name = name[1 : len(name)-1] // the dialer sees an IPv6 host without its brackets
		}
		d.allow[name] = true
	}
	d.open = net.Dialer{Timeout: timeout, Resolver: resolver, Control: Unpaced}
	d.guarded = net.Dialer{Timeout: timeout, Resolver: resolver, Control: refusePrivate}
	return d
}

// dial is for http.Transport.DialContext.
func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if d.allow[strings.ToLower(host)] || d.allow[strings.ToLower(addr)] {
		return d.open.DialContext(ctx, network, addr)
	}
	return d.guarded.DialContext(ctx, network, addr)
}

// refusePrivate runs after resolution and before the connection is made, for each address that is tried. The address it
// sees is the one that the kernel gets.
func refusePrivate(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("network %s: %w", network, ErrBlocked)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !Public(ap.Addr()) {
		return ErrBlocked
	}
	return nil
}
