package replicate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// events are what an app may ask to be notified of. We have no logs, so there are never notices of them.
var events = []string{"start", "output", "logs", "completed"}

// decodeHook reads where the app wants to be notified, and of what: if it does not say, of outputs and the end.
func decodeHook(r *spool.Reader) (*switchyard.Hook, error) {
	address, problems := r.Text("webhook"), problems{}
	filter := r.Get("webhook_events_filter")
	if u, err := url.Parse(address); address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		problems.add("webhook", "Does not match format 'uri'")
	}
	hook := &switchyard.Hook{URL: address}
	for _, v := range filter.Items() {
		if !slices.Contains(events, v.Text()) {
			problems.add("webhook_events_filter", `webhook_events_filter must be one of the following: "start", "output", "logs", "completed"`)
			break
		}
		hook.Events = append(hook.Events, switchyard.Event(v.Text()))
	}
	if err := problems.err(); err != nil || address == "" {
		return nil, err
	}
	if len(filter.Items()) == 0 {
		hook.Events = []switchyard.Event{switchyard.EventOutput, switchyard.EventCompleted}
	}
	return hook, nil
}

// Notice writes the prediction as it is at the event.
func (d Dialect) Notice(req *switchyard.Request, s *dialect.State, _ switchyard.Event) ([]byte, error) {
	reply, err := d.Describe(req, s)
	if err != nil {
		return nil, err
	}
	r, err := reply.Body.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// Sign signs as the Standard Webhooks do: HMAC-SHA256 with a secret that the app asks for.
func (Dialect) Sign(keys dialect.HookKeys, n dialect.Notice, at time.Time) http.Header {
	id, stamp := "msg_"+n.Ticket+"_"+string(n.Event), strconv.FormatInt(at.Unix(), 10)
	return http.Header{
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {stamp},
		"Webhook-Signature": {"v1," + signature(keys.Shared, id, stamp, n.Body)},
	}
}

func signature(key []byte, id, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// secretOf returns the secret as apps get it. SDKs split it at its underscore, so there may be only one.
func secretOf(key []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(key) }
