package fal

import (
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// TestOtherOutput: what an app makes that nobody here knows, only its own client can say. An app known to make pictures, or that
// says it has made none, has failed.
func TestOtherOutput(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		row  *switchyard.Model
		body string
		said bool
	}{
		{nil, `{"masks":[{"url":"https://v3.fal.media/files/a/mask.png"}]}`, true},
		{nil, `{"output":"a cat"}`, true},
		{table().Assume("me/cutter"), `{"output":"a cat"}`, true},
		{table().Assume("me/cutter"), `{"images":[]}`, false},
		{nil, `{"images":[]}`, false},
		{nil, `{"image":null}`, false},
		{table().Find("fal-ai/flux/dev"), `{"output":"a cat"}`, false},
	} {
		body, err := pool.Read(strings.NewReader(c.body), -1, 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (Dialect{}).Decode(&dialect.Exchange{
			Target: &switchyard.Target{Row: c.row}, Request: &switchyard.Request{Images: 1}, Sent: &dialect.Outgoing{Method: http.MethodPost},
			Reply: &spool.Message{Status: http.StatusOK, Header: http.Header{}, Body: body},
		})
		if e := switchyard.AsError(err); e.Outcome != switchyard.BadReply || e.Said != c.said || e.Declined != c.said {
			t.Errorf("%s: %s, said %t", c.body, e.Outcome, e.Said)
		}
		_ = body.Close()
	}
}

// TestJobErrors: only an answer that is the job's own tells how it ended, and what it cost; the edge's tell nothing.
func TestJobErrors(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const result, status = "/fal-ai/flux/requests/r", "/fal-ai/flux/requests/r/status"
	for _, c := range []struct {
		path, kind, body string
		status           int
		ended, unbilled  bool
	}{
		{result, "", "<html>", 502, false, false},
		{result, "", `{"detail":"Too many"}`, 429, false, false},
		{result, "", `{"detail":"Request is still in progress"}`, 400, false, false},
		{result, "", `{"detail":"Request was cancelled"}`, 400, true, true},
		{result, "", `{"detail":"Unprocessable"}`, 422, true, false},
		{status, "", `{"detail":"Unprocessable"}`, 422, false, false},
		{result, "runner_disconnected", `{"detail":"gone"}`, 503, true, true},
		{result, "", `{"detail":[{"loc":["body"],"msg":"x","type":"internal_server_error"}]}`, 500, true, true},
		{result, "", `{"detail":[{"loc":["body"],"msg":"x","type":"content_policy_violation"}]}`, 422, true, false},
		{status, "runner_disconnected", `{"detail":"gone"}`, 503, false, false},
		{status, "", `{"status":"NOT_FOUND"}`, 404, true, false},
	} {
		body, err := pool.Read(strings.NewReader(c.body), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		reply := &spool.Message{Status: c.status, Header: http.Header{}, Body: body}
		if c.kind != "" {
			reply.Header.Set("X-Fal-Error-Type", c.kind)
		}
		_, err = Dialect{}.Decode(&dialect.Exchange{
			Target: &switchyard.Target{}, Request: &switchyard.Request{Images: 1}, Sent: ask(http.MethodGet, c.path), Reply: reply,
		})
		if e := switchyard.AsError(err); e.Ended != c.ended || e.Unbilled != c.unbilled {
			t.Errorf("%s %d %s: ended %v, unbilled %v", c.path, c.status, c.body, e.Ended, e.Unbilled)
		}
		_ = body.Close()
	}
}
