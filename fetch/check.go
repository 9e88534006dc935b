package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Check tells whether address is one that may be called, as far as that can be told now, so that nobody is promised a
// call that would never be made. The guard looks again when the call is made: a name may mean another host then. A name
// that is not known now may be known then.
func (c *Client) Check(ctx context.Context, address string) error {
	u, err := parse(address)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	if c.dialer.allows(u) {
		return nil
	}
	addrs, err := c.dialer.resolve(ctx, u.Hostname())
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if Public(a) {
			return nil
		}
	}
	return fmt.Errorf("fetch: %w", ErrBlocked)
}

// Blocked reports whether a call of address is one that the guard will refuse, as far as its text tells: it is an address of
// digits that is not public, or this machine's name, and not among those that are allowed. No resolver is asked.
func Blocked(address string, allow []string) bool {
	u, err := url.Parse(address)
	if err != nil || newDialer(allow, nil, 0).allows(u) {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && !Public(addr)
}

func (d *dialer) allows(u *url.URL) bool {
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return d.allow[host] || d.allow[net.JoinHostPort(host, port)]
}

func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	resolver := d.guarded.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, d.guarded.Timeout)
	defer cancel()
	return resolver.LookupNetIP(ctx, "ip", host)
}
