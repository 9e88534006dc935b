package main

import (
	"fmt"
	"net/http"
	"sync"

	"go.uber.org/zap"

	"switchyard/config"
	"switchyard/fetch"
)

// transports are the connections to providers. They live on through reloads that do not change how one is reached, and so do
// those of a provider that a reload takes out: its jobs under way are still asked for.
type transports struct {
	log *zap.Logger // nil if nothing is told of credentials

	mu  sync.RWMutex // guards the rest, but at the end
	cfg map[string]way
	m   map[string]connections // :: provider → its connections
}

// way is how a provider is reached, and in whose name, if that is not a key's.
type way struct {
	fetch.TransportConfig
	credentials credentials
}

// connections are the open ones to a provider.
type connections interface {
	http.RoundTripper
	CloseIdleConnections()
}

// open makes what has no connections yet. tell is told of the credentials, if there are any; see account.
func (w way) open(tell func(error)) (connections, error) {
	t, err := fetch.Transport(w.TransportConfig)
	if err != nil || w.credentials == "" {
		return t, err
	}
	return newAccount(w.credentials, t, tell)
}

// tell writes down what an account says of its credentials.
func (t *transports) tell(provider string, err error) {
	switch {
	case t.log == nil:
	case err != nil:
		t.log.Warn("credentials give no token", zap.String("provider", provider), zap.Error(err))
	default:
		t.log.Info("credentials give a token again", zap.String("provider", provider))
	}
}

// problems names, of some providers, those that are switched on whose credentials gave no token when one was asked for last.
func (t *transports) problems(providers config.Map[providerFile]) (problems []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, e := range providers {
		a, ok := t.m[e.Name].(*account)
		if !ok || !e.Value.Enabled {
			continue
		}
		if lack := a.lack.Load(); lack != nil {
			problems = append(problems, fmt.Sprintf("the credentials of %s give no token: %s", e.Name, lack.brief()))
		}
	}
	return problems
}

func (t *transports) of(provider string) http.RoundTripper {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if tr, ok := t.m[provider]; ok {
		return tr
	}
	return nobody(provider)
}

// nobody is the way to what never was a provider.
type nobody string

func (n nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, fmt.Errorf("no provider %q", string(n))
}

// build makes the connections of a config: those in use where nothing about them changes, else new ones. It changes
// nothing itself.
func (t *transports) build(cfg map[string]way) (map[string]connections, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	m := map[string]connections{}
	for name, c := range cfg {
		if old, ok := t.m[name]; ok && t.cfg[name] == c && !replaced(old) {
			m[name] = old
			continue
		}
		tr, err := c.open(func(err error) { t.tell(name, err) })
		if err != nil {
			return nil, fmt.Errorf("provider %q: %w", name, err)
		}
		m[name] = tr
	}
	return m, nil
}

// use puts in use what was built of cfg, and takes both for its own.
func (t *transports) use(cfg map[string]way, m map[string]connections) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, old := range t.m {
		if m[name] == nil {
			cfg[name], m[name] = t.cfg[name], old
		}
		if m[name] != old {
			old.CloseIdleConnections()
		}
	}
	t.cfg, t.m = cfg, m
}

func (t *transports) close() {
	for _, tr := range t.m {
		tr.CloseIdleConnections()
	}
}
