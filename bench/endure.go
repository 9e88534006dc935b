package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	boundMost  = 128 << 20
	softLimit  = "GOMEMLIMIT=110MiB" // what an operator sets in such a container
	endureFor  = time.Minute
	sampleEach = 100 * time.Millisecond
	growthMost = 4 // MiB, from one half of the run to the other
)

// reading is how much memory a process had at one time.
type reading struct {
	at        time.Duration
	rss, swap int64
}

// endure is the long run: 100 callers for a minute, with answers of four pictures of 2 MiB that come by TLS, in little memory.
func endure(ctx context.Context, _ options) error {
	lab, err := openUpstream(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	bound := newBound(boundMost)
	defer bound.close()
	side := lab.sidecar(lab.dir)
	side.bound, side.env = bound, []string{softLimit}
	p, err := side.start(ctx)
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Printf("%s\n\n100 callers for %v, 4 × 2 MiB each, by TLS; %s, %s\n", thisMachine(), endureFor, bound, softLimit)

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watched := make(chan []reading)
	go func() { watched <- watch(ctx, p, bound, stop) }()
	end := time.Now().Add(endureFor)
	got := while(ctx, p.url, post(imagesPath, generate4, "secure", fourMB), 100, func() bool { return time.Now().Before(end) })
	over := context.Cause(ctx)
	stop(nil)
	readings := <-watched
	fmt.Printf("  %d answers, %.0f/s, p50 %v, p99 %v; peak RSS %.0f MiB\n", got.requests, float64(got.requests)/got.wall.Seconds(),
		quantile(got.latency, 0.5).Round(time.Millisecond), quantile(got.latency, 0.99).Round(time.Millisecond), mib(p.memory("VmHWM")))
	if over != nil {
		return over
	}
	return lasted(p, got, readings)
}

// watch samples the process until ctx ends. If the process exceeds its bound, watch calls stop.
func watch(ctx context.Context, p *process, b *bound, stop context.CancelCauseFunc) (all []reading) {
	began := time.Now()
	for tick := time.Tick(sampleEach); ; {
		select {
		case <-ctx.Done():
			return all
		case <-tick:
		}
		now := reading{time.Since(began), p.memory("VmRSS"), p.memory("VmSwap")}
		if all = append(all, now); now.rss > b.most {
			stop(fmt.Errorf("%.1f MiB resident after %v, of %d MiB", mib(now.rss), now.at.Round(time.Millisecond), b.most>>20))
		}
	}
}

// lasted judges the run. The peak is the kernel's own figure, which misses nothing between samples.
func lasted(p *process, got sample, readings []reading) error {
	var halves [2][]int64 // RSS
	var swap int64
	for _, r := range readings {
		half := &halves[min(int(r.at/(endureFor/2)), 1)]
		*half = append(*half, r.rss)
		swap = max(swap, r.swap)
	}
	for i, half := range halves {
		if len(half) == 0 {
			return fmt.Errorf("%s was not seen in half %d of the run", p.name, i+1)
		}
		slices.Sort(half)
		fmt.Printf("  RSS in half %d: median %.1f MiB, most %.1f\n", i+1, mib(half[len(half)/2]), mib(half[len(half)-1]))
	}
	t := &table{judges: true}
	for _, l := range []line{
		{what: "failures", got: float64(got.failed)},
		{what: "swapped, MiB", got: mib(swap)},
		{what: "peak RSS, MiB", got: mib(p.memory("VmHWM")), most: boundMost >> 20},
		{what: "most RSS in the last 30 s over that in the 30 s before, MiB", got: mib(slices.Max(halves[1]) - slices.Max(halves[0])), most: growthMost},
	} {
		if err := t.judge(l); err != nil {
			return err
		}
	}
	t.verdicts(os.Stdout)
	return failures(ours, got)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
