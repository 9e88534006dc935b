package admin

import (
	"context"
	"reflect"
	"sync"
	"time"

	"switchyard/config"
	"switchyard/router"
)

// reports are the latest of those that take long to make: an experiment may have millions of generations, and a page that follows
// asks each second. The zero value has none; safe for concurrent use.
type reports struct {
	mu     sync.Mutex         // held while one is made: who comes meanwhile gets the same
	latest map[string]studied // :: experiment → its own
}

// studied is a report, with what it is on and how long it took.
type studied struct {
	experiment config.Entry[router.Experiment]
	report     report
	done       time.Time
	took       time.Duration
}

// A report that takes longer than slowReport is told again for a while, which is studyRest times as long, so that reports take a
// tenth of a processor at most.
const (
	slowReport = 250 * time.Millisecond
	studyRest  = 9
)

// holds reports whether s may be told again.
func (s studied) holds(e config.Entry[router.Experiment], now time.Time) bool {
	return s.took > slowReport && now.Before(s.done.Add(studyRest*s.took)) && reflect.DeepEqual(s.experiment, e)
}

// report is what the ledger has to say of an experiment, now or a moment ago.
func (h *Handler) report(ctx context.Context, e config.Entry[router.Experiment]) (report, error) {
	h.reports.mu.Lock()
	defer h.reports.mu.Unlock()
	began := time.Now()
	if s := h.reports.latest[e.Name]; s.holds(e, began) {
		return s.report, nil
	}
	r, err := h.study(ctx, e)
	if err != nil {
		return r, err
	}
	if h.reports.latest == nil {
		h.reports.latest = map[string]studied{}
	}
	done := time.Now()
	h.reports.latest[e.Name] = studied{e, r, done, done.Sub(began)}
	return r, nil
}
