package fetch

import (
	"net/netip"
	"slices"
)

// special4 are the IPv4 ranges that belong to nobody on the internet, from the registry of special-purpose addresses.
var special4 = prefixes(
	"0.0.0.0/8",       // this network; Linux connects 0.0.0.0 to itself
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // carrier-grade NAT; some clouds keep their metadata here
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local; cloud metadata
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast
)

// special6 are the exceptions within global6. Everything outside global6 is refused and need not be listed: loopback,
// unspecified, unique local, link-local, site-local, multicast, IPv4-compatible, discard.
var (
	global6  = netip.MustParsePrefix("2000::/3")
	special6 = prefixes(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	)
)

// Addresses in two ranges contain an IPv4 address, and are as public as that is. The local-use NAT64 range
// 64:ff9b:1::/48 is outside of global6.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// Public reports whether addr can be reached by anybody on the internet and belongs to no private, local, shared,
// reserved or documentation range, in whichever form it is written: IPv4-mapped, NAT64 and 6to4 addresses count as the
// IPv4 address they carry. The zero Addr is not public.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	if addr.Is4() {
		return !within(special4, addr)
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr):
		return Public(netip.AddrFrom4([4]byte(b[12:16])))
	case sixTo4.Contains(addr):
		return Public(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return global6.Contains(addr) && !within(special6, addr)
}

func within(ranges []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func prefixes(texts ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		ps[i] = netip.MustParsePrefix(t)
	}
	return ps
}
