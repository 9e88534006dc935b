package proxy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"io"
	"strings"

	"switchyard"
	"switchyard/cache"
	"switchyard/router"
	"switchyard/spool"
)

// maxKey is how long an app's key may be.
const maxKey = 255

// idempotencyKey is the app's own name for its request; empty if it has none, or is nobody whom we would know again.
func (q *request) idempotencyKey() (string, error) {
	key := q.r.Header.Get("Idempotency-Key")
	if key == "" {
		key = q.r.Header.Get("X-Idempotency-Key")
	}
	switch {
	case q.caller.tenant == anonymous:
		return "", nil
	case len(key) > maxKey:
		return "", switchyard.Invalid("Idempotency-Key", "The Idempotency-Key has more than %d characters.", maxKey)
	}
	return key, nil
}

// scope is what an app's key belongs to: the same key means another request in another scope.
func (q *request) scope() string {
	return strings.Join([]string{q.caller.tenant, q.caller.keyName(), q.rec.Dialect, q.place.base, q.rec.Path}, "\x00")
}

// seed is what a ticket's id is made of: of chance, or of the app's key and the number of tickets under it that failed.
func (q *request) seed(key string, n int) (seed [20]byte) {
	if key == "" {
		_, _ = rand.Read(seed[:]) // it never fails
		return seed
	}
	var secret []byte
	if q.HookKeys != nil {
		secret = q.HookKeys(q.caller.tenant).Shared // so that nobody else can tell the id
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "ticket\x00%s\x00%s\x00%d", q.scope(), key, n)
	copy(seed[:], mac.Sum(nil))
	return seed
}

// sum is a digest of all that the app asked for.
func (q *request) sum(msg *spool.Message) (s cache.Sum, err error) {
	h := sha256.New()
	query := q.place.query.Encode()
	fmt.Fprintf(h, "%d%s", len(query), query)
	err = digest(h, msg)
	copy(s[:], h.Sum(nil))
	return s, err
}

func (q *request) sumText(msg *spool.Message) (string, error) {
	s, err := q.sum(msg)
	return hex.EncodeToString(s[:]), err
}

// seeds make fingerprints of this process alone; two of them, since one has only 64 bits.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// fingerprint is the same for the same request of the same caller, as long as the process lives. It is far cheaper than
// a digest, since every request has one.
func (q *request) fingerprint(msg *spool.Message) (s cache.Sum, err error) {
	head := q.scope() + "\x00" + q.place.query.Encode()
	for i, seed := range seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(head)
		if err := digest(&h, msg); err != nil {
			return s, err
		}
		copy(s[8*i:], h.Sum(nil))
	}
	return s, nil
}

// shared is a digest that is the same for requests that may have the same answer: of the same tenant and key, in the same
// words, by the same route. Addresses of hosted pictures begin with the one that the app calls.
func (q *request) shared(route *router.Route, msg *spool.Message) (s cache.Sum, err error) {
	h := sha256.New()
	for _, text := range []string{"cache", q.scope(), q.origin, q.place.prefix, route.Name, q.place.query.Encode()} {
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	err = digest(h, msg)
	copy(s[:], h.Sum(nil))
	return s, err
}

// digest hashes a body; of a form its parts, since the boundary between them is another one in each retry.
func digest(h io.Writer, msg *spool.Message) error {
	if !msg.IsForm() {
		return hashBlob(h, msg.Body)
	}
	form, err := msg.Form()
	if err != nil {
		return err
	}
	for _, p := range form.Parts {
		fmt.Fprintf(h, "%q %q %q %d ", p.Name, p.FileName, p.Type, p.Len())
		if err := hashBlob(h, p.Blob()); err != nil {
			return err
		}
	}
	return nil
}

func hashBlob(h io.Writer, b switchyard.Blob) error {
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(h, r)
	return err
}
