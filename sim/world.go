package sim

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Config says what to simulate. The zero Config works: free ports of 127.0.0.1, no failures, no waiting; and the models
// that have been shut down are shut down.
type Config struct {
	Speed     float64             // divides every simulated latency; 0 answers at once
	Seed      uint64              // of chance in latency and failure; the same seed gives the same results
	Keys      map[string][]string // :: provider name → keys it accepts; a name without any has DefaultKey
	Imagen    bool                // Imagen 4 works at Google, as before its shutdown; to shut it down, set Behavior.Alive to nil
	Addrs     map[string]string   // :: site name → host:port; a name without one gets a free port. See SiteNames
	Behaviors map[string]Behavior // :: provider name → how it behaves at first
}

// ImagenIDs are the models that Config.Imagen keeps alive.
var ImagenIDs = []string{"imagen-4.0-generate-001", "imagen-4.0-ultra-generate-001", "imagen-4.0-fast-generate-001"}

// DefaultKey returns the key that the named provider accepts unless Config.Keys says otherwise.
func DefaultKey(provider string) string {
	return map[string]string{"google": "AIzaSySIMKEY", "openai": "sk-sim", "fal": "sim:key", "replicate": "r8_sim"}[provider]
}

// SiteNames returns the names for Config.Addrs, one for each listener.
func SiteNames() []string {
	return []string{"google", cloudSite, "openai", "fal", "fal-queue", "fal-rest", "fal-cdn", "replicate", "replicate-delivery"}
}

// World is all providers, running. Close stops it. Its methods and those of its providers may be called at the same time.
type World struct {
	Google, OpenAI, Fal, Replicate *Provider

	FalCDN            *Site // where fal's results and uploads are fetched
	ReplicateDelivery *Site // where Replicate's outputs are fetched

	gallery gallery
	speed   float64
	ctx     context.Context // ends when the world closes; until then work goes on even if its app has left
	cancel  context.CancelFunc
	wg      sync.WaitGroup // handlers, jobs and webhooks
	mu      sync.Mutex
	closed  bool
	sites   []*Site
	fetch   *http.Client // for reference images and webhooks
}

// Start opens every listener. On an error nothing is left open.
func Start(cfg Config) (*World, error) {
	w := &World{speed: cfg.Speed}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.fetch = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 30 * time.Second}
	w.Google, w.OpenAI = newProvider(w, cfg, "google"), newProvider(w, cfg, "openai")
	w.Fal, w.Replicate = newProvider(w, cfg, "fal"), newProvider(w, cfg, "replicate")
	if cfg.Imagen {
		w.Google.Update(func(b *Behavior) { b.Alive = append(b.Alive, ImagenIDs...) })
	}
	w.FalCDN, w.ReplicateDelivery = newSite(w.Fal, "fal-cdn"), newSite(w.Replicate, "replicate-delivery")
	fal, rep := newFal(w, w.FalCDN), newReplicate(w, w.ReplicateDelivery)
	goog, oai := &google{w.Google}, newOpenAI(w.OpenAI)
	w.Google.voice, w.OpenAI.voice, w.Fal.voice, w.Replicate.voice = goog, oai, fal, rep
	open := []struct {
		name  string
		p     *Provider
		site  *Site // nil if only we need it
		serve func(*exchange)
		url   *string
	}{
		{"google", w.Google, nil, goog.serve, &w.Google.URL},
		{cloudSite, w.Google, nil, goog.serveCloud, &w.Google.CloudURL},
		{"openai", w.OpenAI, nil, oai.serve, &w.OpenAI.URL},
		{"fal", w.Fal, nil, fal.serveRun, &w.Fal.URL},
		{"fal-queue", w.Fal, nil, fal.serveQueue, &w.Fal.QueueURL},
		{"fal-rest", w.Fal, nil, fal.serveRest, &w.Fal.RestURL},
		{"fal-cdn", w.Fal, w.FalCDN, fal.serveCDN, nil},
		{"replicate", w.Replicate, nil, rep.serve, &w.Replicate.URL},
		{"replicate-delivery", w.Replicate, w.ReplicateDelivery, rep.serveDelivery, nil},
	}
	for _, o := range open {
		s := o.site
		if s == nil {
			s = newSite(o.p, o.name)
		}
		if err := s.listen(cfg.Addrs[o.name], o.serve); err != nil {
			_ = w.Close()
			return nil, fmt.Errorf("site %q: %w", o.name, err)
		}
		w.sites = append(w.sites, s)
		if o.url != nil {
			*o.url = s.URL
		}
	}
	return w, nil
}

// Close stops every listener, cuts what is under way, and waits for all of the world's goroutines. It may be called again.
func (w *World) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	for _, s := range w.sites {
		_ = s.server.Close() // nothing that matters can fail
	}
	w.wg.Wait()
	w.fetch.CloseIdleConnections()
	return nil
}

// Providers returns all four, in order.
func (w *World) Providers() []*Provider {
	return []*Provider{w.Google, w.OpenAI, w.Fal, w.Replicate}
}

// Provider returns the one of that name, or nil.
func (w *World) Provider(name string) *Provider {
	for _, p := range w.Providers() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// begin counts a goroutine in, and is true, unless the world is closing. After each true call w.wg.Done once.
func (w *World) begin() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.wg.Add(1)
	return true
}

// work runs f in a goroutine that Close waits for.
func (w *World) work(f func()) {
	if !w.begin() {
		return
	}
	go func() {
		defer w.wg.Done()
		f()
	}()
}

// waitUnless waits for d for a job, and reports whether it did: it is false if done is closed first, or the world ends.
func (w *World) waitUnless(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-done:
		return false
	default:
	}
	select {
	case <-t.C:
		return w.ctx.Err() == nil
	case <-done:
		return false
	case <-w.ctx.Done():
		return false
	}
}
