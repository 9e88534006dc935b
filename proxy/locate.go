package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"switchyard"
	"switchyard/asset"
	"switchyard/dialect"
)

// place is where a request arrived: whose protocol it speaks, which path of that provider it means, and what it wants there.
type place struct {
	dialect dialect.Dialect // nil for passthrough providers
	mount   *Mount          // nil but for those
	base    string          // key in Target.Bases
	prefix  string          // of ours, cut off
	path    string          // decoded, the provider's
	raw     string          // the same, escaped as the app did
	query   url.Values
	op      dialect.Op // Other for passthrough providers, too
}

// Mount is a passthrough provider: any other HTTP API, guarded and metered.
type Mount struct {
	Target *switchyard.Target
	Prefix string
}

// locate finds whom a request is for, and what it wants. ok is false if it is for nobody.
func (s *Snapshot) locate(r *http.Request) (p place, ok bool) {
	p, ok = s.find(r)
	if p.dialect != nil {
		p.op = p.dialect.Route(p.base, r.Method, p.path)
	}
	return p, ok
}

// find finds whom a request is for: by a prefix of ours, else by a provider's own host name, else by a path that only one of
// them can mean.
func (s *Snapshot) find(r *http.Request) (p place, ok bool) {
	asked := place{path: r.URL.Path, raw: r.URL.EscapedPath(), query: r.URL.Query()}
	if !clean(asked.path) {
		return place{}, false
	}
	for i := range s.Mounts {
		if rest, ok := under(asked.path, s.Mounts[i].Prefix); ok {
			p = asked.below(s.Mounts[i].Prefix, rest)
			p.mount = &s.Mounts[i]
			return p, true
		}
	}
	for d, at := range s.places {
		if at.Prefix == "" {
			continue
		}
		switch rest, ok := under(asked.path, at.Prefix); {
		case ok && at.Header != "":
			return s.redirected(r, d, at)
		case ok:
			p = asked.below(at.Prefix, rest)
			p.dialect, p.base = d, at.Base
			return p, true
		}
	}
	host := hostname(r.Host)
	for d, at := range s.places {
		if slices.Contains(at.Hosts, host) {
			asked.dialect, asked.base = d, at.Base
			return asked, true
		}
	}
	if asked.dialect = s.claimant(&asked, r.Header); asked.dialect == nil {
		return place{}, false
	}
	return asked, true
}

// below is p with a prefix of ours cut off, which leaves rest of its path.
func (p *place) below(prefix, rest string) place {
	return place{prefix: prefix, path: rest, raw: cut(p.raw, prefix, rest), query: p.query}
}

// places goes through where apps find the dialects.
func (s *Snapshot) places(yield func(dialect.Dialect, *dialect.Place) bool) {
	for _, d := range s.Dialects {
		all := d.Places()
		for i := range all {
			if !yield(d, &all[i]) {
				return
			}
		}
	}
}

// claimant is the first dialect that claims a path without a prefix; nil if none does.
func (s *Snapshot) claimant(p *place, h http.Header) dialect.Dialect {
	path := p.path
	if strings.Contains(p.raw, "%2F") || strings.Contains(p.raw, "%2f") { // within a name of OpenAI's, where Replicate's have two
		path = p.raw
	}
	for _, d := range s.Dialects {
		if d.Claims(path, h, p.query) {
			return d
		}
	}
	return nil
}

// bare are the versions that SDKs put first in their paths, if they are led here without a prefix.
var bare = []string{"/v1", "/v1beta"}

// Prefixes are where apps find these dialects: what an SDK's base URL may end in, or begin its paths with.
func Prefixes(dialects ...dialect.Dialect) []string {
	var prefixes []string
	for _, version := range bare {
		if slices.ContainsFunc(dialects, func(d dialect.Dialect) bool { return d.Claims(version+"/", http.Header{}, nil) }) {
			prefixes = append(prefixes, version)
		}
	}
	for _, d := range dialects {
		for _, p := range d.Places() {
			if p.Prefix != "" {
				prefixes = append(prefixes, p.Prefix)
			}
		}
	}
	return prefixes
}

// Own are the paths that are ours and no provider's.
func Own() []string {
	return []string{strings.TrimSuffix(extrasPath, "/"), strings.TrimSuffix(asset.Prefix, "/"), healthPath, readyPath}
}

// Hides reports whether all that is below path is below prefix, too.
func Hides(prefix, path string) bool {
	_, ok := under(path, prefix)
	return ok
}

// redirected reads the address that a request names in a header. Our own address there means the path on ourselves.
func (s *Snapshot) redirected(r *http.Request, d dialect.Dialect, at *dialect.Place) (place, bool) {
	target, err := url.Parse(r.Header.Get(at.Header))
	if err != nil || target.User != nil || target.Host == "" || !clean(target.Path) {
		return place{}, false
	}
	p := place{dialect: d, prefix: at.Prefix, path: target.Path, raw: target.EscapedPath(), query: target.Query()}
	if target.Host == r.Host || strings.HasSuffix(s.Settings.origin(r), "://"+target.Host) {
		self := r.Clone(r.Context())
		self.URL, self.Header = target, http.Header{}
		return s.find(self)
	}
	for _, place := range d.Places() {
		if target.Scheme == "https" && slices.Contains(place.Hosts, target.Host) {
			p.base = place.Base
			return p, true
		}
	}
	return place{}, false
}

// clean reports whether a decoded path has no tricks in it: what a provider's server may read in another way than we do.
func clean(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "\\\x00\r\n") &&
		!slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." })
}

// under is path below prefix, with a leading slash.
func under(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	if rest == "" {
		rest = "/"
	}
	return rest, true
}

// cut is an escaped path below prefix; where letters of the prefix are escaped in it, the decoded rest escaped anew.
func cut(raw, prefix, rest string) string {
	if below, ok := under(raw, prefix); ok {
		return below
	}
	return (&url.URL{Path: rest}).EscapedPath()
}

func hostname(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// origin is the address under which the app called us: the configured one, else what it put into Host. What a proxy in
// front of us says counts only if that proxy is trusted.
func (s *Settings) origin(r *http.Request) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusts(r.RemoteAddr) {
		if proto := r.Header.Get("X-Forwarded-Proto"); proto == "https" || proto == "http" {
			scheme = proto
		}
		if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, "/\\@ ,\"<>") {
			host = forwarded
		}
	}
	return scheme + "://" + host
}

func (s *Settings) trusts(remote string) bool {
	addr, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr.Addr().Unmap()) })
}
