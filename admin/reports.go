package admin

import (
	"context"
	"reflect"
	"sync"
	"time"

	"switchyard/config"
	"switchyard/router"
)

// reports are the latest reports that took long to make: an experiment may have millions of generations, and a page that follows
// along asks each second. The zero value has none; safe for concurrent use.
type reports struct {
	mu     sync.Mutex
	latest map[string]*studied // :: experiment → its report
}

// of returns what is kept for an experiment.
func (r *reports) of(name string) *studied {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil {
		r.latest = map[string]*studied{}
	}
	if r.latest[name] == nil {
		r.latest[name] = &studied{}
	}
	return r.latest[name]
}

// studied is a report, the experiment that it is on, and how long it took.
type studied struct {
	mu sync.Mutex // guards all below; held while the report is made, so that whoever asks meanwhile gets the same one

	experiment config.Entry[router.Experiment]
	report     report
	done       time.Time
	took       time.Duration
}

// A report that took longer than slowReport is answered again for studyRest times as long as it took, so that reports take a
// tenth of a processor at most.
const (
	slowReport = 250 * time.Millisecond
	studyRest  = 9
)

// holds reports whether the report may be answered again. Requires mu.
func (s *studied) holds(e config.Entry[router.Experiment], now time.Time) bool {
	return s.took > slowReport && now.Before(s.done.Add(studyRest*s.took)) && reflect.DeepEqual(s.experiment, e)
}

// report returns what the ledger has to say of an experiment, now or a moment ago.
func (h *Handler) report(ctx context.Context, e config.Entry[router.Experiment]) (report, error) {
	s := h.reports.of(e.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	if s.holds(e, began) {
		return s.report, nil
	}
	r, err := h.study(ctx, e)
	if err != nil {
		return r, err
	}
	s.experiment, s.report, s.done = e, r, time.Now()
	s.took = s.done.Sub(began)
	return r, nil
}
