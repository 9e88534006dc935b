package replicate

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
)

// TestSignatureVectors: recorded notices have the signatures that we would make.
func TestSignatureVectors(t *testing.T) {
	key, err := base64.StdEncoding.DecodeString("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3")
	if err != nil {
		t.Fatal(err)
	}
	if got := secretOf(key); got != "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" {
		t.Errorf("secret %s", got)
	}
	for _, c := range []struct{ id, stamp, body, want string }{
		{"msg_1", "1700000000", `{"id":"x"}`, "ji7d8yI8f5vbQdIIEwcPjl1WM26prwxBYvdBbloXuoU="},
		{
			"msg_2x6yZ0aBcDeFgHiJkLmNoPqRsTu", "1767225601",
			`{"id":"ufawqhfyxnddngldkgtslldrkq","model":"black-forest-labs/flux-schnell","version":"hidden","input":{"prompt":"a red fox"},"logs":"","output":["https://replicate.delivery/yhqm/AbC123/out-0.webp"],"data_removed":false,"error":null,"source":"api","status":"succeeded","created_at":"2026-01-01T00:00:00.000Z","started_at":"2026-01-01T00:00:00.100Z","completed_at":"2026-01-01T00:00:01.000Z","urls":{"cancel":"https://api.replicate.com/v1/predictions/ufawqhfyxnddngldkgtslldrkq/cancel","get":"https://api.replicate.com/v1/predictions/ufawqhfyxnddngldkgtslldrkq"},"metrics":{"image_count":1,"predict_time":0.9,"total_time":1.0}}`,
			"KhkcPr2NAlyYzHFSwhdM/jKhW+UCSUzUYRDTOVGha/M=",
		},
	} {
		if got := signature(key, c.id, c.stamp, []byte(c.body)); got != c.want {
			t.Errorf("%s signed %s, want %s", c.id, got, c.want)
		}
	}
}

// TestNotice: its body is the prediction itself, and its id the same whenever it is sent.
func TestNotice(t *testing.T) {
	req := &switchyard.Request{Dialect: "replicate", Model: "black-forest-labs/flux-schnell", Base: "http://x.test/replicate", Images: 1}
	now := time.Unix(1767225600, 0)
	state := &dialect.State{ID: "p-1", Created: now, Started: now, Completed: now, Result: &switchyard.Result{Images: []switchyard.Image{{URL: "https://x.test/assets/a.png"}}}}
	body, err := Dialect{}.Notice(req, state, switchyard.EventCompleted)
	var p prediction
	if err := json.Unmarshal(body, &p); err != nil || p.ID != "p-1" || p.Status != succeeded {
		t.Errorf("%s, %v", body, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	keys := dialect.HookKeys{Shared: []byte("0123456789abcdef01234567")}
	n := dialect.Notice{Ticket: "p-1", Event: switchyard.EventCompleted, Body: body}
	first, again := Dialect{}.Sign(keys, n, now), Dialect{}.Sign(keys, n, now.Add(time.Minute))
	if first.Get("Webhook-Id") != again.Get("Webhook-Id") || first.Get("Webhook-Signature") == again.Get("Webhook-Signature") {
		t.Errorf("sent as %v and again as %v", first, again)
	}
}

func TestPages(t *testing.T) {
	const hash = "a07f252abbbd832009640b27f063ea52d87d7a23a185ca165bec23b5adc8deaf"
	for _, c := range []struct{ path, want string }{
		{"/v1/models/fofr/face-to-many/versions/" + hash, `"Output":{"items":{"format":"uri","type":"string"},"title":"Output","type":"array"}`},
		{"/v1/webhooks/default/secret", `{"key":"whsec_`},
		{"/v1/models/nobody/knows/versions/" + hash, ""},
		{"/v1/models/fofr/face-to-many/versions/other", ""},
	} {
		reply := Dialect{}.Page(dialect.PageCall{Method: http.MethodGet, Path: c.path, Keys: dialect.HookKeys{Shared: []byte("k")}})
		if reply == nil {
			if c.want != "" {
				t.Errorf("%s: nothing", c.path)
			}
			continue
		}
		r, err := reply.Body.Open()
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, reply.Body.Len())
		_, _ = r.Read(buf)
		if c.want == "" || !strings.Contains(string(buf), c.want) {
			t.Errorf("%s: %s", c.path, buf)
		}
	}
	if reply := (Dialect{}).Page(dialect.PageCall{Path: "/v1/webhooks/default/secret"}); reply != nil {
		t.Error("a stranger got a secret")
	}
}
