package attempt_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"slices"
	"testing"

	"switchyard"
)

// TestEncodings: an answer in gzip is unpacked, however its name is spelled; what nobody here can unpack is no picture, and a
// refusal all the same.
func TestEncodings(t *testing.T) {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	_, _ = gz.Write(picture())
	_ = gz.Close()
	for _, c := range []struct {
		encoding string
		status   int
		body     []byte
		want     string
	}{
		{"", 200, picture(), "ok settled"},
		{"identity", 200, picture(), "ok settled"},
		{"gzip", 200, packed.Bytes(), "ok settled"},
		{"GZip", 200, packed.Bytes(), "ok settled"},
		{"x-gzip", 200, packed.Bytes(), "ok settled"},
		{"gzip", 200, picture(), "bad_reply possible"},
		{"br", 200, []byte("packed"), "bad_reply possible"},
		{"br", 429, []byte("packed"), "rate_limited none"},
		{"br", 401, []byte("packed"), "unauthorized none"},
	} {
		b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
			if c.encoding != "" {
				w.Header().Set("Content-Encoding", c.encoding)
			}
			w.WriteHeader(c.status)
			_, _ = w.Write(c.body)
		})
		transport := &http.Transport{DisableCompression: true} // as providers are reached
		defer transport.CloseIdleConnections()
		b.runner.Transport = func(string) http.RoundTripper { return transport }
		req := &switchyard.Request{Images: 1}
		ans, report, _ := b.run(req, b.target("a", 1, req))
		if ans != nil {
			ans.Close()
		}
		if got := charges(report.Attempts); !slices.Equal(got, []string{"a " + c.want}) {
			t.Errorf("%q %d: %q, want %q", c.encoding, c.status, got, c.want)
		}
	}
}
