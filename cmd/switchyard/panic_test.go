package main

import (
	"encoding/json"
	"net/http"
	"testing"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/spool"
)

// brittle is a dialect with a mistake somewhere.
type brittle struct {
	dialect.Dialect
	at string
}

func (b brittle) breaks(at string) {
	if b.at == at {
		panic("a mistake in " + at)
	}
}

func (b brittle) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	b.breaks("decode")
	return b.Dialect.DecodeRequest(m)
}

func (b brittle) EncodeResult(q *switchyard.Request, r *switchyard.Result) (*dialect.Reply, error) {
	b.breaks("encode")
	return b.Dialect.EncodeResult(q, r)
}

func (b brittle) Passes(name string, own bool) bool {
	b.breaks("pass")
	return b.Dialect.Passes(name, own)
}

// TestPanic: a mistake of ours costs the app its answer, not its connection: it hears of it in its own words. What was paid
// for is booked, and the generation ends.
func TestPanic(t *testing.T) {
	for at, c := range map[string]struct {
		path     string
		attempts int
	}{
		"decode": {openaiPath, 0},
		"encode": {openaiPath, 1},
		"pass":   {"/v1/chat/completions", 1},
	} {
		t.Run(at, func(t *testing.T) {
			k := startKit(t, twoProviders)
			b, err := k.side.build(k.side.file.Load())
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range b.snapshot.Dialects {
				if d.Name() == "openai" {
					b.snapshot.Dialects[i] = brittle{d, at}
				}
			}
			k.side.handler.Use(b.snapshot)
			a := k.post(c.path, `{"model":"gpt-image-1-mini","prompt":"a signal box"}`, "Authorization", "Bearer an-app", "X-Only", "nano")
			var doc struct {
				Error struct{ Message, Type string }
			}
			if err := json.Unmarshal(a.body, &doc); err != nil || a.status != http.StatusInternalServerError || doc.Error.Message == "" {
				t.Errorf("the app got %d %s (%v, %v)", a.status, a.body, err, a.err)
			}
			k.flush()
			account, err := k.side.store.Generation(t.Context(), a.header.Get("X-Switchyard-Id"))
			if (err == nil) != (c.attempts > 0) || len(account.Attempts) != c.attempts {
				t.Fatalf("%d attempts, %v", len(account.Attempts), err)
			}
			for _, at := range account.Attempts {
				if at.Outcome == "" || account.Generation.Outcome == "" || account.Generation.Outcome == switchyard.OK {
					t.Errorf("the attempt ended as %q, the generation as %q", at.Outcome, account.Generation.Outcome)
				}
			}
			if n := k.side.breakers.State("native:openai").Counts; at == "pass" && n != (breaker.Counts{Neither: 1}) {
				t.Errorf("the breaker heard %+v", n)
			}
			if logs := k.logs.FilterMessage("panic").FilterLevelExact(zap.ErrorLevel).All(); len(logs) != 1 || logs[0].ContextMap()["stack"] == "" {
				t.Errorf("logged %v", logs)
			}
		})
	}
}
