package fal

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
)

// testKey is the key of the recorded notices.
func testKey() ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// TestSignatureVectors: recorded notices have the signatures that we would make.
func TestSignatureVectors(t *testing.T) {
	const id, user, stamp = "764cabcf-b745-4b3e-ae38-1200304cf45b", "github|123456", "1767225600"
	for body, want := range map[string]string{
		`{"error":null,"gateway_request_id":"764cabcf-b745-4b3e-ae38-1200304cf45b","payload":{"images":[{"content_type":"image/jpeg","height":768,"url":"https://v3.fal.media/files/panda/abc123.jpg","width":1024}],"seed":17454220438242315174},"request_id":"764cabcf-b745-4b3e-ae38-1200304cf45b","status":"OK"}`: "a416b1578abe29df6158a6289c8b364b8048697c906f17d276d8091f2a6ce6d653b74bb313cdecd8ab2a4b70bd8c11be7197831412bf00bf27b36d72282caf0e",
		`{"error":"Invalid status code: 422","gateway_request_id":"764cabcf-b745-4b3e-ae38-1200304cf45b","payload":{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]},"request_id":"764cabcf-b745-4b3e-ae38-1200304cf45b","status":"ERROR"}`:                                  "5a182637a9c5880f67a485e641a663c41609335121114c7d28d8476b01b4568f9a26aa32b9be5375f2fab0baad8bcc6dbe051fd589a7ccd6a1e3ec31c25e930e",
	} {
		if got := hex.EncodeToString(ed25519.Sign(testKey(), signed(id, user, stamp, []byte(body)))); got != want {
			t.Errorf("signed %s, want %s", got, want)
		}
	}
}

// TestNoticeVerifies: what is sent can be checked with what the JWKS page says.
func TestNoticeVerifies(t *testing.T) {
	keys := dialect.HookKeys{Private: testKey()}
	page := Dialect{}.Page(dialect.PageCall{Method: http.MethodGet, Path: keysPath, Keys: keys})
	body, err := text(page.Body)
	if err != nil || !strings.Contains(string(body), `"x":"A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"`) {
		t.Errorf("keys %s, %v", body, err)
	}
	n := dialect.Notice{Ticket: "t-1", Event: switchyard.EventCompleted, Body: []byte(`{"x":1}`)}
	h := Dialect{}.Sign(keys, n, time.Unix(1767225600, 0))
	signature, err := hex.DecodeString(h.Get("X-Fal-Webhook-Signature"))
	message := signed(h.Get("X-Fal-Webhook-Request-Id"), h.Get("X-Fal-Webhook-User-Id"), h.Get("X-Fal-Webhook-Timestamp"), n.Body)
	if err != nil || h.Get("X-Fal-Webhook-Request-Id") != "t-1" || !ed25519.Verify(keys.Private.Public().(ed25519.PublicKey), message, signature) {
		t.Errorf("headers %v do not verify, %v", h, err)
	}
}

// TestNotice: the payload is what asking for the result would give, also where that is an error.
func TestNotice(t *testing.T) {
	req := &switchyard.Request{Dialect: "fal", Model: "fal-ai/flux/dev", Base: "http://x.test/fal/queue", Images: 1}
	now := time.Unix(1767225600, 0)
	for name, c := range map[string]struct {
		state *dialect.State
		want  string
	}{
		"ok": {
			&dialect.State{ID: "t-1", Created: now, Completed: now, Result: &switchyard.Result{Images: []switchyard.Image{{URL: "http://x.test/assets/a.png"}}}},
			`{"error":null,"gateway_request_id":"t-1","payload":{"images":[{"url":"http://x.test/assets/a.png"`,
		},
		"failed": {
			&dialect.State{ID: "t-1", Created: now, Completed: now, Err: &switchyard.Error{Kind: switchyard.Blocked}},
			`{"error":"Invalid status code: 422","gateway_request_id":"t-1","payload":{"detail":[`,
		},
	} {
		body, err := Dialect{}.Notice(req, c.state, switchyard.EventCompleted)
		if err != nil || !strings.HasPrefix(string(body), c.want) || !json.Valid(body) {
			t.Errorf("%s: %s, %v", name, body, err)
		}
	}
}
