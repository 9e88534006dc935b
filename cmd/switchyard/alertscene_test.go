package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect/all"
	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/sim"
)

func newWorld(t *testing.T) *sim.World {
	t.Helper()
	world, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	return world
}

// TestACrashBetweenFileAndDelivery: what the file still has is sent, and what had been handed over before is not sent again.
func TestACrashBetweenFileAndDelivery(t *testing.T) {
	ops := newReceiver(t)
	k := startKitWith(t, newWorld(t), strings.ReplaceAll(alerting, "{ops}", ops.URL))
	path := filepath.Join(k.side.file.Load().data(), "alerts.json")
	k.stop()
	m := outgoing{"5ec0", "ops", []byte(`{"id":"5ec0"}`)}
	for range 3 {
		if err := writeLasting(path, alertDoc{Outbox: []outgoing{m}}); err != nil { // as if the process had died right after
			t.Fatal(err)
		}
		k.restart()
		k.look(time.Now())
		k.stop()
		if got := ops.got(); len(got) != 1 || string(got[0].body) != `{"id":"5ec0"}` {
			t.Fatalf("arrived: %d", len(got))
		}
	}
	doc, found, err := readLasting[alertDoc](path)
	if err != nil || !found || len(doc.Outbox) != 0 {
		t.Errorf("the file still has %+v, %v", doc.Outbox, err)
	}
}

// TestAMessageGivenUpIsTold: by health, as nobody else can, until one arrives.
func TestAMessageGivenUpIsTold(t *testing.T) {
	ops := newReceiver(t)
	const nowhere = "http://0x7f.1/hook?token=xyzzy" // which no call goes to
	text := `
notify: {ops: {webhook: "{ops}"}}
alerts:
  - {name: traffic, when: generations > 0.0, notify: [ops]}
` + twoProviders
	k := startKitWith(t, newWorld(t), strings.ReplaceAll(text, "{ops}", nowhere))
	k.gptFor("nano")
	now := time.Now()
	k.look(now)
	problems := eventually(t, func() ([]string, bool) {
		problems := k.side.health().Problems
		return problems, len(problems) > 0
	})
	if len(problems) != 1 || !strings.HasPrefix(problems[0], `alerts do not reach "ops": one was given up at 2`) || strings.Contains(problems[0], "xyzzy") {
		t.Fatalf("health: %q", problems)
	}
	reloadWith(t, k, strings.ReplaceAll(*k.next.Load(), nowhere, ops.URL))
	if problems := k.side.health().Problems; len(problems) != 1 {
		t.Errorf("before any arrives: %q", problems)
	}
	k.look(now.Add(24 * time.Hour)) // resolved
	if problems := k.side.health().Problems; len(problems) > 0 || len(ops.got()) != 1 {
		t.Errorf("%d have arrived: %q", len(ops.got()), problems)
	}
}

// TestADamagedFileOfAlerts does not keep anybody from being served.
func TestADamagedFileOfAlerts(t *testing.T) {
	k := startKitWith(t, newWorld(t), strings.ReplaceAll(alerting, "{ops}", ""))
	path := filepath.Join(k.side.file.Load().data(), "alerts.json")
	k.stop()
	if err := os.WriteFile(path, []byte(`{"states": [`), 0o600); err != nil {
		t.Fatal(err)
	}
	k.restart()
	k.look(time.Now())
	if s := k.alertState("failing"); s.State != "ok" {
		t.Errorf("got %+v", s)
	}
	if k.logs.FilterMessageSnippet("what was known of them is lost").Len() != 1 {
		t.Error("the log does not say so")
	}
}

// TestBuiltinAlerts: what is due at once is one message for each receiver, as it wants it; and what is stopped by hand is
// silent.
func TestBuiltinAlerts(t *testing.T) {
	ops, chat := newReceiver(t), newReceiver(t)
	k := startKitWith(t, newWorld(t), strings.NewReplacer("{ops}", ops.URL, "{chat}", chat.URL).Replace(`
budgets: [{name: tiny, scope: all, usd: 0.04, at_limit: pass_over}]
notify: {ops: {webhook: "{ops}"}, chat: {webhook: "{chat}", format: slack}, mute: {webhook: ""}}
`)+twoProviders)
	now := time.Now()
	k.look(now)
	if a := k.gptFor("nano"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	good := *k.next.Load()
	bad := "nonsense: true\n" + good
	k.next.Store(&bad)
	if err := k.side.reload(); err == nil {
		t.Fatal("nonsense was taken")
	}
	k.look(now.Add(time.Second))
	notes := told(t, ops)
	if len(notes) != 1 || len(notes[0].Alerts) != 2 {
		t.Fatalf("told %+v", notes)
	}
	budget, refused := notes[0].Alerts[0], notes[0].Alerts[1]
	if budget.Alert != "budget:tiny" || budget.Value < 0.8 || budget.Message != `budget "tiny": spent(budget) is 0.8402` ||
		refused.Alert != "config-refused" || !strings.Contains(refused.Message, "nonsense") || notes[0].ID == budget.ID {
		t.Errorf("told %+v", notes[0])
	}
	var slack struct {
		Text   string
		Blocks []struct{ Type string }
	}
	if got := chat.got(); len(got) != 1 || json.Unmarshal(got[0].body, &slack) != nil || slack.Text != "Switchyard: firing: budget:tiny, firing: config-refused" || len(slack.Blocks) != 2 {
		t.Errorf("Slack is told %+v", slack)
	}
	if m := string(k.operate(http.MethodGet, "/metrics", "").body); !strings.Contains(m, `switchyard_budget_used_ratio{budget="tiny"} 0.84`) ||
		!strings.Contains(m, "switchyard_config_last_reload_successful 0") || !strings.Contains(m, `switchyard_provider_healthy{provider="google"} 1`) {
		t.Error("the metrics do not say so")
	}

	k.next.Store(&good)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	k.mustKill(`{"scope":"provider","name":"google","reason":"on purpose"}`)
	k.look(now.Add(2 * time.Second))
	k.look(now.Add(30 * time.Minute))
	if s := k.alertState("down:google"); s.State != "silenced" || !strings.Contains(s.Message, "stopped by hand") {
		t.Errorf("stopped by hand: %+v", s)
	}
	if s := k.alertState("down:openai"); s.State != "ok" {
		t.Errorf("not stopped: %+v", s)
	}
	notes = slices.DeleteFunc(told(t, ops), func(n note) bool { return n.Alert == "budget:tiny" && n.State == "resolved" }) // its day may have ended
	if len(notes) != 2 || notes[1].Alert != "config-refused" || notes[1].State != "resolved" || len(notes[1].Alerts) != 1 {
		t.Errorf("told %+v", notes[1:])
	}
}

// TestAlertsByProviderAndWindow: of each provider by itself, over its own window, and as it stands while the ledger is away.
func TestAlertsByProviderAndWindow(t *testing.T) {
	world := newWorld(t)
	world.Google.Update(func(b *sim.Behavior) { b.FailRatio = 1 })
	k := startKitWith(t, world, twoProviders+`
alerts:
  - {name: failing, by: provider, when: errors / attempts > 0.5, window: 1h}
  - {name: lately, by: target, when: attempts > 0, window: 1m}
  - {name: fine, when: success_rate > 0.99 && generations > 1, window: 1h}
  - {name: breaker, by: target, when: breaker_open(target)}
`)
	for range 6 {
		k.gptFor("all") // and so Google's breaker opens
	}
	now := time.Now()
	k.look(now)
	for name, want := range map[string]string{
		"failing:google": "firing", "failing:openai": "ok", "lately:nano": "firing", "lately:gpt": "firing", "lately:native:google": "ok",
		"fine": "firing", "breaker:nano": "firing", "breaker:gpt": "ok",
	} {
		if s := k.alertState(name); s.State != want {
			t.Errorf("%s: want %s, got %+v", name, want, s)
		}
	}
	for name, want := range map[string]string{"breaker:nano": `target "nano": breaker_open(target) holds`, "breaker:gpt": `target "gpt": breaker_open(target) does not hold`} {
		if s := k.alertState(name); s.Message != want {
			t.Errorf("%s says %q, which tells nobody what is wrong", name, s.Message)
		}
	}
	k.look(now.Add(10 * time.Minute))
	if s := k.alertState("lately:nano"); s.State != "ok" || s.Message != `target "nano": no data` {
		t.Errorf("after its window: %+v", s)
	}
	store := k.side.store
	k.side.store = away{store}
	k.look(now.Add(3 * time.Hour))
	k.side.store = store
	if s := k.alertState("failing:google"); s.State != "firing" || s.Message != `provider "google": errors / attempts is 1 (google: its breakers are open)` {
		t.Errorf("while the ledger is away: %+v", s)
	}
	if k.logs.FilterMessageSnippet("rest on the ledger stay as they are").Len() != 1 {
		t.Error("the log does not say so")
	}
	k.look(now.Add(3 * time.Hour))
	if s := k.alertState("failing:google"); s.State != "ok" {
		t.Errorf("and when it is back: %+v", s)
	}
}

// TestReceiversAreGuarded: a private address is not called unless it may be, no log tells it, and no app reaches a receiver.
func TestReceiversAreGuarded(t *testing.T) {
	ops := newReceiver(t)
	const unnamed = "server: {listen: 127.0.0.1:0, temp_dir: \"{dir}/tmp\"}\n"
	k := startKitWith(t, newWorld(t), unnamed+strings.NewReplacer("{ops}", "", "success_rate < 0.9, for: 10m", "generations > 0, for: 0s").Replace(alerting))
	// Named in the file, so that check takes it, but not before a restart.
	reloadWith(t, k, strings.NewReplacer("server: {", "server: {fetch_allow: [127.0.0.1], ", `webhook: ""`, `webhook: "`+ops.URL+`/xyzzy"`).Replace(*k.next.Load()))
	k.gptFor("nano")
	k.look(time.Now())
	eventually(t, func() (int, bool) { // the row is changed before the log is written
		n := k.logs.FilterMessageSnippet("webhook given up").Len()
		return n, n == 1
	})
	if n := len(ops.got()); n != 0 {
		t.Errorf("%d have arrived", n)
	}
	for _, e := range k.logs.All() {
		if text := strings.Join(texts(e.ContextMap()), " "); strings.Contains(text+e.Message, "xyzzy") {
			t.Errorf("the log tells the receiver's secret: %+v", e)
		}
	}
	a := k.post("/fal/queue/fal-ai/flux/dev?fal_webhook=notify://ops", `{"prompt":"a red fox"}`, "Authorization", "Key first-key")
	if a.status != http.StatusUnprocessableEntity {
		t.Errorf("an app may name a receiver: %d %s", a.status, a.body)
	}
}

func TestFallbackRaisesCost(t *testing.T) {
	var s seen
	at := time.Date(2026, 11, 24, 12, 0, 30, 0, time.UTC)
	cost := func(cents switchyard.Money) switchyard.Cost {
		return switchyard.Cost{Amount: cents * switchyard.Dollar / 100, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
	}
	observe := func(ago time.Duration, target string, spent, expected switchyard.Cost) {
		s.observe(&proxy.Record{
			Kind: "generation", Model: "m", Started: at.Add(-ago), First: "cheap", Target: target, Cost: spent, Expected: expected,
			Attempts: make([]switchyard.Attempt, 1),
		})
	}
	check := func(window time.Duration, want float64, known bool) {
		t.Helper()
		if got, ok := s.ratio(at.Add(-window)); got != want || ok != known {
			t.Errorf("over %v: got %v, %v, want %v", window, got, ok, want)
		}
	}
	check(time.Hour, 0, false)
	observe(time.Minute, "cheap", cost(3), cost(2)) // it costs what it costs
	check(time.Hour, 1, true)
	observe(2*time.Minute, "dear", cost(9), cost(3))
	check(time.Hour, 2, true)
	observe(time.Minute, "", cost(6), cost(3)) // paid for nothing
	check(time.Hour, 3, true)
	check(time.Minute, 3, true)
	observe(10*time.Minute, "dear", switchyard.Cost{Basis: switchyard.BasisUnknown}, cost(3)) // nobody knows
	observe(10*time.Minute, "dear", cost(3), switchyard.Cost{Basis: switchyard.BasisUnknown})
	s.observe(&proxy.Record{Kind: "replay", Model: "m", Started: at, Attempts: make([]switchyard.Attempt, 1), Cost: cost(100), Expected: cost(1)})
	check(time.Hour, 3, true)
	at = at.Add(24 * time.Hour)
	check(time.Hour, 0, false)
	check(25*time.Hour, 3, true)
	observe(time.Minute, "dear", cost(4), cost(2)) // in the place of what was a day ago
	check(25*time.Hour, 13./5, true)
}

// TestModelsThatAppsAskFor: those that die soon are named, for a day; those that are dead, or live on, are not.
func TestModelsThatAppsAskFor(t *testing.T) {
	f := defaults()
	ends := 0
	for _, d := range all.Dialects() {
		for _, m := range d.Models().Rows() {
			if m.Life.Until.IsZero() || m.Life.State != switchyard.Deprecated {
				continue
			}
			ends++
			var s seen
			for before, want := range map[time.Duration]int{30 * 24 * time.Hour: 1, 90 * 24 * time.Hour: 0, -24 * time.Hour: 0} {
				now := m.Life.Until.Add(-before)
				s.observe(&proxy.Record{Kind: "generation", Dialect: d.Name(), Model: m.ID, Started: now})
				if got := s.dying(&f, now); len(got) != want {
					t.Errorf("%s, %v before its end: %v", m.ID, before, got)
				}
				if got := s.dying(&f, now.Add(25*time.Hour)); len(got) != 0 {
					t.Errorf("%s, a day later: %v", m.ID, got)
				}
			}
		}
	}
	if ends == 0 {
		t.Error("no model ends: the test sees nothing")
	}
}

var errAway = errors.New("away")

// away is a ledger whose sums cannot be read.
type away struct{ ledger.Database }

func (away) Targets(context.Context, ledger.Steps) ([]ledger.TargetStep, error) { return nil, errAway }

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 100: "100", 15.5: "15.5", 0.84018: "0.8402", 123456: "123456", 0.00012345: "0.000123", -2.5: "-2.5"} {
		if got := figure(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}
