package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"switchyard/admin"
	"switchyard/config"
	"switchyard/dialect"
)

// probeFile is a page of a provider that costs nothing to read.
type probeFile struct {
	Path  string        `yaml:"path"`
	Every time.Duration `yaml:"every"`
}

// SetDefaults is what a probe is that does not say.
func (p *probeFile) SetDefaults() { p.Every = 30 * time.Second }

// check is what is wrong with a probe.
func (p *probeFile) check(fault faultFunc, at string) {
	if p == nil {
		return
	}
	if !strings.HasPrefix(p.Path, "/") || strings.ContainsAny(p.Path, "?# ") {
		fault(at+".path", "want a path such as /v1beta/models, got %q", p.Path)
	}
	if p.Every < time.Second {
		fault(at+".every", "want 1s or more, got %v", p.Every)
	}
}

// A probe reads so much, and waits so long, at most.
const (
	probeBody    = 64 << 10
	probeTimeout = 10 * time.Second
)

// probe asks the providers of a config that have a probe, in the place of those of the one before.
func (s *sidecar) probe(f *file) {
	if s.probing != nil {
		s.probing()
	}
	ctx, cancel := context.WithCancel(s.work)
	s.probing = cancel
	probed := map[string]bool{}
	for _, e := range f.Providers {
		p := e.Value
		if p.Probe == nil || !p.Enabled || p.key().IsZero() && p.Dialect != passthrough {
			continue
		}
		probed[e.Name] = true
		s.background.Go(func() { s.probeEvery(ctx, e) })
	}
	s.watch.Forget(func(provider string) bool { return probed[provider] })
}

// probeEvery asks one provider until ctx ends. One that is stopped by hand is left alone.
func (s *sidecar) probeEvery(ctx context.Context, e config.Entry[providerFile]) {
	for tick := time.NewTicker(e.Value.Probe.Every); ; {
		if _, stopped := s.switches.Stopped("", e.Name, ""); !stopped {
			p := admin.Probe{At: time.Now()}
			if err := s.ask(ctx, e); err != nil {
				p.Problem = err.Error()
			}
			if ctx.Err() == nil {
				s.watch.Probed(e.Name, p)
			}
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

// ask reads a provider's page with our key. The error is for everybody: it has no address in it.
func (s *sidecar) ask(ctx context.Context, e config.Entry[providerFile]) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	t := e.Value.target(e.Name)
	d := s.handler.Runner.Dialects[t.Dialect] // nil of a passthrough provider
	base, path := "", e.Value.Probe.Path
	if l, ok := d.(dialect.Locator); ok {
		base, path = l.Locate(t, path)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Bases[base]+path, nil)
	if err != nil {
		return errors.New("malformed address")
	}
	req.Header.Set("User-Agent", "switchyard")
	if d != nil {
		d.PutKey(req.Header, t.Key)
	} else if !t.Key.IsZero() {
		req.Header.Set("Authorization", "Bearer "+t.Key.Reveal())
	}
	resp, err := s.transports.of(e.Name).RoundTrip(req)
	switch {
	case ctx.Err() != nil:
		return errors.New("no answer in time")
	case err != nil:
		return errors.New("no answer")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, probeBody)) // so that the connection can be kept
	if resp.StatusCode >= 300 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
