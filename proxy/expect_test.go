package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"switchyard/proxy"
)

// TestExpect: whether an app may send its body it has been told by us, and what it says behind it is for us: a passthrough provider
// hears of neither.
func TestExpect(t *testing.T) {
	var heard []string
	_, url := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, string(body), r.Header.Get("Expect"))
		for name := range r.Trailer {
			heard = append(heard, name)
		}
	}, proxy.Settings{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/voices/v1/say", io.MultiReader(strings.NewReader("a text")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Expect", "100-continue")
	r.Trailer = http.Header{"X-Sum": {"1"}}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := strings.Join(heard, "|"); got != "a text|" {
		t.Errorf("the provider heard %q", got)
	}
}
