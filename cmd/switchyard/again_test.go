package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/sim"
)

const tinyImage = `{"model":"gpt-image-1-mini","prompt":"a cat","size":"1024x1024","quality":"low"}`

const onlyOpenAI = `
providers:
  openai: {<openai>}
keys:
  - {name: one, secret: first-key}
  - {name: two, secret: second-key}
`

func slowOpenAI(t *testing.T, d time.Duration) *sim.World {
	t.Helper()
	w := slowWorld(t, 0)
	w.OpenAI.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: d, Max: d} })
	return w
}

// TestIdempotencyKey: the same key and body are the same generation, while it runs and afterwards.
func TestIdempotencyKey(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 300*time.Millisecond), onlyOpenAI)
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	answers := make([]answer, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = k.post(openaiPath, tinyImage, headers...) })
	}
	all.Wait()
	again := k.post(openaiPath, tinyImage, headers...)
	for _, a := range append(answers, again) {
		if a.status != http.StatusOK || !bytes.Equal(a.body, again.body) || a.header.Get("X-Switchyard-Id") != again.header.Get("X-Switchyard-Id") {
			t.Errorf("%d %.100s of %s", a.status, a.body, a.header.Get("X-Switchyard-Id"))
		}
	}
	if again.header.Get("X-Switchyard-Cache") != "hit" {
		t.Errorf("headers %v", again.header)
	}
	if n := len(k.world.OpenAI.Bill()); n != 1 {
		t.Errorf("%d pictures were paid for", n)
	}
	other := k.post(openaiPath, `{"model":"gpt-image-1-mini","prompt":"a dog"}`, headers...)
	if other.status != http.StatusUnprocessableEntity {
		t.Errorf("another body: %d %s", other.status, other.body)
	}
	headers[1] = "Bearer second-key"
	if a := k.post(openaiPath, tinyImage, headers...); a.status != http.StatusOK || len(k.world.OpenAI.Bill()) != 2 {
		t.Errorf("another tenant with the same key: %d, %d paid for", a.status, len(k.world.OpenAI.Bill()))
	}
}

// TestAFailureReleasesItsKey: the next one with it is made anew.
func TestAFailureReleasesItsKey(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 0), onlyOpenAI)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault, b.Times = sim.Fail, 1 })
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	if a := k.post(openaiPath, tinyImage, headers...); a.status < 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := k.post(openaiPath, tinyImage, headers...); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestKeysThatCannotBeLookedUp: who counts on a key is served nothing that may have been paid for; whoever does not is served.
func TestKeysThatCannotBeLookedUp(t *testing.T) {
	dir := t.TempDir()
	k := startKitWith(t, slowOpenAI(t, 0), fmt.Sprintf("store: {database: \"sqlite:%[1]s/db\", journal: \"%[1]s/journal\"}\n", dir)+onlyOpenAI)
	folder := filepath.Join(dir, "replies")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	headers := []string{"Authorization", "Bearer first-key"}
	if a := k.post(openaiPath, tinyImage, append(headers, "Idempotency-Key", "order-1")...); a.status != http.StatusServiceUnavailable || len(k.world.OpenAI.Bill()) != 0 {
		t.Errorf("with a key: %d %.100s, %d paid for", a.status, a.body, len(k.world.OpenAI.Bill()))
	}
	if a := k.post(openaiPath, tinyImage, headers...); a.status != http.StatusOK || len(k.world.OpenAI.Bill()) != 1 {
		t.Errorf("without: %d %.100s, %d paid for", a.status, a.body, len(k.world.OpenAI.Bill()))
	}
}

// TestWhatWasPaidForIsKept: an app that leaves gets its picture by its key, or by asking for the same once more.
func TestWhatWasPaidForIsKept(t *testing.T) {
	for name, headers := range map[string][]string{
		"key":    {"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"},
		"rejoin": {"Authorization", "Bearer first-key"},
	} {
		for _, when := range []string{"running", "ended"} {
			t.Run(name+" "+when, func(t *testing.T) {
				k := startKitWith(t, slowOpenAI(t, 400*time.Millisecond), onlyOpenAI)
				ctx, leave := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					k.serve(ctx, &failing{http.Header{}, func() {}}, openaiPath, tinyImage, headers...)
				}()
				k.atWork(k.world.OpenAI)
				leave()
				if when == "ended" {
					<-ended
				}
				a := k.post(openaiPath, tinyImage, headers...)
				if a.status != http.StatusOK || a.header.Get("X-Switchyard-Cache") != "hit" || len(k.world.OpenAI.Bill()) != 1 {
					t.Errorf("%d %.100s, %d paid for", a.status, a.body, len(k.world.OpenAI.Bill()))
				}
				if name == "rejoin" { // told once: who asks again wants another picture
					if a := k.post(openaiPath, tinyImage, headers...); a.status != http.StatusOK || len(k.world.OpenAI.Bill()) != 2 {
						t.Errorf("asked again: %d, %d paid for", a.status, len(k.world.OpenAI.Bill()))
					}
				}
			})
		}
	}
}

// TestLiveCallsAreNotMerged: two that ask for the same at the same time get a picture each.
func TestLiveCallsAreNotMerged(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 200*time.Millisecond), onlyOpenAI)
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { k.post(openaiPath, tinyImage, "Authorization", "Bearer first-key") })
	}
	all.Wait()
	if n := len(k.world.OpenAI.Bill()); n != 3 {
		t.Errorf("%d pictures were made", n)
	}
}

// TestAKeyedAnswerOutlivesTheProcess asks a second process for what the first one made.
func TestAKeyedAnswerOutlivesTheProcess(t *testing.T) {
	w := slowOpenAI(t, 0)
	k := startKitWith(t, w, onlyOpenAI)
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	first := k.post(openaiPath, tinyImage, headers...)
	again := k.restart().post(openaiPath, tinyImage, headers...)
	if again.status != http.StatusOK || !bytes.Equal(first.body, again.body) || len(w.OpenAI.Bill()) != 1 {
		t.Errorf("%d, %d paid for", again.status, len(w.OpenAI.Bill()))
	}
}

const tinyEvents = `{"model":"gpt-image-1-mini","prompt":"a cat","size":"1024x1024","quality":"low","stream":true,"partial_images":1}`

// TestEventsUnderAKey: they are paid for once, told once more to whoever asks with the key, and to nobody who asks for
// something else.
func TestEventsUnderAKey(t *testing.T) {
	w := slowOpenAI(t, 300*time.Millisecond)
	k := startKitWith(t, w, onlyOpenAI)
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	answers := make([]answer, 3)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = k.post(openaiPath, tinyEvents, headers...) })
	}
	all.Wait()
	answers = append(answers, k.post(openaiPath, tinyEvents, headers...), k.restart().post(openaiPath, tinyEvents, headers...))
	hits := 0
	for i, a := range answers {
		if a.status != http.StatusOK || a.header.Get("Content-Type") != answers[0].header.Get("Content-Type") || !bytes.Equal(a.body, answers[0].body) {
			t.Errorf("answer %d: %d %v %.100s", i, a.status, a.header, a.body)
		}
		if a.header.Get("X-Switchyard-Cache") == "hit" {
			hits++
		}
	}
	if !bytes.Contains(answers[0].body, []byte("event: image_generation.completed")) || hits != len(answers)-1 || len(w.OpenAI.Bill()) != 1 {
		t.Errorf("%d hits, %d paid for: %.100s", hits, len(w.OpenAI.Bill()), answers[0].body)
	}
	for name, other := range map[string]string{"another prompt": strings.Replace(tinyEvents, "cat", "dog", 1), "without events": tinyImage} {
		if a := k.post(openaiPath, other, headers...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %.100s", name, a.status, a.body)
		}
	}
	if n := len(w.OpenAI.Bill()); n != 1 {
		t.Errorf("%d paid for", n)
	}
}

// TestEventsUnderAKeyOutliveTheirApp: it comes back for what it has left, before the first of them or after, and has not
// paid twice.
func TestEventsUnderAKeyOutliveTheirApp(t *testing.T) {
	w := slowOpenAI(t, 400*time.Millisecond)
	k := startKitWith(t, w, onlyOpenAI)
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	k.abandon(w.OpenAI, openaiPath, tinyEvents, headers...)
	a := k.post(openaiPath, tinyEvents, headers...)
	if a.status != http.StatusOK || !bytes.Contains(a.body, []byte("event: image_generation.completed")) || len(w.OpenAI.Bill()) != 1 {
		t.Errorf("%d %.100s, %d paid for", a.status, a.body, len(w.OpenAI.Bill()))
	}
	headers[3] = "order-2"
	k.serve(t.Context(), &failing{http.Header{}, func() {}}, openaiPath, tinyEvents, headers...)
	a = k.post(openaiPath, tinyEvents, headers...)
	if a.header.Get("X-Switchyard-Cache") != "hit" || !bytes.Contains(a.body, []byte("event: image_generation.completed")) || len(w.OpenAI.Bill()) != 2 {
		t.Errorf("%d %.100s, %d paid for", a.status, a.body, len(w.OpenAI.Bill()))
	}
	for _, row := range k.rows() {
		if row.Outcome != switchyard.OK || row.Cost.Charge != switchyard.ChargeSettled {
			t.Errorf("the ledger has %+v", row)
		}
	}
}

// TestBrokenEventsReleaseTheirKey: half of them are not what it stands for.
func TestBrokenEventsReleaseTheirKey(t *testing.T) {
	w := slowOpenAI(t, 0)
	k := startKitWith(t, w, onlyOpenAI)
	w.OpenAI.Update(func(b *sim.Behavior) { b.Fault, b.Times = sim.Cut, 1 })
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	if a := k.post(openaiPath, tinyEvents, headers...); a.err == nil {
		t.Errorf("%d, and a clean end", a.status)
	}
	a := k.post(openaiPath, tinyEvents, headers...)
	if a.status != http.StatusOK || a.err != nil || !bytes.Contains(a.body, []byte("event: image_generation.completed")) || a.header.Get("X-Switchyard-Cache") == "hit" {
		t.Errorf("%d %v %.100s %v", a.status, a.header, a.body, a.err)
	}
}

// TestTranslatedEventsUnderAKey: one last event in the app's form is an answer as every other.
func TestTranslatedEventsUnderAKey(t *testing.T) {
	k := startKit(t, twoProviders)
	headers := []string{"Authorization", "Bearer any", "Idempotency-Key", "order-1", "X-Only", "nano"}
	first := k.post(openaiPath, `{"prompt":"a cat","stream":true}`, headers...)
	second := k.post(openaiPath, `{"prompt":"a cat","stream":true}`, headers...)
	if first.status != http.StatusOK || !bytes.HasPrefix(first.body, []byte("event: image_generation.completed\n")) || !bytes.Equal(first.body, second.body) {
		t.Errorf("%d %.100s, then %d %.100s", first.status, first.body, second.status, second.body)
	}
	if n := len(k.world.Google.Bill()); n != 1 {
		t.Errorf("%d paid for", n)
	}
}

// failing is an app to which nothing can be written.
type failing struct {
	header http.Header
	before func() // each write
}

func (f *failing) Header() http.Header { return f.header }
func (f *failing) WriteHeader(int)     {}
func (f *failing) Write([]byte) (int, error) {
	f.before()
	return 0, errors.New("broken pipe")
}

// atWork returns when p is.
func (k *kit) atWork(p *sim.Provider) {
	k.Helper()
	eventually(k.T, func() (int, bool) {
		now, _ := p.InFlight()
		return now, now > 0
	})
}

// abandon sends a request for an app that leaves once p is at work for it.
func (k *kit) abandon(p *sim.Provider, path, body string, headers ...string) {
	k.Helper()
	ctx, leave := context.WithCancel(k.Context())
	defer leave()
	left := make(chan answer, 1)
	go func() { left <- k.do(ctx, http.MethodPost, path, body, headers...) }()
	k.atWork(p)
	leave()
	if a := <-left; a.err == nil {
		k.Fatalf("the app did not leave: %d", a.status)
	}
}

// serve carries a request for an app that is the writer w, until ctx ends.
func (k *kit) serve(ctx context.Context, w http.ResponseWriter, path, body string, headers ...string) {
	k.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, k.url+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	defer func() {
		if p := recover(); p != any(http.ErrAbortHandler) {
			k.Errorf("half an answer did not end in its being cut, but in %v", p)
		}
	}()
	k.side.handler.ServeHTTP(w, r)
}

// TestRejoinWhileItIsWritten: an app that leaves in the middle of its answer, and asks again before anybody has noticed that
// the answer did not arrive, does not pay twice.
func TestRejoinWhileItIsWritten(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 0), onlyOpenAI)
	ctx, leave := context.WithCancel(t.Context())
	second := make(chan answer, 1)
	k.serve(ctx, &failing{http.Header{}, func() {
		leave()
		done := make(chan struct{})
		go func() {
			defer close(done)
			second <- k.post(openaiPath, tinyImage, "Authorization", "Bearer first-key")
		}()
		select {
		case <-done: // it did not wait for what is written here
		case <-time.After(300 * time.Millisecond):
		}
	}}, openaiPath, tinyImage, "Authorization", "Bearer first-key")
	if a := <-second; a.status != http.StatusOK || a.header.Get("X-Switchyard-Cache") != "hit" || len(k.world.OpenAI.Bill()) != 1 {
		t.Errorf("%d %v, %d paid for", a.status, a.header, len(k.world.OpenAI.Bill()))
	}
}

// TestRejoinOnceMore: what was told to an app that had left again by then is still there for the next time.
func TestRejoinOnceMore(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 0), onlyOpenAI)
	for range 3 {
		k.serve(t.Context(), &failing{http.Header{}, func() {}}, openaiPath, tinyImage, "Authorization", "Bearer first-key")
	}
	a := k.post(openaiPath, tinyImage, "Authorization", "Bearer first-key")
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Cache") != "hit" || len(k.world.OpenAI.Bill()) != 1 {
		t.Errorf("%d %v, %d paid for", a.status, a.header, len(k.world.OpenAI.Bill()))
	}
}

// TestOneTicketAKey: also while the app waits for it, after a restart, and once it is over; a failure releases the key.
func TestOneTicketAKey(t *testing.T) {
	w := slowOpenAI(t, 300*time.Millisecond)
	k := startKitWith(t, w, behindReplicate)
	headers := []string{"Authorization", "Bearer first-key", "Idempotency-Key", "order-1"}
	ids := make([]string, 4)
	var all sync.WaitGroup
	for i := range ids {
		wait := headers
		if i%2 == 0 {
			wait = append([]string{"Prefer", "wait"}, headers...)
		}
		all.Go(func() { ids[i] = k.post(createPath, `{"input":{"prompt":"a"}}`, wait...).prediction(t).ID })
	}
	all.Wait()
	ids = append(ids, k.restart().post(createPath, `{"input":{"prompt":"a"}}`, headers...).prediction(t).ID)
	if slices.Sort(ids); len(slices.Compact(ids)) != 1 || len(w.OpenAI.Bill()) != 1 {
		t.Errorf("tickets %v, %d paid for", ids, len(w.OpenAI.Bill()))
	}
	if a := k.post(createPath, `{"input":{"prompt":"b"}}`, headers...); a.status != http.StatusUnprocessableEntity {
		t.Errorf("another body: %d %s", a.status, a.body)
	}
	w.OpenAI.Update(func(b *sim.Behavior) { b.Fault, b.Times = sim.Fail, 1 })
	headers = append([]string{"Prefer", "wait"}, headers...)
	headers[len(headers)-1] = "order-2"
	if p := k.post(createPath, `{"input":{"prompt":"a"}}`, headers...).prediction(t); p.Status != "failed" {
		t.Errorf("%+v", p)
	}
	if p := k.post(createPath, `{"input":{"prompt":"a"}}`, headers...).prediction(t); p.Status != "succeeded" {
		t.Errorf("%+v", p)
	}
}

// TestFormsAreKnownAgain: the same form with another boundary is the same request.
func TestFormsAreKnownAgain(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 0), onlyOpenAI)
	var ids []string
	for _, boundary := range []string{"first", "second"} {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.SetBoundary(boundary)
		_ = w.WriteField("model", "gpt-image-1-mini")
		_ = w.WriteField("prompt", "a hat")
		part, _ := w.CreateFormFile("image", "a.png")
		_, _ = part.Write(sim.Picture(switchyard.Size{Width: 64, Height: 64}, "png", sim.Art{}))
		_ = w.Close()
		a := k.post("/v1/images/edits", b.String(), "Authorization", "Bearer first-key", "Idempotency-Key", "order-1", "Content-Type", w.FormDataContentType())
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		ids = append(ids, a.header.Get("X-Switchyard-Id"))
	}
	if ids[0] != ids[1] {
		t.Errorf("generations %v", ids)
	}
}

// TestAnonymousCallersDoNotSeeEachOther: without credentials, anybody could be anybody.
func TestAnonymousCallersDoNotSeeEachOther(t *testing.T) {
	k := startKitWith(t, slowOpenAI(t, 0), "providers:\n  openai: {dialect: openai, key: sk-sim, base_url: \"{openai}\"}\ntargets:\n  gpt: {provider: openai, model: gpt-image-1-mini}\nroutes:\n  - {name: all, targets: [gpt]}\n")
	if p := k.post(createPath, `{"input":{"prompt":"secret"}}`, "Prefer", "wait").prediction(t); p.Status != "succeeded" {
		t.Fatalf("%+v", p)
	}
	for n := 1; n <= 2; n++ { // by the same key: it may be anybody's
		a := k.post(openaiPath, tinyImage, "Idempotency-Key", "order-1")
		if a.status != http.StatusOK || a.header.Get("X-Switchyard-Cache") == "hit" {
			t.Errorf("%d %.100s, of %v", a.status, a.body, a.header)
		}
	}
	for _, path := range []string{"/replicate/v1/predictions", "/replicate/v1/webhooks/default/secret"} {
		if a := k.do(t.Context(), http.MethodGet, path, ""); a.status == http.StatusOK {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}
