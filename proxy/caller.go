package proxy

import (
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/limit"
)

// caller is who calls, and with what.
type caller struct {
	key    *Key              // nil without virtual keys
	tenant string            // never empty
	own    switchyard.Secret // the app's own credential, for the provider it belongs to; empty with virtual keys
}

// hasOwn reports whether the app has a credential that it may use towards the provider that this belongs to.
func (c *caller) hasOwn() bool { return !c.own.IsZero() }

// keyName returns the name of the virtual key; empty without one.
func (c *caller) keyName() string {
	if c.key == nil {
		return ""
	}
	return c.key.Name
}

// limit returns the limit of the virtual key, which must be there.
func (c *caller) limit() limit.Name { return limit.Name{Scope: limit.Key, Name: c.key.Name} }

// anonymous is the tenant of callers without any credential.
const anonymous = "anonymous"

// identify finds out who calls: by the app's credential; if there is none, by the pass in an address that we gave it.
func (q *request) identify() (*caller, error) {
	secret := q.takeKey()
	pass := q.place.query.Get(passParam)
	q.place.query.Del(passParam)
	if _, ok := q.place.dialect.(dialect.Linker); ok && secret.IsZero() {
		if k := q.snap.Keys.passed(pass, q.place.raw, q.place.query); k != nil {
			return &caller{key: k, tenant: k.Tenant}, nil
		}
	}
	return q.snap.Keys.identify(secret)
}

// takeKey takes the app's credential out of the request. In a request to a passthrough provider it is left in place,
// for it may be meant for that one.
func (q *request) takeKey() switchyard.Secret {
	if q.place.dialect == nil {
		said := q.r.Header.Get("Authorization")
		if scheme, token, ok := strings.Cut(said, " "); ok && strings.EqualFold(scheme, "bearer") {
			said = token
		}
		return switchyard.NewSecret(said)
	}
	q.rec.Dialect = q.place.dialect.Name()
	q.r.Header = q.r.Header.Clone()
	return q.place.dialect.TakeKey(q.r.Header, q.place.query)
}

// ownLimit keeps the caller within the limit of its own key. An app over it hears so at once. Questions about tickets are free: the
// job that an app asks about, or wants to cancel, may be what takes the last place.
func (q *request) ownLimit() (func(), error) {
	if q.caller.key == nil || q.place.op == dialect.Ticket {
		return func() {}, nil
	}
	return q.Runner.Limiter.Acquire(q.r.Context(), []limit.Name{q.caller.limit()}, 0, 0)
}

// ownImages does the same for the images that the caller asks for.
func (q *request) ownImages(n int) error {
	if q.caller.key == nil {
		return nil
	}
	return q.Runner.Limiter.TakeImages(q.caller.limit(), n)
}
