package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/backtest"
	"switchyard/sim"
)

const backtested = `
providers:
  fal: {<fal>, breaker: off}
targets:
  sdxl: {provider: fal, model: fal-ai/fast-sdxl, price: {image: 0.04}}
  flux: {provider: fal, model: fal-ai/flux/dev, price: {image: 0.025}}
routes:
  - {name: pro, when: 'headers["x-tier"] == "pro"', targets: [sdxl, flux]}
  - {name: free, when: 'headers["x-user"] != ""', targets: [flux, sdxl]}
`

// TestBacktest: what a config is said to have done is what it does in a second run of the same requests, within 5 % of the
// cost and 10 % of the median time.
func TestBacktest(t *testing.T) {
	world, err := sim.Start(sim.Config{Speed: 1, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	var n atomic.Int64
	world.Fal.Update(func(b *sim.Behavior) {
		b.FailRatio = 0.05
		b.Delay = func(model string, _ int) time.Duration {
			more := time.Duration(n.Add(1)%50) * time.Millisecond
			if model == "fal-ai/flux/dev" {
				return 100*time.Millisecond + more
			}
			return 300*time.Millisecond + 2*more
		}
	})
	k := startKitWith(t, world, backtested)
	next := strings.Replace(*k.next.Load(), `when: 'headers["x-user"] != ""', targets: [flux, sdxl]`, `when: 'headers["x-user"].startsWith("9")', targets: [flux]`, 1)
	next += "  - {name: rest, targets: [sdxl, flux]}\n"
	k.backtestRun(t, 240)
	k.side.settled(t.Context())
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	report := backtestJSON(t, file)
	if report.Total.Requests != 240 || report.Total.Moved < 80 || report.Total.Untried != 0 || *report.Total.Real.Success < 0.95 {
		t.Errorf("%+v", report.Total)
	}
	if text := command(t, []string{"backtest", "--config", file}).out; !strings.Contains(text, "from flux to sdxl") || !strings.Contains(text, "would be") {
		t.Errorf("people read %s", text)
	}
	k.next.Store(&next)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	second := time.Now().UTC()
	k.backtestRun(t, 240)
	k.side.settled(t.Context())
	real := backtestJSON(t, file, "--since", second.Format(time.RFC3339Nano)).Total.Real
	within(t, "dollars", report.Total.Expected.CostUSD.Value, real.CostUSD, 0.05)
	within(t, "the median", report.Total.Expected.MedianSeconds.Value, *real.MedianSeconds, 0.10)
	if e := report.Total.Expected.CostUSD; !(e.Low <= e.Value && e.Value <= e.High && e.Low < e.High) {
		t.Errorf("the interval is %+v", e)
	}
}

func within(t *testing.T, what string, said, was, share float64) {
	t.Helper()
	t.Logf("%s: said %.4g, was %.4g (%+.1f %%)", what, said, was, 100*(said/was-1))
	if math.Abs(said-was) > share*was {
		t.Errorf("%s: said %v, was %v", what, said, was)
	}
}

// backtestRun makes n requests of two kinds of apps, a few at a time.
func (k *kit) backtestRun(t *testing.T, n int) {
	t.Helper()
	turns := make(chan int)
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			for i := range turns {
				headers := []string{"Authorization", "Key x", "X-User", fmt.Sprint(i % 10)}
				if i%3 == 0 {
					headers = append(headers, "X-Tier", "pro")
				}
				if a := k.post(falPath, `{"prompt":"a portrait","image_size":{"width":256,"height":256}}`, headers...); a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	all.Wait()
}

func backtestJSON(t *testing.T, file string, args ...string) *backtest.Report {
	t.Helper()
	o := command(t, append([]string{"backtest", "--config", file, "--json"}, args...))
	var r backtest.Report
	if err := json.Unmarshal([]byte(o.out), &r); err != nil || o.code != 0 {
		t.Fatalf("%d %s %s", o.code, o.out, o.errors)
	}
	return &r
}

// TestBacktestUntried: what no record tells is not told.
func TestBacktestUntried(t *testing.T) {
	k := startKit(t, backtested)
	k.backtestRun(t, 1)
	k.side.settled(t.Context())
	next := strings.ReplaceAll(*k.next.Load(), "targets: [sdxl, flux]", "targets: [pro]")
	next = strings.Replace(next, "targets:\n", "targets:\n  pro: {provider: fal, model: fal-ai/flux-pro/v1.1, price: {image: 0.05}}\n", 1)
	o := command(t, []string{"backtest", "--config", written(t, next)})
	fields := strings.Fields(o.out)
	at := slices.Index(fields, "would")
	if o.code != 0 || at < 0 || !slices.Equal(fields[at+6:at+9], []string{"-", "-", "-"}) {
		t.Errorf("%+v", o)
	}
	for _, want := range []string{"\n1 request from sdxl to pro\n", "\nAbout 1 request would have gone to a target that nothing was sent to in that time: it counts for the cost alone.\n"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("does not say %q:\n%s", want, o.out)
		}
	}
}

// TestBacktestRefused: bad input is told as such.
func TestBacktestRefused(t *testing.T) {
	k := startKit(t, backtested)
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte(*k.next.Load()), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"no recorded generation":      {"--config", file},
		"missing flags: --config":     {},
		"is after until":              {"--config", file, "--since", "2026-11-02", "--until", "2026-11-01"},
		"--rounds: want 1 to 10000":   {"--config", file, "--rounds", "0"},
		"no such file":                {"--config", file + "x"},
		`want 7d, 36h, 2026-11-01 or`: {"--config", file, "--since", "yesterday"},
	} {
		if o := command(t, append([]string{"backtest"}, args...)); o.code == 0 || !strings.Contains(o.errors, want) {
			t.Errorf("%v: %d %s", args, o.code, o.errors)
		}
	}
}
