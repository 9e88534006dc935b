package proxy_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchyard/proxy"
)

// nobody is a provider that cannot be reached.
type nobody struct{}

func (nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	return nil, errors.New("connection refused")
}

// quick answers without a look at the body.
type quick struct{}

func (quick) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, ContentLength: 2, Body: io.NopCloser(strings.NewReader("no"))}, nil
}

// TestUnread: an app whose body nobody has read to its end is answered, and the connection ends with that: what is left of the body
// must not be taken for another request, nor net/http lose its way.
func TestUnread(t *testing.T) {
	for name, c := range map[string]struct {
		transport http.RoundTripper // nil: the provider's own
		closes    bool
		want      int
	}{
		"all is read":     {nil, false, http.StatusOK},
		"nobody is there": {nobody{}, true, http.StatusServiceUnavailable},
		"a quick no":      {quick{}, true, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := frontDoor(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, proxy.Settings{})
			if c.transport != nil {
				h.Runner.Transport = func(string) http.RoundTripper { return c.transport }
			}
			var said bytes.Buffer
			server := httptest.NewUnstartedServer(h)
			server.Config.ErrorLog = log.New(&said, "", 0)
			server.Start()
			for range 3 {
				resp, err := server.Client().Post(server.URL+"/voices/v1/say", "text/plain", strings.NewReader("a text"))
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != c.want || resp.Close != c.closes {
					t.Errorf("%d, the last on its connection: %v; %v", resp.StatusCode, resp.Close, err)
				}
			}
			server.Close()
			if said.Len() > 0 {
				t.Errorf("the server says %.200q", said.String())
			}
		})
	}
}
