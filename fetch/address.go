package fetch

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// parse reads an address that a stranger wrote. Its errors wrap ErrURL and quote nothing of the text, for that may hold
// a signature or a password.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%w: malformed", ErrURL)
	}
	return escaped(u), check(u)
}

// escaped returns u with its query in characters that a request may have in its first line. Package url leaves a query
// as it came, and a space in it would end the address.
func escaped(u *url.URL) *url.URL {
	var b strings.Builder
	for _, c := range []byte(u.RawQuery) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	u.RawQuery = b.String()
	return u
}

// check is called for the first address and for each that a redirect names.
func check(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%w: scheme must be http or https", ErrURL)
	case u.User != nil:
		return fmt.Errorf("%w: user name in it", ErrURL)
	case u.Opaque != "" || u.Hostname() == "":
		return fmt.Errorf("%w: no host", ErrURL)
	}
	return checkHost(u.Hostname())
}

// checkHost refuses names that different parsers read differently. The dialer would stop them too; but here they are
// refused before any resolver is asked, among them the C library's, which takes 2130706433 for 127.0.0.1.
func checkHost(host string) error {
	for _, r := range host {
		if r <= ' ' || r >= 0x7f || r == '%' { // U+3002 is a dot to some; after % comes the name of one of our network interfaces
			return fmt.Errorf("%w: host is not plain ASCII", ErrURL)
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if last := labels[len(labels)-1]; last == "" || numeric(last) {
		return fmt.Errorf("%w: host is an address in disguise", ErrURL)
	}
	return nil
}

// numeric reports whether label is a number as C or a browser would read it: decimal, octal or hexadecimal. No
// top-level domain is one.
func numeric(label string) bool {
	digits := "0123456789"
	if h := strings.ToLower(label); strings.HasPrefix(h, "0x") {
		label, digits = h[2:], "0123456789abcdef"
	}
	return strings.Trim(label, digits) == ""
}

// plain returns u for a log: without what may be secret.
func plain(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
