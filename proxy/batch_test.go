package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"switchyard/cache"
)

// TestBatchesAreBounded: as many batches are remembered as there is room for. Those that run stay, those that are over make
// room, the oldest first, and where there is none a new one is refused.
func TestBatchesAreBounded(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	const runs = -1 * time.Second
	type kind struct {
		name     string
		count    int
		requests int           // of each
		over     time.Duration // for how long; runs: not yet
	}
	full := maxRemembered / maxBatch
	for name, c := range map[string]struct {
		have    []kind
		refused bool
		gone    []string
	}{
		"room for one":              {have: []kind{{"a", maxBatches - 1, 1, runs}}},
		"too many run":              {have: []kind{{"a", maxBatches, 1, runs}}, refused: true},
		"too many, some over":       {have: []kind{{"a", maxBatches - 2, 1, runs}, {"new", 1, 1, time.Minute}, {"old", 1, 1, 2 * time.Minute}}, gone: []string{"old0"}},
		"room for its requests":     {have: []kind{{"a", full - 1, maxBatch, runs}}},
		"too many requests run":     {have: []kind{{"a", full, maxBatch, runs}}, refused: true},
		"too many requests":         {have: []kind{{"a", full - 1, maxBatch, runs}, {"new", 1, 400, time.Minute}, {"old", 2, 300, 2 * time.Minute}}, gone: []string{"new0", "old0", "old1"}},
		"too few of them over":      {have: []kind{{"a", full - 1, maxBatch, runs}, {"b", 1, 1, runs}, {"old", 1, 999, time.Minute}}, refused: true},
		"over for as long as kept":  {have: []kind{{"old", 1, 1, batchKept}}},
		"over for longer than that": {have: []kind{{"old", 2, 1, batchKept + 1}, {"a", 1, 1, runs}}, gone: []string{"old0", "old1"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := &batches{m: map[string]*batch{}}
			for _, k := range c.have {
				for i := range k.count {
					b := &batch{id: fmt.Sprint(k.name, i), results: make([]batchResult, k.requests)}
					if k.over != runs {
						b.ended = now.Add(-k.over)
					}
					all.m[b.id] = b
				}
			}
			want := maps.Clone(all.m)
			b := &batch{id: "b", results: make([]batchResult, maxBatch)}
			if err := all.add(b, now); errors.Is(err, errManyBatch) != c.refused || (err != nil) != c.refused {
				t.Errorf("add: %v", err)
			}
			if !c.refused {
				want[b.id] = b
			}
			for _, id := range c.gone {
				delete(want, id)
			}
			if !maps.Equal(all.m, want) {
				t.Errorf("remembered are %d of %d: %q", len(all.m), len(want), slices.Sorted(maps.Keys(all.m)))
			}
		})
	}
}

// TestABatchTooManyIsToldWhenToComeBack: an app that only knows 429 would ask again at once, and fill the log.
func TestABatchTooManyIsToldWhenToComeBack(t *testing.T) {
	w := httptest.NewRecorder()
	(&extra{Handler: &Handler{}}).refuse(w, errManyBatch)
	if got := w.Result(); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "60" {
		t.Errorf("status %d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
}

// TestBatchErrorsAreShort: tens of thousands of errors are remembered, and what is in one may be a stranger's: a long one is told as
// that. The answer of a ticket is remembered as it is, since nothing else names the ticket.
func TestBatchErrorsAreShort(t *testing.T) {
	for _, c := range []struct {
		status, size int
		whole        bool
	}{
		{http.StatusBadRequest, maxErrorText, true},
		{http.StatusBadRequest, maxErrorText + 1, false},
		{http.StatusBadRequest, maxSink, false},
		{http.StatusCreated, maxSink, true},
	} {
		s := &sink{}
		s.WriteHeader(c.status)
		text := bytes.Repeat([]byte("x"), c.size)
		_, _ = s.Write(text)
		got := s.told(cache.Sum{})
		if bytes.Equal(got, text) != c.whole || !c.whole && (len(got) > maxErrorText || !json.Valid(got)) {
			t.Errorf("%d, %d bytes: %d are remembered", c.status, c.size, len(got))
		}
	}
}
