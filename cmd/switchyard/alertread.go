package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"switchyard/admin"
	"switchyard/alert"
	"switchyard/breaker"
	"switchyard/ledger"
	"switchyard/rule"
)

// scene is what the conditions of alerts are worked out from, at one moment.
type scene struct {
	side    *sidecar
	file    *file
	now     time.Time
	windows map[time.Duration]*window // :: length → what is known of it

	health admin.Health
	ending []string // models that die soon, in words
	facts  rule.Readings
}

// window is what happened in a span of time before now.
type window struct {
	blind   bool // the ledger cannot be read
	targets []ledger.TargetStep
	total   ledger.Sums // of all attempts
	routes  ledger.Sums // of all generations
}

// ledgerPatience is how long the ledger may take to answer.
const ledgerPatience = 5 * time.Second

// fromLedger are the variables that the ledger tells.
var fromLedger = []string{
	"generations", "success_rate", "mean_seconds", "p95_seconds", "images", "cost_usd", "possible_usd", "unknown_price", "attempts", "errors",
}

// readAlerts works out what each rule comes to, for each of its subjects. While the ledger cannot be read, what rests on it
// stays as it is, and the error says why.
func (s *sidecar) readAlerts(ctx context.Context, rules []*alert.Rule, now time.Time) (readings []alert.Reading, err error) {
	s.applier.Wait(ctx, 250*time.Millisecond)
	ctx, cancel := context.WithTimeout(ctx, ledgerPatience)
	defer cancel()
	sc := s.scene(now)
	for _, r := range rules {
		w := &window{}
		if r.Reads(fromLedger...) {
			if w = sc.windows[r.Window]; w == nil {
				var unread error
				w, unread = sc.window(ctx, r.Window)
				err = errors.Join(err, unread)
			}
		}
		for _, subject := range sc.subjects(r.By) {
			readings = append(readings, sc.read(r, w, subject))
		}
	}
	return readings, err
}

func (s *sidecar) scene(now time.Time) *scene {
	sc := &scene{side: s, file: s.file.Load(), now: now, windows: map[time.Duration]*window{}, health: s.health()}
	sc.ending = s.ending(sc.file, now)
	sc.facts = rule.Readings{Down: map[string]bool{}, Open: map[string]bool{}}
	sc.facts.Spent, sc.facts.WarnAt = s.budgetShares(now)
	for name, p := range sc.health.Providers {
		sc.facts.Down[name] = !p.Healthy
	}
	for _, targets := range sc.file.targetsOf() {
		for _, t := range targets {
			sc.facts.Open[t] = false
		}
	}
	for _, b := range s.breakers.States() {
		sc.facts.Open[b.Target] = b.Phase != breaker.Closed // half-open is not well again
	}
	return sc
}

// window asks the ledger, once for each length. It is blind if that errs.
func (sc *scene) window(ctx context.Context, length time.Duration) (*window, error) {
	w := &window{blind: true}
	sc.windows[length] = w
	steps := ledger.Steps{Since: sc.now.Add(-length), Until: sc.now.Add(time.Minute)} // whole minutes: this one, too
	targets, err := sc.side.store.Targets(ctx, steps)
	if err != nil {
		return w, fmt.Errorf("ledger: %w", err)
	}
	routes, err := sc.side.store.Routes(ctx, steps)
	if err != nil {
		return w, fmt.Errorf("ledger: %w", err)
	}
	w.blind, w.targets = false, targets
	for i := range targets {
		w.total.Add(&targets[i].Sums)
	}
	for i := range routes {
		w.routes.Add(&routes[i].Sums)
	}
	return w, nil
}

// subjects are those that an alert is about, each by itself: one without a name, if it is about all together.
func (sc *scene) subjects(by string) []string {
	var names []string
	switch by {
	case alert.ByProvider:
		for _, e := range sc.file.Providers {
			if e.Value.Enabled {
				names = append(names, e.Name)
			}
		}
	case alert.ByTarget:
		targets := sc.file.targetsOf()
		for _, e := range sc.file.Providers {
			names = append(names, targets[e.Name]...)
		}
	case alert.ByBudget:
		for _, b := range sc.file.budgets() {
			names = append(names, b.Name)
		}
	default:
		names = []string{""}
	}
	return names
}

// read works one condition out. One that errs does not hold, as with routes.
func (sc *scene) read(r *alert.Rule, w *window, subject string) alert.Reading {
	facts := sc.facts
	facts.Subject, facts.Numbers = subject, sc.numbers(r, w, subject)
	v, err := r.Judge(&facts)
	if err != nil {
		sc.side.meters.RuleFailed(ofAlert(r.Name))
		sc.side.log.Warn("alert condition failed", zap.String("alert", r.Name), zap.Error(err))
	}
	name := r.Name
	if subject != "" {
		name += ":" + subject
	}
	return alert.Reading{
		Name: name, Rule: r.When, For: r.For, Notify: r.Notify, Holds: v.Holds, Silenced: sc.silenced(r, subject),
		Blind: w.blind, Value: v.Value, Message: sc.message(r, subject, v),
	}
}

// numbers are the variables of a condition. Those that no traffic tells are left out. Of one provider or target, they are
// of its attempts; else success and times are of generations, that is of what apps got, and so are images.
func (sc *scene) numbers(r *alert.Rule, w *window, subject string) map[string]float64 {
	attempts, served := w.total, w.routes
	if subject != "" {
		attempts = ledger.Sums{}
		for i := range w.targets {
			if t := &w.targets[i]; r.By == alert.ByProvider && t.Provider == subject || r.By == alert.ByTarget && t.Target == subject {
				attempts.Add(&t.Sums)
			}
		}
		served = attempts
	}
	n := map[string]float64{
		"models_ending": float64(len(sc.ending)), "config_refused": bit(sc.side.refused.Load() != nil), "ledger_failing": bit(len(sc.side.unwritten()) > 0),
	}
	if share, known := served.Success(); known {
		n["success_rate"] = share
	}
	if served.OK > 0 {
		n["mean_seconds"] = served.Mean().Seconds()
		n["p95_seconds"] = served.Latency.Quantile(0.95).Seconds()
	}
	if served.Count > 0 {
		n["images"] = float64(served.Images)
		n["cost_usd"], n["possible_usd"] = served.Cost.Dollars(), served.Possible.Dollars()
		n["unknown_price"] = float64(served.Unknown)
	}
	if attempts.Count > 0 {
		n["attempts"] = float64(attempts.Count)
		n["errors"] = float64(attempts.Count - attempts.OK - attempts.Neither)
	}
	if subject == "" {
		if served.Count > 0 {
			n["generations"] = float64(served.Count)
		}
		if ratio, known := sc.side.alerts.seen.ratio(sc.now.Add(-r.Window)); known {
			n["fallback_cost_ratio"] = ratio
		}
	}
	return n
}

// silenced reports whether all that a condition is about is stopped by hand. One that is about nobody in particular never
// is.
func (sc *scene) silenced(r *alert.Rule, subject string) bool {
	providers, targets := r.Names(rule.FuncDown), r.Names(rule.FuncOpen)
	switch {
	case subject == "":
	case r.By == alert.ByProvider:
		providers = append(providers, subject)
	case r.By == alert.ByTarget:
		targets = append(targets, subject)
	}
	for _, p := range providers {
		if _, stopped := sc.side.switches.Stopped("", p, ""); !stopped {
			return false
		}
	}
	for _, t := range targets {
		if _, stopped := sc.side.switches.Stopped("", sc.file.providerOf(t), t); !stopped {
			return false
		}
	}
	return len(providers)+len(targets) > 0
}

// providerOf is the provider of a target, a native one too.
func (f *file) providerOf(target string) string {
	if t := f.Targets.Find(target); t != nil {
		return t.Provider
	}
	return strings.TrimPrefix(target, nativeName(""))
}

// message tells people what the condition came to, and of whom.
func (sc *scene) message(r *alert.Rule, subject string, v rule.Verdict) string {
	text := "no data"
	switch {
	case v.About != "" && v.Known:
		text = v.About + " is " + figure(v.Value)
	case v.Known && v.Holds:
		text = oneLine(r.When) + " holds"
	case v.Known:
		text = oneLine(r.When) + " does not hold"
	}
	if subject != "" {
		text = r.By + " " + strconv.Quote(subject) + ": " + text
	}
	if !v.Holds {
		return text
	}
	var more []string
	for _, p := range append(r.Names(rule.FuncDown), subject) {
		if problem := sc.health.Providers[p].Problem; problem != "" {
			more = append(more, p+": "+problem)
		}
	}
	if r.Reads("models_ending") {
		more = append(more, sc.ending...)
	}
	if problem := sc.side.refused.Load(); problem != nil && r.Reads("config_refused") {
		more = append(more, cmp.Or(strings.TrimSpace(*problem), "refused"))
	}
	if r.Reads("ledger_failing") {
		more = append(more, sc.side.unwritten()...)
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, "; ") + ")"
	}
	return text
}

// oneLine is a condition as it may stand within a sentence.
func oneLine(when string) string { return strings.Join(strings.Fields(when), " ") }

// figure is a number for people.
func figure(v float64) string {
	if math.Abs(v) < 0.01 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 4, 64), "0"), ".")
}
