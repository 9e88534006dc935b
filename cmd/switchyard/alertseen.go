package main

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"switchyard"
	"switchyard/proxy"
)

// seen is what alerts learn from requests and the ledger's sums do not have. It is lost with the process. The zero value is
// ready.
type seen struct {
	mu     sync.Mutex // guards all below
	detour [detourMinutes]detour
	models *lru.Cache[[2]string, time.Time] // :: dialect and model → when an app last asked for it
}

// detour is what the generations of a minute cost, and what they would have cost if the first target of each one's plan had
// served it.
type detour struct {
	minute       int64 // since 1970
	cost, direct switchyard.Money
}

// What is remembered: a day of minutes, and so many models, for so long. Their names come from strangers.
const (
	detourMinutes = 24 * 60
	mostModels    = 256
	longestModel  = 200 // bytes; no table has a longer one
	modelMemory   = 24 * time.Hour
)

func (s *seen) observe(rec *proxy.Record) {
	if rec.Kind != proxy.KindGeneration || rec.Model == "" || len(rec.Model) > longestModel {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models == nil {
		s.models, _ = lru.New[[2]string, time.Time](mostModels) // it errs on sizes below 1 alone
	}
	s.models.Add([2]string{rec.Dialect, rec.Model}, rec.Started)
	if len(rec.Attempts) == 0 || rec.Cost.Basis == switchyard.BasisUnknown || rec.Expected.Basis == switchyard.BasisUnknown {
		return
	}
	minute := rec.Started.Unix() / 60
	d := &s.detour[minute%detourMinutes]
	if d.minute != minute {
		*d = detour{minute: minute}
	}
	d.cost += rec.Cost.Amount
	switch {
	case rec.Target == rec.First: // whatever it did cost: that is no matter of fallback
		d.direct += rec.Cost.Amount
	case rec.Target != "":
		d.direct += rec.Expected.Amount
	}
}

// ratio is what generations since a time cost, by what they would have cost without fallback; known is false if that is
// nothing.
func (s *seen) ratio(since time.Time) (ratio float64, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum detour
	for i := range s.detour {
		if d := &s.detour[i]; d.minute >= since.Unix()/60 {
			sum.cost += d.cost
			sum.direct += d.direct
		}
	}
	if sum.direct <= 0 {
		return 0, false
	}
	return sum.cost.Dollars() / sum.direct.Dollars(), true
}

// dying names the models that apps have asked for lately and that die soon. Those that are dead have their successors.
func (s *seen) dying(f *file, now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.models == nil {
		return nil
	}
	var out []string
	for _, key := range s.models.Keys() {
		at, _ := s.models.Peek(key)
		if now.Sub(at) > modelMemory {
			continue
		}
		if m := f.model(key[0], key[1]); m != nil && m.Life.DeadAt(now.Add(soon)) && !m.Life.DeadAt(now) {
			out = append(out, fmt.Sprintf("apps ask for %s, which is %s", m.ID, lifeText(m.Life)))
		}
	}
	return out
}
