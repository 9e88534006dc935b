package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"switchyard"
	"switchyard/router"
	"switchyard/rule"
)

// idle is S5: what the program takes when it does nothing, and how long it takes to begin.
func (l *lab) idle(ctx context.Context, t *table) error {
	info, err := os.Stat(l.bin)
	if err != nil {
		return err
	}
	var started []time.Duration
	var rss, anonymous float64
	for range 3 {
		app, err := freeAddress()
		if err != nil {
			return err
		}
		admin, err := freeAddress()
		if err != nil {
			return err
		}
		other := &lab{dir: l.dir + "/idle", upstream: l.upstream, bin: l.bin}
		if err := os.MkdirAll(other.dir, 0o700); err != nil {
			return err
		}
		began := time.Now()
		p, err := other.sidecar(ctx, app, admin)
		if err != nil {
			return err
		}
		for {
			if status, _, err := get(ctx, p.url+"/healthz"); err == nil && status == http.StatusOK {
				break
			}
		}
		started = append(started, time.Since(began))
		settle(p)
		rss, anonymous = float64(p.memory("VmRSS"))/(1<<20), float64(p.memory("RssAnon"))/(1<<20)
		p.close()
	}
	fmt.Printf("\nS5  idle\n  binary %.1f MiB, RSS %.1f MiB (anonymous %.1f), first answers after %v\n", float64(info.Size())/(1<<20), rss, anonymous, started)
	t.judge("S5 binary, MiB", float64(info.Size())/(1<<20), 40, "")
	t.judge("S5 idle RSS, MiB", rss, 45, "")
	t.judge("S5 idle anonymous RSS, MiB", anonymous, 25, "")
	t.judge("S5 first answer, ms", float64(min(started[0], started[1], started[2]).Microseconds())/1000, 100, "")
	return nil
}

// router is S6: one decision among many routes.
func (l *lab) router(_ context.Context, t *table) error {
	fmt.Println("\nS6  a decision of the router")
	for _, n := range []int{1, 100, 10_000} {
		r, facts, err := manyRoutes(n)
		if err != nil {
			return err
		}
		const times = 2000
		now, began := time.Now(), time.Now()
		for range times {
			r.Plan(facts, false, now)
		}
		each := time.Since(began) / times
		fmt.Printf("  %6d routes: %v\n", n, each)
		if bar := map[int]float64{100: 3, 10_000: 5}[n]; bar > 0 {
			t.judge(fmt.Sprintf("S6 a decision among %d routes, µs", n), float64(each.Nanoseconds())/1000, bar, "")
		}
	}
	return nil
}

// manyRoutes has n routes by model, of which the request matches the last.
func manyRoutes(n int) (*router.Router, *rule.Facts, error) {
	cfg := router.Config{Targets: map[string]*switchyard.Target{"t": {Name: "t", Provider: "p", Dialect: "openai", Key: switchyard.NewSecret("k")}}}
	for i := range n {
		var route router.Route
		route.SetDefaults()
		route.Name, route.When, route.Targets = fmt.Sprint(i), fmt.Sprintf("request.model == %q", fmt.Sprint("model-", i)), []string{"t"}
		cfg.Routes = append(cfg.Routes, route)
	}
	r, err := router.New(cfg)
	return r, &rule.Facts{Request: &switchyard.Request{Dialect: "openai", Model: fmt.Sprint("model-", n-1), Images: 1}}, err
}
