package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"golang.org/x/sync/singleflight"

	"switchyard"
)

// credentials is an account of Google Cloud's: a file as Google hands it out, or "default" for the one that the machine has, which is
// found as Google's own libraries do: GOOGLE_APPLICATION_CREDENTIALS, then gcloud's file, then the metadata server.
type credentials string

const ambient credentials = "default"

const (
	cloudScope   = "https://www.googleapis.com/auth/cloud-platform"
	tokenTimeout = 10 * time.Second // for one to be fetched
)

// cloudFile is where in Google Cloud a provider is, and who we are there. Only Vertex AI's have that.
type cloudFile struct {
	Project     string      `yaml:"project"`
	Location    string      `yaml:"location"` // global if it is not said
	Credentials credentials `yaml:"credentials"`
}

// check names the faults of what is in p at a path. Project and location come to be in addresses.
func (c cloudFile) check(fault faultFunc, at string, p providerFile) {
	if p.Dialect != "vertex" {
		for name, value := range map[string]string{"project": c.Project, "location": c.Location, "credentials": string(c.Credentials)} {
			if value != "" {
				fault(at+"."+name, "only dialect vertex has that")
			}
		}
		return
	}
	for name, value := range map[string]string{"project": c.Project, "location": c.Location} {
		if strings.ContainsAny(value, "/?#% ") || strings.HasPrefix(value, ".") {
			fault(at+"."+name, "want a name, got %q", value)
		}
	}
	if c.Project == "" && c.Credentials != "" {
		fault(at+".credentials", "need a project")
	}
	if c.Credentials != "" && !p.Key.IsZero() {
		fault(at+".credentials", "there is a key already: it is one or the other")
	}
}

// home is where the provider's paths have what is ours; empty if we have but a key, or none.
func (c cloudFile) home() string {
	if c.Project == "" {
		return ""
	}
	return "projects/" + c.Project + "/locations/" + cmp.Or(c.Location, "global")
}

// find reads the file anew each time: it may have been replaced. Errors quote nothing of it.
func (c credentials) find(ctx context.Context) (*google.Credentials, error) {
	if c == ambient {
		return google.FindDefaultCredentials(ctx, cloudScope)
	}
	text, err := os.ReadFile(string(c))
	if err != nil {
		return nil, err
	}
	var says struct{ Type google.CredentialsType }
	if json.Unmarshal(text, &says) != nil || says.Type == "" {
		return nil, errors.New("want a file that Google made, with a type such as service_account")
	}
	creds, err := google.CredentialsFromJSONWithType(ctx, text, says.Type, cloudScope)
	if err != nil {
		return nil, fmt.Errorf("not what a file of type %s has to say", says.Type)
	}
	return creds, nil
}

// account is the way to a provider that wants a token of Google's, which lasts for an hour or so.
type account struct {
	*http.Transport
	of    credentials
	last  atomic.Pointer[oauth2.Token] // nil if none is known to be good
	fetch singleflight.Group
}

// newAccount looks at a file. What a machine's own account is shows when the first token is asked for.
func newAccount(c credentials, t *http.Transport) (*account, error) {
	if c != ambient {
		if _, err := c.find(context.Background()); err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
	}
	return &account{Transport: t, of: c}, nil
}

// RoundTrip sends r with a token, or not at all. A token that the provider does not take is not sent again.
func (a *account) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := a.token(r.Context())
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fmt.Errorf("credentials: %w", err)
	}
	signed := r.WithContext(r.Context()) // a copy: the caller's is not ours to change
	signed.Header = r.Header.Clone()
	signed.Header.Del("X-Goog-Api-Key")
	token.SetAuthHeader(signed)
	resp, err := a.Transport.RoundTrip(signed)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		a.last.CompareAndSwap(token, nil)
	}
	return resp, err
}

// token is the last one while it is good, else a new one, which all wait for who need it, each for as long as its context says.
func (a *account) token(ctx context.Context) (*oauth2.Token, error) {
	if t := a.last.Load(); t.Valid() {
		return t, nil
	}
	select {
	case r := <-a.fetch.DoChan("", a.newToken):
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*oauth2.Token), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// newToken asks by the provider's own connections: it may be behind a proxy.
func (a *account) newToken() (any, error) {
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: a.Transport, Timeout: tokenTimeout})
	creds, err := a.of.find(ctx)
	if err != nil {
		return nil, err
	}
	t, err := creds.TokenSource.Token()
	if err != nil {
		return nil, err
	}
	a.last.Store(t)
	return t, nil
}

// standIn is the key of a provider that has credentials: there is one, and it is ours.
var standIn = switchyard.NewSecret("credentials")
