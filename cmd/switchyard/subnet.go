package main

import (
	"fmt"
	"net/netip"
)

// subnet is a range of addresses, or a single one.
type subnet struct{ netip.Prefix }

// UnmarshalText reads 10.0.0.0/8, or 10.0.0.1.
func (n *subnet) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil {
		n.Prefix = netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("want an address, or a network such as 10.0.0.0/8, got %q", text)
	}
	n.Prefix = prefix
	return nil
}

func prefixes(subnets []subnet) []netip.Prefix {
	var out []netip.Prefix
	for _, n := range subnets {
		out = append(out, n.Prefix)
	}
	return out
}
