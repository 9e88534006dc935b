package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// turn is one subject's share of a round.
type turn struct {
	sample
	cpu  time.Duration
	peak int64
}

// measure makes the subjects of a scenario take turns, and returns what was seen of each.
func (l *lab) measure(ctx context.Context, s scenario, rounds int) (map[string][]turn, error) {
	results := map[string][]turn{}
	for range rounds {
		for _, p := range l.subjects {
			if p.name != ours && !s.plain {
				continue
			}
			got, err := l.turn(ctx, s, p)
			if err != nil {
				return nil, err
			}
			results[p.name] = append(results[p.name], got)
		}
		if s.direct {
			got := s.load(ctx, l.upstream.url, s.total)
			if err := failures(direct, got); err != nil {
				return nil, err
			}
			results[direct] = append(results[direct], turn{sample: got})
		}
	}
	return results, ctx.Err()
}

func (l *lab) turn(ctx context.Context, s scenario, p *process) (turn, error) {
	s.load(ctx, p.url, max(s.total/10, 1)) // to warm up connections, caches and the heap
	settle(p)
	refusals, err := l.refusals(ctx)
	if err != nil {
		return turn{}, err
	}
	p.forgetPeak()
	before := p.cpu()
	got := s.load(ctx, p.url, s.total)
	settle(p)
	t := turn{got, p.cpu() - before, p.memory("VmHWM")}
	if err := failures(p.name, got); err != nil {
		return t, err
	}
	if p.name == ours && (t.cpu <= 0 || t.peak <= 0) {
		return t, fmt.Errorf("%s: /proc tells %v of CPU time and a peak of %d bytes", p.name, t.cpu, t.peak)
	}
	if !s.refused {
		return t, nil
	}
	after, err := l.refusals(ctx)
	if err == nil && after-refusals != got.requests {
		err = fmt.Errorf("the first target took and refused %d requests of %d", after-refusals, got.requests)
	}
	return t, err
}

// failures errs if a request of ours has failed. The bare proxy may have a few failures, since httputil cuts an answer
// that begins before the request has been read. Its figures show that; with too many failures they are worth nothing,
// and it errs, too.
func failures(name string, s sample) error {
	if s.failed == 0 {
		return nil
	}
	err := fmt.Errorf("%s: %d of %d failed, the last with: %w", name, s.failed, s.requests, s.failure)
	if name == ours || s.failed*10 > s.requests {
		return err
	}
	fmt.Println(" ", err)
	return nil
}

// refusals returns how many requests the first of two targets has read to their end and refused, as the upstream counts
// them.
func (l *lab) refusals(ctx context.Context) (int64, error) {
	_, text, err := get(ctx, l.upstream.url+refusalsPath)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

// settle waits until a process has finished what it does after its answers, so that this does not count for the next
// subject.
func settle(p *process) {
	for last, calm := p.cpu(), 0; calm < 5; {
		time.Sleep(20 * time.Millisecond)
		if now := p.cpu(); now == last {
			calm++
		} else {
			last, calm = now, 0
		}
	}
}
