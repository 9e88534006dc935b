package attempt_test

import (
	"net/http"
	"testing"

	"switchyard"
)

// TestFormatsNobodyChecks: a drawing that was asked for as such is no broken picture, though nobody here can look into it. What
// was to be a picture of a known kind, and what is one that breaks off, stays a bad reply.
func TestFormatsNobodyChecks(t *testing.T) {
	var reply []byte
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(reply) })
	const drawing = `<svg xmlns="http://www.w3.org/2000/svg"/>`
	torn := string(picture()[:40])
	for _, c := range []struct {
		format, reply string
		want          switchyard.Outcome
	}{
		{"svg", drawing, switchyard.OK},
		{"avif", "\x00\x00\x00\x20ftypavif", switchyard.OK},
		{"svg", torn, switchyard.BadReply},
		{"png", drawing, switchyard.BadReply},
		{"", drawing, switchyard.BadReply},
	} {
		reply = []byte(c.reply)
		req := &switchyard.Request{Images: 1, Format: c.format}
		ans, report, err := b.run(req, b.target(c.format+" "+string(c.want), 1, req))
		if got := report.Attempts[0].Outcome; got != c.want {
			t.Errorf("%q as %q: %s, %v", c.reply, c.format, got, err)
		}
		if ans != nil {
			ans.Close()
		}
	}
}
