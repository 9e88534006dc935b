package main

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard/ledger/sqlite"
	"switchyard/sim"
)

// receiver is an app's webhook.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []received
}

type received struct {
	header http.Header
	body   []byte
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, received{q.Header, body})
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// TestReplicateWebhooks: the events that the app asked for, in their order, each signed with the secret that the app can
// ask for.
func TestReplicateWebhooks(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), behindReplicate)
	hook := newReceiver(t)
	first := []string{"Authorization", "Bearer first-key"}
	body := `{"input":{"prompt":"a red fox"},"webhook":"` + hook.URL + `","webhook_events_filter":["start","output","completed"]}`
	p := k.post(createPath, body, first...).prediction(t)
	calls := eventually(t, func() ([]received, bool) { c := hook.got(); return c, len(c) == 3 })
	var secret struct{ Key string }
	if err := json.Unmarshal(k.do(t.Context(), http.MethodGet, "/replicate/v1/webhooks/default/secret", "", first...).body, &secret); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Key, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	var statuses []string
	for _, c := range calls {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(c.header.Get("Webhook-Id") + "." + c.header.Get("Webhook-Timestamp") + "." + string(c.body)))
		if got := c.header.Get("Webhook-Signature"); got != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
			t.Errorf("signature %s does not verify", got)
		}
		told := answer{body: c.body}.prediction(t)
		statuses = append(statuses, told.Status)
		if told.ID != p.ID || told.Status == "succeeded" && (len(told.Output) != 1 || !strings.HasPrefix(told.Output[0], k.url+"/assets/")) {
			t.Errorf("told %s", c.body)
		}
	}
	if got := strings.Join(statuses, " "); got != "processing succeeded succeeded" {
		t.Errorf("told of %s", got)
	}
	other := k.do(t.Context(), http.MethodGet, "/replicate/v1/webhooks/default/secret", "", "Authorization", "Bearer second-key")
	if strings.Contains(string(other.body), secret.Key) || other.status != http.StatusOK {
		t.Errorf("another tenant's secret: %d %s", other.status, other.body)
	}
	if a := k.do(t.Context(), http.MethodGet, "/replicate/v1/webhooks/default/secret", ""); a.status != http.StatusUnauthorized {
		t.Errorf("a stranger's secret: %d %s", a.status, a.body)
	}
}

// TestFalWebhook: one notice, at the end, which verifies with the published key.
func TestFalWebhook(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), behindReplicate)
	hook := newReceiver(t)

	path := "/fal/queue/fal-ai/flux/dev?fal_webhook=" + url.QueryEscape(hook.URL+"/hook?token=x")
	a := k.post(path, `{"prompt":"a red fox"}`, "Authorization", "Key first-key")
	var submitted struct {
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(a.body, &submitted); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	calls := eventually(t, func() ([]received, bool) { c := hook.got(); return c, len(c) == 1 })
	var jwks struct{ Keys []struct{ X string } }
	if err := json.Unmarshal(k.do(t.Context(), http.MethodGet, "/fal/rest/.well-known/jwks.json", "").body, &jwks); err != nil || len(jwks.Keys) != 1 {
		t.Fatalf("keys: %v", err)
	}
	public, err := base64.RawURLEncoding.DecodeString(jwks.Keys[0].X)
	if err != nil {
		t.Fatal(err)
	}
	h, sum := calls[0].header, sha256.Sum256(calls[0].body)
	message := h.Get("X-Fal-Webhook-Request-Id") + "\n" + h.Get("X-Fal-Webhook-User-Id") + "\n" + h.Get("X-Fal-Webhook-Timestamp") + "\n" + hex.EncodeToString(sum[:])
	signature, err := hex.DecodeString(h.Get("X-Fal-Webhook-Signature"))
	if err != nil || !ed25519.Verify(public, []byte(message), signature) || h.Get("X-Fal-Webhook-Request-Id") != submitted.RequestID {
		t.Errorf("%v does not verify, %v", h, err)
	}
	var told struct {
		Status  string
		Payload struct{ Images []struct{ URL string } }
	}
	if err := json.Unmarshal(calls[0].body, &told); err != nil || told.Status != "OK" || len(told.Payload.Images) != 1 ||
		!strings.HasPrefix(told.Payload.Images[0].URL, k.url+"/assets/") {
		t.Errorf("told %s, %v", calls[0].body, err)
	}
}

// TestPrivateWebhooksAreRefused: with nothing stored, and nothing sent.
func TestPrivateWebhooksAreRefused(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), behindReplicate)
	for _, c := range []struct{ path, body, auth string }{
		{createPath, `{"input":{"prompt":"a"},"webhook":"http://169.254.169.254/latest"}`, "Bearer first-key"},
		{createPath, `{"input":{"prompt":"a"},"webhook":"http://10.0.0.1/hook"}`, "Bearer first-key"},
		{"/fal/queue/fal-ai/flux/dev?fal_webhook=" + url.QueryEscape("http://[::1]/hook"), `{"prompt":"a"}`, "Key first-key"},
	} {
		if a := k.post(c.path, c.body, "Authorization", c.auth); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
	list := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions", "", "Authorization", "Bearer first-key")
	if !strings.Contains(string(list.body), `"results":[]`) || len(k.world.OpenAI.Calls()) != 0 {
		t.Errorf("%s, %d calls", list.body, len(k.world.OpenAI.Calls()))
	}
}

// TestPredictionList: a tenant's own, newest first, in pages that follow one another.
func TestPredictionList(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), behindReplicate)
	first := []string{"Authorization", "Bearer first-key", "Prefer", "wait"}
	var want []string
	for range 103 {
		want = append(want, k.post(createPath, `{"input":{"prompt":"a"}}`, first...).prediction(t).ID)
	}
	slices.Reverse(want)
	for query, want := range map[string][]string{
		"": want,
		"?created_after=2020-01-01T00:00:00Z&created_before=9999-12-31": want,
		"?created_after=9999-12-31T00:00:00.000Z":                       nil,
		"?created_after=1500-01-01":                                     want,
		"?created_before=1970-01-01":                                    nil,
		"?created_before=2020-01-01T00:00:00%2B01:00":                   nil,
	} {
		var got []string
		for next := "/replicate/v1/predictions" + query; next != ""; {
			var page struct {
				Next    string
				Results []prediction
			}
			a := k.do(t.Context(), http.MethodGet, next, "", first...)
			if err := json.Unmarshal(a.body, &page); err != nil || len(page.Results) > 100 {
				t.Fatalf("%d %.200s, %v", a.status, a.body, err)
			}
			for _, p := range page.Results {
				got = append(got, p.ID)
			}
			next = strings.TrimPrefix(page.Next, k.url)
			if asks, _, _ := strings.Cut(next, "cursor="); next != "" && strings.TrimRight(asks, "?&") != "/replicate/v1/predictions"+strings.ReplaceAll(query, ":", "%3A") {
				t.Errorf("after %q comes %q", query, next)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: listed %d, want %d in their order", query, len(got), len(want))
		}
	}
	if a := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions?created_after=yesterday", "", first...); a.status != http.StatusBadRequest {
		t.Errorf("a date that is none: %d %s", a.status, a.body)
	}
	a := k.do(t.Context(), http.MethodGet, "/replicate/v1/predictions", "", "Authorization", "Bearer second-key")
	if !strings.Contains(string(a.body), `"results":[]`) {
		t.Errorf("a stranger sees %.200s", a.body)
	}
}

// TestStatusStream: each state as it comes, and then the end.
func TestStatusStream(t *testing.T) {
	world := slowWorld(t, 0)
	world.OpenAI.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: time.Second, Max: time.Second} })
	k := startKitWith(t, world, behindReplicate)
	auth := []string{"Authorization", "Key first-key"}
	var submitted struct {
		StatusURL string `json:"status_url"`
	}
	if err := json.Unmarshal(k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"a"}`, auth...).body, &submitted); err != nil {
		t.Fatal(err)
	}
	a := k.do(t.Context(), http.MethodGet, strings.TrimPrefix(submitted.StatusURL, k.url)+"/stream", "", auth...)
	var states []string
	for event := range strings.SplitSeq(string(a.body), "\n\n") {
		var doc struct{ Status string }
		if data, ok := strings.CutPrefix(event, "data: "); ok && json.Unmarshal([]byte(data), &doc) == nil {
			states = append(states, doc.Status)
		}
	}
	got := strings.Join(slices.Compact(states), " ")
	if a.header.Get("Content-Type") != "text/event-stream" || !strings.HasSuffix(got, "IN_PROGRESS COMPLETED") {
		t.Errorf("%v: %s", a.header, a.body)
	}
}

// TestWebhooksBeginLate: deliveries that cannot begin, because the disk is full or the database locked, begin as soon as they can.
func TestWebhooksBeginLate(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), behindReplicate)
	hook := newReceiver(t)
	k.stop()
	path, _ := k.side.file.Load().Store.Database.sqlite()
	db, err := sqlite.Connect(sqlite.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rename := func(from, to string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), `ALTER TABLE `+from+` RENAME TO `+to); err != nil {
			t.Fatal(err)
		}
	}
	rename("river_job", "not_to_be_had")
	k.run()
	eventually(t, func() (int, bool) { n := k.logs.FilterMessage("webhooks not delivered for now").Len(); return n, n > 0 })
	rename("not_to_be_had", "river_job")
	k.post("/fal/queue/fal-ai/flux/dev?fal_webhook="+url.QueryEscape(hook.URL), `{"prompt":"a red fox"}`, "Authorization", "Key first-key")
	eventually(t, func() (int, bool) { n := len(hook.got()); return n, n == 1 })
}
