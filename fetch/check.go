package fetch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Check errs if address may not be called, as far as that can be known now, so that nobody is promised a call that would
// never be made. When the call is made the guard checks again: by then a name may belong to another host. A name that cannot
// be resolved now is no error, for later it may be.
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

// Blocked reports whether the guard will refuse a call of address, as far as its text shows: it is not allowed, and is this
// machine's name or an IP address that is not public. No resolver is asked.
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
