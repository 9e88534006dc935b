package fal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var _ dialect.Pager = Dialect{}

// notice is a webhook's body. The order of its members is that of recorded ones.
type notice struct {
	Error     *string         `json:"error"`
	GatewayID string          `json:"gateway_request_id"`
	Payload   json.RawMessage `json:"payload"`
	RequestID string          `json:"request_id"`
	Status    string          `json:"status"`
}

// Notice writes the output, or the error that asking for the output would give. fal sends a notice only at the end.
func (d Dialect) Notice(req *switchyard.Request, s *dialect.State, _ switchyard.Event) ([]byte, error) {
	asked := *req
	asked.Path = "/" + asked.Model + "/requests/" + s.ID
	reply, err := d.Describe(&asked, s)
	if err != nil {
		return nil, err
	}
	n := notice{GatewayID: s.ID, RequestID: s.ID, Status: "OK"}
	if n.Payload, err = text(reply.Body); err != nil {
		return nil, err
	}
	if reply.Status >= 300 {
		n.Status, n.Error = "ERROR", new("Invalid status code: "+strconv.Itoa(reply.Status))
	}
	return json.Marshal(n)
}

func text(b switchyard.Blob) ([]byte, error) {
	r, err := b.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// hookUser is in every notice's signature: the account that the webhook belongs to. Here it is always the same.
const hookUser = "switchyard"

// Sign signs as fal does: Ed25519 over the ids, the time and the body's hash.
func (Dialect) Sign(keys dialect.HookKeys, n dialect.Notice, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return http.Header{
		"X-Fal-Webhook-Request-Id": {n.Ticket},
		"X-Fal-Webhook-User-Id":    {hookUser},
		"X-Fal-Webhook-Timestamp":  {stamp},
		"X-Fal-Webhook-Signature":  {hex.EncodeToString(ed25519.Sign(keys.Private, signed(n.Ticket, hookUser, stamp, n.Body)))},
	}
}

// signed returns the text that is signed.
func signed(id, user, stamp string, body []byte) []byte {
	sum := sha256.Sum256(body)
	return []byte(id + "\n" + user + "\n" + stamp + "\n" + hex.EncodeToString(sum[:]))
}

// keysPath is where verifiers find the public keys.
const keysPath = "/.well-known/jwks.json"

// Page answers the public key with which webhooks are checked. It is our key: only fal can sign with fal's.
func (Dialect) Page(c dialect.PageCall) *dialect.Reply {
	if c.Path != keysPath || len(c.Keys.Private) == 0 {
		return nil
	}
	public := c.Keys.Private.Public().(ed25519.PublicKey)
	body, _ := (&spool.Composer{}).JSON(map[string]any{"keys": []map[string]string{{ // of texts: it cannot fail
		"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": base64.RawURLEncoding.EncodeToString(public),
	}}})
	return dialect.JSON(http.StatusOK, jsonType, body)
}
