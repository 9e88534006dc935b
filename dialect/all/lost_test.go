package all_test

import (
	"net/http"
	"strings"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/spool"
)

// TestLostAnswers: what an edge says when it has given up on the provider, in a page of its own, is no refusal of the
// provider's, and nothing known to be free.
func TestLostAnswers(t *testing.T) {
	pool := newPool(t)
	for _, d := range all.Dialects() {
		w := newWire(t, pool, d, loads()[0])
		for status, want := range map[int]switchyard.Outcome{
			408: switchyard.Timeout, 499: switchyard.Overloaded, 520: switchyard.Overloaded, 524: switchyard.Timeout,
		} {
			if d.Name() == "fal" && status == 499 {
				want = switchyard.Canceled // there, whoever has submitted the job takes it back
			}
			body, err := pool.Read(strings.NewReader("<html>"), -1, 1<<10)
			if err != nil {
				t.Fatal(err)
			}
			reply := &spool.Message{Status: status, Header: http.Header{}, Body: body}
			_, err = d.Decode(&dialect.Exchange{Target: w.target, Request: w.req, Sent: w.sent, Reply: reply})
			if e := switchyard.AsError(err); err == nil || e.Outcome != want || e.Unbilled {
				t.Errorf("%s %d: %q, unbilled %t; want %q, which is not known to be free", d.Name(), status, e.Outcome, e.Unbilled, want)
			}
			_ = body.Close()
		}
	}
}
