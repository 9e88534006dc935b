package sim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"switchyard"
)

// falSigner signs webhooks. Its key is the same in every world: the seed 00 01 … 1f.
type falSigner struct{ key ed25519.PrivateKey }

func newFalSigner() falSigner {
	seed := make([]byte, ed25519.SeedSize)
	for i := range seed {
		seed[i] = byte(i)
	}
	return falSigner{ed25519.NewKeyFromSeed(seed)}
}

func (s falSigner) jwks() obj {
	x := base64.RawURLEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
	return obj{"keys": list{obj{"kty": "OKP", "crv": "Ed25519", "x": x}}}
}

// sign signs the lines of id, user, time, and the hash of the body.
func (s falSigner) sign(id, user, at string, body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(ed25519.Sign(s.key, []byte(id+"\n"+user+"\n"+at+"\n"+hex.EncodeToString(sum[:]))))
}

const falUser = "github|123456"

func (f *fal) deliverHook(j *falJob, a answer, hook string) {
	v := obj{"request_id": j.id, "gateway_request_id": j.id, "status": "OK", "error": nil, "payload": a.body}
	if a.status >= 300 {
		v["status"], v["error"] = "ERROR", "Invalid status code: "+strconv.Itoa(a.status)
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	f.p.world.post(hook, body, http.Header{
		"Content-Type":             {plainJSON},
		"X-Fal-Webhook-Request-Id": {j.id},
		"X-Fal-Webhook-User-Id":    {falUser},
		"X-Fal-Webhook-Timestamp":  {now},
		"X-Fal-Webhook-Signature":  {f.signer.sign(j.id, falUser, now, body)},
	})
}

// post delivers a webhook, three times at most, 100 ms apart.
func (w *World) post(url string, body []byte, h http.Header) {
	for range 3 {
		req, err := http.NewRequestWithContext(w.ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return
		}
		req.Header = h.Clone()
		if resp, err := w.fetch.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode < 300 {
				return
			}
		}
		if !switchyard.Sleep(w.ctx, 100*time.Millisecond) {
			return
		}
	}
}
