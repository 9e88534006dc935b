package main

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// settledRows waits until nothing is under way in the ledger.
func (k *kit) settledRows(n int) []ledger.Row {
	k.Helper()
	return eventually(k.T, func() ([]ledger.Row, bool) {
		rows := k.rows()
		for _, r := range rows {
			if r.Outcome == "" {
				return rows, false
			}
		}
		return rows, len(rows) == n
	})
}

// TestKillAbortsStream: events that an app is reading break off visibly.
func TestKillAbortsStream(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Hang })
	body := `{"model":"gpt-image-1-mini","prompt":"a cat","stream":true,"partial_images":2}`
	resp := k.events(openaiPath, body, "X-Only", "gpt")
	events := bufio.NewReader(resp.Body)
	line, err := events.ReadString('\n')
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s %v", resp.StatusCode, line, err)
	}
	k.mustKill(`{"scope":"target","name":"gpt","abort":true}`)
	for err == nil {
		_, err = events.ReadString('\n')
	}
	if err.Error() != "unexpected EOF" {
		t.Errorf("the stream ended with %v", err)
	}
	if rows := k.settledRows(1); rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestKillAbortsPassage: what passes through is cut, too, and its app told in its own words.
func TestKillAbortsPassage(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	k.mustKill(`{"scope":"all","bypass":true}`)
	got := make(chan answer, 1)
	go func() { got <- k.gptFor("") }()
	eventually(t, func() (int, bool) { n := len(k.world.OpenAI.Calls()); return n, n == 1 })
	k.mustKill(`{"scope":"provider","name":"openai","abort":true}`)
	if a := <-got; a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "service_unavailable_error") {
		t.Errorf("%d %s %v", a.status, a.body, a.err)
	}
	rows := k.settledRows(1)
	if rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible || rows[0].Cost.Basis != switchyard.BasisUnknown {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestKillAbortsUnsent: an attempt that waits in line when it is cut has cost nothing, and has no row.
func TestKillAbortsUnsent(t *testing.T) {
	k := startKitWith(t, slowGoogle(t), strings.Replace(twoProviders, "breaker: {failures: 5", "limit: {concurrent: 1}, breaker: {failures: 5", 1))
	k.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	done := make(chan answer, 2)
	for i := range 2 {
		go func() { done <- k.post(imagenPath, predict(fmt.Sprintf("picture %d", i), 1), "X-Only", "nano") }()
	}
	eventually(t, func() (int, bool) { n := len(k.world.Google.Calls()); return n, n == 1 })
	k.mustKill(`{"scope":"route","name":"only-nano","abort":true}`)
	for range 2 {
		if a := <-done; a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if rows := k.settledRows(1); rows[0].Cost.Charge != switchyard.ChargePossible || len(k.world.Google.Calls()) != 1 {
		t.Errorf("the ledger has %+v; google was called %d times", rows, len(k.world.Google.Calls()))
	}
}

// TestBypassedTickets: in a bypass a job is the provider's own, also for apps with keys of ours; a ticket of ours is told of
// all the same, and a file goes where it can be fetched.
func TestBypassedTickets(t *testing.T) {
	k := startKit(t, behindReplicate)
	first := []string{"Authorization", "Bearer first-key"}
	ours := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, first...).prediction(t)
	k.mustKill(`{"scope":"all","bypass":true}`)
	theirs := k.post(createPath, `{"input":{"prompt":"a second fox"}}`, first...).prediction(t)
	calls := k.world.Replicate.Calls()
	if len(calls) != 1 || calls[0].Header.Get("Authorization") != "Bearer r8_sim" {
		t.Errorf("replicate got %+v", calls)
	}
	for _, id := range []string{ours.ID, theirs.ID} {
		p := eventually(t, func() (prediction, bool) {
			p := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions/"+id, "", first...).prediction(t)
			return p, p.Status == "succeeded"
		})
		if p.ID != id {
			t.Errorf("asked for %s, got %+v", id, p)
		}
	}
	before := len(k.world.Replicate.Calls())
	k.do(t.Context(), http.MethodPost, "/replicate/v1/files", "a file", first...)
	if n := len(k.world.Replicate.Calls()) - before; n != 1 {
		t.Errorf("replicate got %d files", n)
	}
}

// TestKillSoonest: of several that are stopped, the one that comes back by itself says when.
func TestKillSoonest(t *testing.T) {
	k := startKit(t, twoProviders)
	k.mustKill(`{"scope":"target","name":"nano"}`)
	k.mustKill(`{"scope":"target","name":"gpt","for":"1000s"}`)
	a := k.post(imagenPath, predict("a cat", 1))
	if after := a.header.Get("Retry-After"); a.status != http.StatusServiceUnavailable || len(after) < 3 || after > "1000" && len(after) == 4 {
		t.Errorf("%d, Retry-After %q", a.status, after)
	}
}
