package proxy

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"time"

	"switchyard"
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
	PublicURL       string         // how apps reach us, without a slash at the end; empty: by the Host they call
	TrustedProxies  []netip.Prefix // whose X-Forwarded-Proto and -Host count
	Origins         []string       // that browsers may call from; "*" for all
	MaxRequestBody  int64
	ReadBodyTimeout time.Duration
	RequestTimeout  map[string]time.Duration // by dialect; "" for all others
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

// boundBody bounds the time that the body of a request may take to come, until done is called. A writer that has no connection
// under it bounds nothing.
func (s *Settings) boundBody(w http.ResponseWriter) (done func()) {
	if s.ReadBodyTimeout <= 0 {
		return func() {}
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(s.ReadBodyTimeout)) // the connection goes by the machine's clock
	return func() { _ = control.SetReadDeadline(time.Time{}) }
}

// Key is a virtual key: what an app sends to us instead of a provider's.
type Key struct {
	Name   string
	Secret switchyard.Secret
	Tenant string
	Labels map[string]string
}

// Keyring is the virtual keys by the hash of their secret, so that finding one takes the same time however much of a
// guess is right. A nil Keyring takes every credential, each as a tenant of its own.
type Keyring map[[sha256.Size]byte]*Key

// NewKeyring is nil for no keys. One without a secret opens nothing.
func NewKeyring(keys []*Key) Keyring {
	if len(keys) == 0 {
		return nil
	}
	ring := Keyring{}
	for _, k := range keys {
		if k.Secret.IsZero() {
			continue
		}
		ring[sha256.Sum256([]byte(k.Secret.Reveal()))] = k
	}
	return ring
}

// named finds a key by its name; nil if it is gone.
func (ring Keyring) named(name string) *Key {
	for _, k := range ring {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// caller is who calls, and with what.
type caller struct {
	key    *Key              // nil without virtual keys
	tenant string            // never empty
	own    switchyard.Secret // the app's own credential, for the provider it belongs to; empty with virtual keys
}

func (c *caller) keyName() string {
	if c.key == nil {
		return ""
	}
	return c.key.Name
}

// anonymous is the tenant of callers without any credential.
const anonymous = "anonymous"

// identify tells who sent a credential; it errs if only known keys may call.
func (ring Keyring) identify(secret switchyard.Secret) (*caller, error) {
	if ring == nil {
		if secret.IsZero() {
			return &caller{tenant: anonymous}, nil
		}
		return &caller{tenant: "credential-" + secret.Fingerprint(), own: secret}, nil
	}
	if secret.IsZero() {
		return nil, &switchyard.Error{Kind: switchyard.NoKey}
	}
	key := ring[sha256.Sum256([]byte(secret.Reveal()))]
	if key == nil {
		return nil, &switchyard.Error{Kind: switchyard.Unauthenticated, Detail: "unknown key"}
	}
	return &caller{key: key, tenant: key.Tenant}, nil
}
