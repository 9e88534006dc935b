package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// events reads an answer as it comes.
func (k *kit) events(path, body string, headers ...string) *http.Response {
	k.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, k.url+path, strings.NewReader(body))
	if err != nil {
		k.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// TestPassesThrough: what is no generation goes to the app's own provider, streamed, and POSTs are in the ledger.
func TestPassesThrough(t *testing.T) {
	k := startKit(t, twoProviders)
	for path, says := range map[string]string{
		"/v1/models":            `"gpt-image-2"`,
		"/openai/v1/models":     `"gpt-image-2"`,
		"/v1beta/models":        `models/gemini-nano-banana-2.1`,
		"/gemini/v1beta/models": `models/gemini-nano-banana-2.1`,
	} {
		if a := k.do(t.Context(), http.MethodGet, path, ""); a.status != http.StatusOK || !strings.Contains(string(a.body), says) {
			t.Errorf("%s: %d %.300s %v", path, a.status, a.body, a.err)
		}
	}
	resp := k.events("/v1/chat/completions", `{"model":"gpt-5.5-mini","messages":[{"role":"user","content":"hi"}],"stream":true}`)
	lines := bufio.NewScanner(resp.Body)
	n := 0
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data: ") {
			n++
		}
	}
	if resp.StatusCode != http.StatusOK || n < 20 {
		t.Errorf("%d with %d events", resp.StatusCode, n)
	}
	rows := k.rows()
	if len(rows) != 1 || rows[0].Cost.Basis != switchyard.BasisUnknown || rows[0].Target != "native:openai" {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestStream: a provider's own events go on as they come, and are booked at what the last of them says was used.
func TestStream(t *testing.T) {
	k := startKit(t, twoProviders)
	body := `{"model":"gpt-image-1-mini","prompt":"a cat","size":"1024x1024","stream":true,"partial_images":1}`
	resp := k.events(openaiPath, body, "X-Only", "gpt")
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(text), "event: image_generation.partial_image") || !strings.Contains(string(text), "event: image_generation.completed") {
		t.Errorf("%d %.200s %v", resp.StatusCode, text, err)
	}
	native := `{"contents":[{"parts":[{"text":"a cat"}]}]}`
	resp = k.events("/v1beta/models/gemini-3-pro-image:streamGenerateContent?alt=sse", native, "X-Only", "nano")
	if text, err = io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), `"finishReason"`) {
		t.Errorf("%d %.200s %v", resp.StatusCode, text, err)
	}
	rows := k.rows()
	for i, billed := range []switchyard.Money{k.world.OpenAI.Total(), k.world.Google.Total()} {
		if len(rows) != 2 || rows[i].Outcome != switchyard.OK || rows[i].Cost != (switchyard.Cost{Amount: billed, Basis: switchyard.BasisReported, Charge: switchyard.ChargeSettled}) {
			t.Errorf("billed %v, and the ledger has %+v", billed, rows)
		}
	}
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Refuse })
	if resp := k.events(openaiPath, body, "X-Only", "gpt"); resp.StatusCode != http.StatusServiceUnavailable && resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a refused stream: %d", resp.StatusCode)
	}
}

// TestCutStream: half a stream never looks like a whole one.
func TestCutStream(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Cut })
	resp := k.events(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a cat","stream":true,"partial_images":1}`, "X-Only", "gpt")
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the app read a cut stream to a clean end")
	}
	rows := k.rows()
	if len(rows) != 1 || rows[0].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestTranslatedStream: what cannot be relayed comes as one last event in the app's form.
func TestTranslatedStream(t *testing.T) {
	k := startKit(t, twoProviders)
	resp := k.events("/v1beta/models/gemini-3-pro-image:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"a cat"}]}]}`, "X-Only", "gpt")
	text, err := io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(text), `data: {"candidates":[`) || !strings.HasSuffix(string(text), "}\n\n") || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v %.200s %v", resp.StatusCode, resp.Header, text, err)
	}
	resp = k.events(openaiPath, `{"prompt":"a cat","stream":true}`, "X-Only", "nano")
	text, err = io.ReadAll(resp.Body)
	if err != nil || !strings.HasPrefix(string(text), "event: image_generation.completed\ndata: {") {
		t.Errorf("%d %.200s %v", resp.StatusCode, text, err)
	}
}

// TestHosted: an app that expects an address gets one of ours, and the picture there.
func TestHosted(t *testing.T) {
	k := startKit(t, twoProviders)
	a := k.post(openaiPath, `{"model":"dall-e-3","prompt":"a cat","size":"1024x1024"}`, "X-Only", "nano")
	_, url, ok := strings.Cut(string(a.body), `"url":"`)
	url, _, _ = strings.Cut(url, `"`)
	if a.status != http.StatusOK || !ok || !strings.HasPrefix(url, k.url+"/assets/") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := k.do(t.Context(), http.MethodGet, strings.TrimPrefix(url, k.url), "")
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "image/") {
		t.Fatalf("%d %v", got.status, got.header)
	}
	if m := mark(t, got.body); m.Provider != "google" || m.Prompt != sim.PromptMark("a cat") {
		t.Errorf("the picture is %+v", m)
	}
}

// TestAFailedStreamIsNoAnswer: events that end in a failure are a failure in the ledger, and release their Idempotency-Key. That
// it was the prompt does not count against the provider.
func TestAFailedStreamIsNoAnswer(t *testing.T) {
	code := "server_error"
	url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "event: error\ndata: {\"type\":\"error\",\"error\":{\"code\":%q,\"message\":\"no\"}}\n\n", code)
	})
	k := startKit(t, `providers: {openai: {dialect: openai, key: sk-sim, base_url: "`+url+`"}}`)
	ask := func() answer {
		return k.post(openaiPath, `{"model":"gpt-image-2","prompt":"a cat","stream":true}`, "Authorization", "Bearer x", "Idempotency-Key", "one")
	}
	for range 2 {
		if a := ask(); a.status != http.StatusOK || !strings.HasPrefix(string(a.body), "event: error") {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	code = "moderation_blocked"
	ask()
	rows := eventually(t, func() ([]ledger.Row, bool) {
		rows := k.rows()
		return rows, len(rows) == 3 && rows[2].Outcome != ""
	})
	for i, want := range []switchyard.Outcome{switchyard.Overloaded, switchyard.Overloaded, switchyard.Filtered} {
		if r := rows[i]; r.Outcome != want || r.Images != 0 || r.Cost.Charge != switchyard.ChargePossible {
			t.Errorf("attempt %d: %+v, want %s", i, r, want)
		}
	}
}

// TestAWithheldStream: events that come to their end with a refusal for safety in a picture's place are booked as that, at what
// they say was used, and not as a picture. How a stream ended is how its generation did.
func TestAWithheldStream(t *testing.T) {
	k := startKit(t, twoProviders)
	for _, c := range []struct {
		fault sim.Fault
		want  switchyard.Outcome
	}{
		{sim.None, switchyard.OK},
		{sim.Filter, switchyard.Filtered},
		{sim.FilterOutput, switchyard.Filtered},
		{sim.Cut, switchyard.BadReply},
	} {
		k.world.Google.Update(func(b *sim.Behavior) { b.Fault = c.fault })
		resp := k.events("/v1beta/models/gemini-3-pro-image:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"a cat"}]}]}`, "X-Only", "nano")
		_, _ = io.Copy(io.Discard, resp.Body)
		acc := eventually(t, func() (ledger.Account, bool) {
			k.rows()
			acc, _ := k.side.store.Generation(t.Context(), resp.Header.Get("X-Switchyard-Id"))
			return acc, acc.Generation.Outcome != ""
		})
		images := 0
		if c.want == switchyard.OK {
			images = 1
		}
		if a := acc.Attempts[0]; a.Outcome != c.want || a.Images != images {
			t.Errorf("%q: the attempt is %+v, want %s", c.fault, a, c.want)
		} else if c.want == switchyard.Filtered && (a.Cost.Basis != switchyard.BasisReported || a.Cost.Amount >= a.Estimate.Amount) {
			t.Errorf("%q: it cost %+v", c.fault, a.Cost)
		}
		if g := acc.Generation; g.Outcome != c.want || g.Delivered != images {
			t.Errorf("%q: the generation is %+v, want %s", c.fault, g, c.want)
		}
	}
}
