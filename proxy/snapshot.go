package proxy

import (
	"net/http"
	"net/netip"
	"time"

	"switchyard/dialect"
	"switchyard/router"
)

// Snapshot is a config in force, built. It is swapped whole; a request keeps the one it began with.
type Snapshot struct {
	Dialects []dialect.Dialect // in the order in which they claim bare paths
	Router   *router.Router
	Keys     Keyring
	Mounts   []Mount // passthrough providers, by prefix
	Settings Settings
}

// Settings are the "server:" part of config.yaml, as far as requests are concerned.
type Settings struct {
	PublicURL       string                   // how apps reach us, without a slash at the end; empty: by the Host they call
	TrustedProxies  []netip.Prefix           // whose X-Forwarded-Proto and -Host count
	Origins         []string                 // that browsers may call from; "*" for all
	MaxRequestBody  int64                    // bytes, of what does not pass through as it comes
	ReadBodyTimeout time.Duration            // for such a body; 0: as long as it takes
	RequestTimeout  map[string]time.Duration // for a generation, by dialect; "" for all others. Needed
	Hide            bool                     // the X-Switchyard-* headers
	KeepPrompts     bool
}

// timeout is how long one request of the app may take, all attempts together.
func (s *Settings) timeout(dialectName string) time.Duration {
	if d, ok := s.RequestTimeout[dialectName]; ok {
		return d
	}
	return s.RequestTimeout[""]
}

// boundBody bounds the time that the body of a request may take to come. The caller calls came when all of it has come. Until then the
// bound stays, for the answer as well: package net/http waits for the rest of the body before it lets an answer go. A request without a
// body has no bound, since reading its connection only shows whether the app has left. Nor has a writer without a connection under it.
func (s *Settings) boundBody(w http.ResponseWriter, r *http.Request) (came func()) {
	if s.ReadBodyTimeout <= 0 || r.Body == http.NoBody {
		return func() {}
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.ReadBodyTimeout)) // the connection goes by the machine's clock
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}
