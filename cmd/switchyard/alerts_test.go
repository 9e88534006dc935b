package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard/admin"
	"switchyard/sim"
)

// note is what a receiver of plain JSON is told.
type note struct {
	Alert, State, Message, Rule, ID string
	Since                           time.Time
	Value                           float64
	Alerts                          []note
}

// told are the messages that a receiver of JSON has got.
func told(t *testing.T, r *receiver) []note {
	t.Helper()
	var notes []note
	for _, c := range r.got() {
		var n note
		if err := json.Unmarshal(c.body, &n); err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		if got := c.header.Get("X-Switchyard-Alert-Id"); got != n.ID || c.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers are %v, the message %s", c.header, c.body)
		}
		notes = append(notes, n)
	}
	return notes
}

// look works the alerts out at a time, and waits until all that is due has arrived.
func (k *kit) look(now time.Time) {
	k.Helper()
	k.rows()
	k.side.lookAtAlerts(k.Context(), now)
	eventually(k.T, func() (int, bool) {
		s, err := k.side.hooks.Stats(k.Context())
		return s.Pending, err == nil && s.Pending == 0
	})
}

// alertState is how an alert stands by the API.
func (k *kit) alertState(name string) admin.AlertState {
	k.Helper()
	var list struct{ Alerts []admin.AlertState }
	a := k.operate(http.MethodGet, "/api/alerts", "")
	if err := json.Unmarshal(a.body, &list); err != nil {
		k.Fatalf("%d %s", a.status, a.body)
	}
	i := slices.IndexFunc(list.Alerts, func(s admin.AlertState) bool { return s.Name == name })
	if i < 0 {
		k.Fatalf("no alert %q in %+v", name, list.Alerts)
	}
	return list.Alerts[i]
}

// alerting is one target without a breaker, and an alert that tells {ops} of it in JSON and {chat} in Slack's form.
const alerting = `
providers:
  google: {<google>, breaker: off}
  openai: {<openai>, breaker: off}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
routes:
  - {name: only-nano, targets: [nano]}
alerts:
  - {name: failing, when: success_rate < 0.9, for: 10m, window: 2h, notify: [ops]}
  - {name: success, off: true}
  - {name: unknown-price, off: true}
notify:
  ops: {webhook: "{ops}"}
`

// TestAnAlertIsToldOnceAcrossRestarts: it fires and ends against a real receiver, once each, however often the process is
// started again and whatever it was doing.
func TestAnAlertIsToldOnceAcrossRestarts(t *testing.T) {
	world, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	ops := newReceiver(t)
	k := startKitWith(t, world, strings.ReplaceAll(alerting, "{ops}", ops.URL+"/hook?token=xyzzy"))
	now := time.Now()

	k.look(now)
	if s := k.alertState("failing"); s.State != "ok" || s.Message != "no data" {
		t.Fatalf("without traffic: %+v", s)
	}
	world.Google.Update(func(b *sim.Behavior) { b.FailRatio = 1 })
	for range 3 {
		k.gptFor("nano")
	}
	k.look(now.Add(time.Second))
	if s := k.alertState("failing"); s.State != "pending" || s.Value != 0 || s.Message != "success_rate is 0" {
		t.Fatalf("after failures: %+v", s)
	}
	k.restart() // still pending, and since then
	k.look(now.Add(10*time.Minute - time.Second))
	if got := k.alertState("failing"); got.State != "pending" || len(ops.got()) != 0 {
		t.Fatalf("too early: %+v", got)
	}
	k.look(now.Add(10*time.Minute + time.Second))
	k.look(now.Add(10*time.Minute + 16*time.Second))
	k.restart()
	k.look(now.Add(11 * time.Minute))
	notes := told(t, ops)
	if len(notes) != 1 || notes[0].Alert != "failing" || notes[0].State != "firing" || notes[0].Rule != "success_rate < 0.9" || notes[0].ID == "" ||
		!notes[0].Since.Equal(now.Add(10*time.Minute+time.Second).Truncate(0)) || len(notes[0].Alerts) != 1 {
		t.Fatalf("told %+v", notes)
	}
	if h := k.operate(http.MethodGet, "/api/health", ""); !strings.Contains(string(h.body), `"alerts":["failing: success_rate is 0"]`) {
		t.Errorf("health is %s", h.body)
	}
	if m := k.operate(http.MethodGet, "/metrics", ""); !strings.Contains(string(m.body), `switchyard_alert_firing{alert="failing"} 1`) {
		t.Error("the metric does not say that it fires")
	}

	world.Google.Update(func(b *sim.Behavior) { b.FailRatio = 0 })
	for range 40 {
		k.gptFor("nano")
	}
	k.look(now.Add(12 * time.Minute))
	k.look(now.Add(13 * time.Minute))
	k.restart()
	k.look(now.Add(14 * time.Minute))
	if notes = told(t, ops); len(notes) != 2 || notes[1].State != "resolved" || notes[1].ID == notes[0].ID || notes[1].Value < 0.9 {
		t.Fatalf("told %+v", notes)
	}
	for _, e := range k.logs.All() {
		if strings.Contains(e.Message, "xyzzy") || strings.Contains(strings.Join(texts(e.ContextMap()), " "), "xyzzy") {
			t.Errorf("the log tells the receiver's secret: %+v", e)
		}
	}
}

// texts are the fields of a log entry that are texts.
func texts(fields map[string]any) (list []string) {
	for _, v := range fields {
		if s, ok := v.(string); ok {
			list = append(list, s)
		}
	}
	return list
}
