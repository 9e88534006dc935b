package fal_test

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/fal"
)

// TestQueue: what the queue answers, as recorded. Addresses have the owner and alias alone, and the base that the app
// called; a failure shows in the result only.
func TestQueue(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ended := began.Add(1420 * time.Millisecond)
	const at = `"request_id":"ID","response_url":"http://us/fal/queue/fal-ai/flux/requests/ID","status_url":"http://us/fal/queue/fal-ai/flux/requests/ID/status","cancel_url":"http://us/fal/queue/fal-ai/flux/requests/ID/cancel"`
	const of = "/fal-ai/flux/requests/ID"
	picture := &switchyard.Result{Images: []switchyard.Image{{URL: "http://us/assets/a.jpg", MIME: "image/jpeg", Size: switchyard.Size{Width: 1024, Height: 768}}}, Compute: time.Second}
	for name, c := range map[string]struct {
		path   string
		state  dialect.State
		status int
		body   string
	}{
		"submitted":       {"/fal-ai/flux/dev", dialect.State{Fresh: true}, 200, `{"status":"IN_QUEUE",` + at + `,"queue_position":0}`},
		"queued":          {of + "/status", dialect.State{}, 202, `{"status":"IN_QUEUE",` + at + `,"queue_position":0,"logs":[],"metrics":{}}`},
		"begun":           {of + "/status", dialect.State{Started: began}, 202, `{"status":"IN_PROGRESS",` + at + `,"logs":[],"metrics":{}}`},
		"completed":       {of + "/status", dialect.State{Started: began, Completed: ended, Result: picture}, 200, `{"status":"COMPLETED",` + at + `,"logs":[],"metrics":{"inference_time":1.42}}`},
		"failed":          {of + "/status", dialect.State{Started: began, Completed: ended, Err: &switchyard.Error{Kind: switchyard.Blocked}}, 200, `{"status":"COMPLETED",` + at + `,"logs":[],"metrics":{"inference_time":1.42}}`},
		"streamed":        {of + "/status/stream", dialect.State{Canceled: true}, 200, `data: {"status":"COMPLETED",` + at + `,"logs":[],"metrics":{}}` + "\n\n"},
		"too early":       {of, dialect.State{Started: began}, 400, `{"detail":"Request is still in progress"}`},
		"result":          {of, dialect.State{Started: began, Completed: ended, Result: picture}, 200, `{"images":[{"url":"http://us/assets/a.jpg","width":1024,"height":768,"content_type":"image/jpeg"}],"timings":{"inference":1},"has_nsfw_concepts":[false],"prompt":""}`},
		"failure":         {of + "/response", dialect.State{Completed: ended, Err: &switchyard.Error{Kind: switchyard.Throttled}}, 429, `{"detail":"Too many requests. Please try again later.","error_type":"concurrent_requests_limit"}`},
		"after a cancel":  {of, dialect.State{Canceled: true}, 499, `{"detail":"Request was cancelled","error_type":"client_cancelled"}`},
		"cancel":          {of + "/cancel", dialect.State{Canceled: true}, 202, `{"status":"CANCELLATION_REQUESTED"}`},
		"cancel too late": {of + "/cancel", dialect.State{Completed: ended, Result: picture}, 400, `{"status":"ALREADY_COMPLETED"}`},
	} {
		t.Run(name, func(t *testing.T) {
			c.state.ID = "ID"
			for _, base := range []string{"http://us/fal/queue", "http://us/fal/proxy", "http://us/api/fal/proxy"} {
				reply, err := fal.Dialect{}.Describe(&switchyard.Request{ID: "generation", Model: "fal-ai/flux/dev", Path: c.path, Base: base}, &c.state)
				if err != nil {
					t.Fatal(err)
				}
				r, err := reply.Body.Open()
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(r)
				if reply.Status != c.status || string(body) != c.body || !strings.EqualFold(reply.Header.Get("X-Fal-Request-Id"), "ID") {
					t.Errorf("%d %s %v\nwant %d %s", reply.Status, body, reply.Header, c.status, c.body)
				}
			}
		})
	}
	unknown := fal.Dialect{}.EncodeError(&switchyard.Request{Path: of}, &switchyard.Error{Kind: switchyard.NotFound})
	if unknown.Status != 404 {
		t.Errorf("an unknown id: %d", unknown.Status)
	}
	// By what has perhaps been charged for, the JavaScript client must not be led to send it again: it does so on both of these.
	for kind, status := range map[switchyard.Kind]int{switchyard.Throttled: 429, switchyard.Unavailable: 503} {
		if free := (fal.Dialect{}).EncodeError(&switchyard.Request{}, &switchyard.Error{Kind: kind}); free.Status != status {
			t.Errorf("%s: %d", kind, free.Status)
		}
		if paid := (fal.Dialect{}).EncodeError(&switchyard.Request{}, &switchyard.Error{Kind: kind, Paid: true}); paid.Status != 500 {
			t.Errorf("%s, perhaps paid: %d", kind, paid.Status)
		}
	}
	if id := (fal.Dialect{}).NewTicket([20]byte{9, 8, 7}); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("a new id: %s", id)
	}
}
