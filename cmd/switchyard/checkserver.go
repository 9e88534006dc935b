package main

import (
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchyard/config"
	"switchyard/dialect/all"
	"switchyard/proxy"
)

// What no setting may be more than: sums of times and sizes stay far from their ends.
const (
	longest = 100 * 365 * 24 * time.Hour
	largest = 1024 * config.TiB
)

// checkServer finds what is wrong with the addresses, bounds and times of the sidecar itself.
func (f *file) checkServer(fault faultFunc) {
	s := f.Server
	f.checkListen(fault)
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		fault("server.tls", "cert and key go together")
	}
	if s.PublicURL != "" && !isURL(s.PublicURL) {
		fault("server.public_url", "want http(s)://host, got %q", s.PublicURL)
	}
	for _, number := range []struct {
		path string
		n    int
	}{{"server.max_in_flight", s.MaxInFlight}, {"server.max_queue", s.MaxQueue}} {
		if number.n < 0 {
			fault(number.path, "must not be negative, got %d", number.n)
		}
	}
	for i, host := range s.FetchAllow {
		if host == "" || strings.ContainsAny(host, "/*@ ") {
			fault(config.Index("server.fetch_allow", i), "want host or host:port, got %q", host)
		}
	}
	for i, origin := range s.CORS.Origins {
		if u, err := url.Parse(origin); origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin) {
			fault(config.Index("server.cors.origins", i), "want https://host, or *, got %q", origin)
		}
	}
	f.checkSizes(fault)
	f.checkTimes(fault)
}

// checkListen wants two addresses that can be listened at, side by side.
func (f *file) checkListen(fault faultFunc) {
	host, port, ok := listenable(f.Server.Listen)
	if !ok {
		fault("server.listen", "want host:port, got %q", f.Server.Listen)
	}
	adminHost, adminPort, adminOK := listenable(f.Admin.Listen)
	if !adminOK {
		fault("admin.listen", "want host:port, got %q", f.Admin.Listen)
	}
	if ok && adminOK && port == adminPort && port != 0 && (host == adminHost || host == "" || adminHost == "") {
		fault("admin.listen", "%s is taken by server.listen", f.Admin.Listen)
	}
}

// listenable is an address in parts. The host is empty if it is each of the machine's.
func listenable(hostport string) (host string, port uint64, ok bool) {
	host, digits, err := net.SplitHostPort(hostport)
	port, wrong := strconv.ParseUint(digits, 10, 16)
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsUnspecified() {
		host = ""
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	return host, port, err == nil && wrong == nil
}

func (f *file) checkSizes(fault faultFunc) {
	s := f.Server
	for _, size := range []struct {
		path        string
		b           config.Bytes
		least, most config.Bytes
	}{
		{"server.max_request_body", s.MaxRequestBody, 1, largest},
		{"server.max_response_body", s.MaxResponseBody, 1, largest},
		{"server.max_image", s.MaxImage, 1, largest},
		{"server.max_header_bytes", s.MaxHeaderBytes, 1, config.GiB},
		{"server.memory", s.Memory, 0, config.TiB},
		{"store.cache", f.Store.Cache, 1, largest},
		{"store.assets.max", f.Store.Assets.Max, 1, largest},
	} {
		if size.b < size.least || size.b > size.most {
			fault(size.path, "want %v to %v, got %v", size.least, size.most, size.b)
		}
	}
}

func (f *file) checkTimes(fault faultFunc) {
	s := f.Server
	for _, span := range []struct {
		path string
		d    time.Duration
	}{
		{"server.read_header_timeout", s.ReadHeaderTimeout},
		{"server.read_body_timeout", s.ReadBodyTimeout},
		{"server.request_timeout", s.RequestTimeout},
		{"store.assets.ttl", f.Store.Assets.TTL},
		{"store.retention", f.Store.Retention},
		{"store.tickets_ttl", f.Store.TicketsTTL},
		{"store.idempotency_ttl", f.Store.IdempotencyTTL},
	} {
		if span.d <= 0 || span.d > longest {
			fault(span.path, "must be positive, and at most %dd, got %s", longest/(24*time.Hour), config.FormatDuration(span.d))
		}
	}
}

// checkPrefix wants the i-th provider, a passthrough one, to hide nobody, and not to be hidden: its prefix is looked at before
// those of the others, after our own paths and after the passthrough providers that stand before it.
func (f *file) checkPrefix(fault faultFunc, at string, i int) {
	prefix := f.Providers[i].Value.Prefix
	for _, own := range proxy.Own() {
		if proxy.Hides(prefix, own) || proxy.Hides(own, prefix) {
			fault(at, "%q is ours: %s", prefix, own)
		}
	}
	for _, e := range f.Providers[:i] {
		if before := e.Value.Prefix; e.Value.Dialect == passthrough && before != "" && proxy.Hides(before, prefix) {
			fault(at, "%q is hidden by %s of %q, which stands before it", prefix, before, e.Name)
			return
		}
	}
	for _, e := range f.Providers {
		d := all.Find(e.Value.Dialect)
		if d == nil { // another passthrough provider
			continue
		}
		for _, door := range proxy.Prefixes(d) {
			if proxy.Hides(prefix, door) {
				fault(at, "%q hides %s, where apps call %q", prefix, door, e.Name)
				return
			}
		}
	}
}

// checkDisk finds what serve would not: files that the config names. It is not asked of a file that is only read.
func (f *file) checkDisk(doc *config.Document) error {
	var errs []error
	if t := f.Server.TLS; t.Cert != "" {
		if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
			errs = append(errs, doc.Errorf("server.tls", "%w", err))
		}
	}
	for name, c := range f.transports() {
		if _, err := c.open(nil); err != nil {
			errs = append(errs, doc.Locate(config.Key("providers", name), err))
		}
	}
	return config.Join(errs...)
}
