package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/proxy"
	"switchyard/router"
)

// clock is a time that goes by when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// slowly is a body that takes an hour to come.
type slowly struct {
	io.Reader
	clock *clock
}

func (s *slowly) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil {
		s.clock.pass(time.Hour)
	}
	return n, err
}

// generates has the handler of a front door make pictures, too.
func generates(h *proxy.Handler) {
	h.Runner.Dialects = map[string]dialect.Dialect{}
	for _, d := range all.Dialects() {
		h.Runner.Dialects[d.Name()] = d
	}
	h.Runner.MaxAnswer, h.Runner.MaxImage = 1<<20, 1<<20
}

const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="

// TestPace: how long a route's pictures take is what a second target is asked by, when the first has been at it for longer. What
// comes before anybody is asked is no part of that.
func TestPace(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	h, _ := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		now.pass(time.Second)
		_ = json.NewEncoder(w).Encode(map[string]any{"created": 1, "data": []any{map[string]any{"b64_json": pixel}}})
	}, proxy.Settings{RequestTimeout: map[string]time.Duration{"": time.Minute}})
	h.Now, h.Runner.Now = now.read, now.read
	h.Pace = &router.Pace{}
	generates(h)
	for range 20 {
		r := httptest.NewRequest(http.MethodPost, "/v1/images/generations",
			&slowly{strings.NewReader(`{"model":"gpt-image-1","prompt":"a signal box"}`), now})
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	route := &router.Route{Name: router.Default, Hedge: &router.Hedge{}}
	route.Hedge.SetDefaults()
	if hedge := h.Pace.Hedging(route, &switchyard.Request{Images: 1}); hedge == nil || hedge.After != time.Second {
		t.Errorf("a second target is asked after %+v", hedge)
	}
}

// TestPaceOfTheLate: a job that an earlier process left at its provider, and that is found again, tells nothing of how long any take.
func TestPaceOfTheLate(t *testing.T) {
	now := time.Now()
	h := &proxy.Handler{Statistics: &router.Statistics{}, Pace: &router.Pace{}}
	made := switchyard.Attempt{Target: "a", Outcome: switchyard.OK, Latency: 24 * time.Hour}
	job := &attempt.Job{Request: &switchyard.Request{}, Held: []switchyard.Attempt{made}}
	proxy.Observe(h, job, made)
	if took, _, known := h.Statistics.Latency("a", job.Request, now); known {
		t.Errorf("it took %v", took)
	}
	job.Held = nil
	proxy.Observe(h, job, made)
	if _, _, known := h.Statistics.Latency("a", job.Request, now); !known {
		t.Error("nor does one that this process began")
	}
}
