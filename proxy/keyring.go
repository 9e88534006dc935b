package proxy

import (
	"crypto/sha256"
	"strings"

	"switchyard"
	"switchyard/dialect"
)

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

// shared reports whether the keys belong to several tenants, of whom none may see what another has at a provider.
func (ring Keyring) shared() bool {
	tenants := map[string]bool{}
	for _, k := range ring {
		tenants[k.Tenant] = true
	}
	return len(tenants) > 1
}

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
	key := ring[sha256.Sum256([]byte(strings.TrimPrefix(secret.Reveal(), dialect.Bearer)))]
	if key == nil {
		return nil, &switchyard.Error{Kind: switchyard.Unauthenticated, Detail: "unknown key"}
	}
	return &caller{key: key, tenant: key.Tenant}, nil
}
