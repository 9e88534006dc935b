package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"switchyard"
)

const (
	tokenTimeout = 10 * time.Second // that fetching one may take
	tokenAhead   = 4 * time.Minute  // how long before a token ends the next is fetched; a machine's metadata server has none earlier
)

// account is the way to a provider that wants a token of Google's, which lasts for an hour or so.
type account struct {
	*http.Transport
	of    credentials
	file  [sha256.Size]byte    // what it said when we looked at it
	last  atomic.Pointer[pass] // nil if none is known to be good
	fetch singleflight.Group
	tell  func(error)             // that there is no token, or none for another reason, and (nil) that there is one again; may be nil
	lack  atomic.Pointer[noToken] // why there was none when one was asked for last; nil if there was
}

// pass is what Google lets an account in by.
type pass struct {
	*oauth2.Token
	quota string // the project that its use counts for; empty for the one that is asked
}

// newAccount looks at a file. What a machine's own account is shows when the first token is asked for.
func newAccount(c credentials, t *http.Transport, tell func(error)) (*account, error) {
	a := &account{Transport: t, of: c, tell: tell}
	if c == ambient {
		return a, nil
	}
	text, err := os.ReadFile(string(c))
	if err == nil {
		a.file = sha256.Sum256(text)
		_, err = parseCredentials(context.Background(), text)
	}
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return a, nil
}

// replaced reports whether connections are in the name of a file that does not say any more what it said when they were made.
func replaced(c connections) bool {
	a, ok := c.(*account)
	if !ok || a.of == ambient {
		return false
	}
	text, err := os.ReadFile(string(a.of))
	return err != nil || sha256.Sum256(text) != a.file
}

// RoundTrip sends r with a token, or not at all. A token that the provider does not take is not sent again.
func (a *account) RoundTrip(r *http.Request) (*http.Response, error) {
	p, err := a.pass(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, unsigned(err)
	}
	signed := r.WithContext(r.Context()) // a copy: the caller's is not ours to change
	signed.Header = r.Header.Clone()
	signed.Header.Del("X-Goog-Api-Key")
	p.SetAuthHeader(signed)
	if p.quota != "" {
		signed.Header.Set("X-Goog-User-Project", p.quota)
	}
	resp, err := a.Transport.RoundTrip(signed)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		a.last.CompareAndSwap(p, nil)
	}
	return resp, err
}

// pass is the last one while it is good for some time yet; else a new one is fetched, once for all who need it. They wait for it, each
// as long as its context allows, unless the last one still serves.
func (a *account) pass(ctx context.Context) (*pass, error) {
	last := a.last.Load()
	if last.lasts(tokenAhead) {
		return last, nil
	}
	next := a.fetch.DoChan("", a.newPass)
	if last.lasts(0) {
		return last, nil
	}
	select {
	case r := <-next:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*pass), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lasts reports whether there is a pass, and it is good for some time yet.
func (p *pass) lasts(more time.Duration) bool {
	return p != nil && p.Valid() && (p.Expiry.IsZero() || time.Until(p.Expiry) > more)
}

// unsigned is the failure of a request that could not be sent for lack of a token. Credentials that are refused are as a key that is.
func unsigned(err error) error {
	wrapped := fmt.Errorf("credentials: %w", err)
	if lack, ok := errors.AsType[*noToken](err); ok && lack.refused() {
		return &switchyard.Error{Outcome: switchyard.Unauthorized, Err: wrapped}
	}
	return wrapped
}

// newPass fetches one, and tells how that went if it went otherwise before.
func (a *account) newPass() (any, error) {
	if last := a.last.Load(); last.lasts(tokenAhead) { // another fetch ended just after the caller had looked
		return last, nil
	}
	p, err := a.ask()
	if err != nil {
		lack := whyNone(err)
		if before := a.lack.Swap(lack); a.tell != nil && !lack.same(before) {
			a.tell(lack)
		}
		return nil, lack
	}
	a.last.Store(p)
	if before := a.lack.Swap(nil); a.tell != nil && before != nil {
		a.tell(nil)
	}
	return p, nil
}

// ask asks by the provider's own connections: it may be behind a proxy.
func (a *account) ask() (*pass, error) {
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: a.Transport, Timeout: tokenTimeout})
	creds, err := a.of.find(ctx)
	if err != nil {
		return nil, err
	}
	p := &pass{}
	switch p.Token, err = creds.TokenSource.Token(); {
	case err != nil:
		return nil, err
	case p.AccessToken == "":
		return nil, errors.New("the answer has no token")
	}
	var says struct {
		Quota string `json:"quota_project_id"`
	}
	_ = json.Unmarshal(creds.JSON, &says) // there is none of a machine's own account
	p.quota = says.Quota
	return p, nil
}
