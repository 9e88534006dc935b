package asset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"switchyard/durable"
)

// Swept is what a sweep removed.
type Swept struct {
	Expired int // older than the TTL
	Crowded int // younger, but there were too many bytes
}

// abandoned is the age at which a temporary file is certain not to be written any more.
const abandoned = time.Hour

// Run sweeps at once and then every so often, until ctx ends. report gets each failure; it may be nil.
func (s *Store) Run(ctx context.Context, report func(error)) {
	repeat(ctx, s.every, report, func() error {
		_, err := s.Sweep(time.Now())
		return err
	})
}

// repeat calls do at once and then every so often, until ctx ends.
func repeat(ctx context.Context, every time.Duration, report func(error), do func() error) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		if err := do(); err != nil && report != nil {
			report(err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Sweep removes what is older than the TTL at the time now. If there are still too many bytes it also removes the
// oldest of the rest, until a tenth of the room is free, so that not every Put has to sweep. A request that is being
// served an image still gets all of it.
func (s *Store) Sweep(now time.Time) (w Swept, err error) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	files, err := s.list()
	if err != nil {
		return w, fmt.Errorf("sweep assets: %w", err)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(a.ModTime().Compare(b.ModTime()), strings.Compare(a.Name(), b.Name()))
	})
	total := int64(0)
	for _, f := range files {
		total += f.Size()
	}
	limit := total
	if total > s.max {
		limit = s.max - s.max/10
	}
	var errs []error
	for _, f := range files {
		old := s.expired(f, now)
		if !old && total <= limit {
			break // the rest is younger
		}
		if err := s.remove(f.Name()); err != nil {
			errs = append(errs, err)
			continue
		}
		total -= f.Size()
		if old {
			w.Expired++
		} else {
			w.Crowded++
		}
	}
	s.total = total
	if err := errors.Join(append(errs, s.sweepTemps(now))...); err != nil {
		return w, fmt.Errorf("sweep assets: %w", err)
	}
	return w, nil
}

func (s *Store) expired(f fs.FileInfo, now time.Time) bool { return now.Sub(f.ModTime()) >= s.ttl }

// sweepTemps removes what a crash left half-written.
func (s *Store) sweepTemps(now time.Time) error {
	var errs []error
	err := s.each(func(f fs.FileInfo) {
		if durable.Temporary(f.Name()) && now.Sub(f.ModTime()) > abandoned {
			errs = append(errs, s.remove(f.Name()))
		}
	})
	return errors.Join(append(errs, err)...)
}

func (s *Store) remove(name string) error {
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
