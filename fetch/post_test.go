package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/fetch"
)

func TestPostSendsWhatItIsGiven(t *testing.T) {
	type request struct {
		header       http.Header
		method, body string
	}
	got := make(chan request, 1)
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- request{r.Header, r.Method, string(b)}
		w.WriteHeader(http.StatusAccepted)
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	header := http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {"msg_1"}}
	status, after, err := c.Post(t.Context(), address+"/hook?t=1", header, []byte(`{"a": 1}`))
	if status != http.StatusAccepted || after != 0 || err != nil {
		t.Errorf("got %d, %v, %v", status, after, err)
	}
	r := <-got
	if r.method != http.MethodPost || r.body != `{"a": 1}` || r.header.Get("Webhook-Id") != "msg_1" || r.header.Get("User-Agent") != "switchyard" {
		t.Errorf("got %+v", r)
	}
	if len(header) != 2 {
		t.Errorf("the caller's header was changed: %v", header)
	}
	header.Set("User-Agent", "another")
	if _, _, err := c.Post(t.Context(), address, header, nil); err != nil {
		t.Error(err)
	}
	if r := <-got; r.body != "" || r.header.Get("User-Agent") != "another" {
		t.Errorf("got %+v", r)
	}
	if status, _, err := c.Post(t.Context(), address, nil, nil); status != http.StatusAccepted || err != nil {
		t.Errorf("without a header: %d, %v", status, err)
	}
}

func TestPostIsGuardedAsGetIs(t *testing.T) {
	var hits atomic.Int32
	_, hostport := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := strings.Cut(hostport, ":")
	ns := &names{addr: netip.MustParseAddr("127.0.0.1")}
	c := client(t, fetch.Config{Resolver: ns.resolver(t), Allow: []string{"elsewhere.test"}})
	for address, want := range map[string]error{
		"http://127.0.0.1:" + port:          fetch.ErrBlocked,
		"http://[::ffff:7f00:1]:" + port:    fetch.ErrBlocked,
		"http://rebind.test:" + port:        fetch.ErrBlocked,
		"http://169.254.169.254/":           fetch.ErrBlocked,
		"http://2130706433:" + port:         fetch.ErrURL,
		"http://user:pass@example.com/":     fetch.ErrURL,
		"file:///etc/passwd":                fetch.ErrURL,
		"/hook":                             fetch.ErrURL,
		"http://[::1":                       fetch.ErrURL,
		"http://127.0.0.1.:" + port + "/?a": fetch.ErrURL,
	} {
		if status, _, err := c.Post(t.Context(), address, nil, nil); !errors.Is(err, want) || status != 0 {
			t.Errorf("%s: got %d, %v, want %v", address, status, err, want)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func TestPostFollowsNoRedirect(t *testing.T) {
	var hits atomic.Int32
	var address, hostport string
	address, hostport = serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		http.Redirect(w, r, address+"/elsewhere", http.StatusTemporaryRedirect)
	})
	status, _, err := client(t, fetch.Config{Allow: []string{hostport}}).Post(t.Context(), address, nil, []byte("{}"))
	if status != http.StatusTemporaryRedirect || err != nil || hits.Load() != 1 {
		t.Errorf("got %d, %v after %d requests", status, err, hits.Load())
	}
}

func TestPostTellsWhenToComeAgain(t *testing.T) {
	var says atomic.Value
	address, hostport := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", says.Load().(string))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	soon := time.Now().Add(2 * time.Hour)
	for text, want := range map[string][2]time.Duration{ // from, to
		"120":                                 {2 * time.Minute, 2 * time.Minute},
		soon.UTC().Format(http.TimeFormat):    {time.Hour, 2 * time.Hour},
		"Wed, 21 Oct 2015 07:28:00 GMT":       {},
		"":                                    {},
		"-5":                                  {},
		"soon":                                {},
		"99999999999999999999999999999999999": {},
	} {
		says.Store(text)
		status, after, err := c.Post(t.Context(), address, nil, nil)
		if status != http.StatusServiceUnavailable || err != nil || after < want[0] || after > want[1] {
			t.Errorf("%q: got %d, %v, %v, want %v", text, status, after, err, want)
		}
	}
}

func TestPostIsBoundedInTime(t *testing.T) {
	stall := make(chan struct{})
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-stall
	})
	defer close(stall)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	slow := client(t, fetch.Config{Allow: []string{hostport}})
	if _, _, err := slow.Post(ctx, address+"/head", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's limit: got %v", err)
	}
	quick := client(t, fetch.Config{Allow: []string{hostport}, Timeout: 50 * time.Millisecond})
	if _, _, err := quick.Post(t.Context(), address+"/head", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the client's limit: got %v", err)
	}
	if status, _, err := quick.Post(t.Context(), address+"/body", nil, nil); status != http.StatusOK || err != nil {
		t.Errorf("an answer whose body never ends: got %d, %v", status, err)
	}
}

func TestPostReadsNoEndlessAnswer(t *testing.T) {
	done := make(chan int, 1)
	address, hostport := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		sent := 0
		for block := make([]byte, 1<<20); ; { // until the connection is closed
			n, err := w.Write(block)
			if sent += n; err != nil || sent > 1<<30 {
				break
			}
		}
		done <- sent
	})
	if status, _, err := client(t, fetch.Config{Allow: []string{hostport}}).Post(t.Context(), address, nil, nil); status != http.StatusOK || err != nil {
		t.Errorf("got %d, %v", status, err)
	}
	if sent := <-done; sent > 1<<30 {
		t.Errorf("it was read to its end: %d bytes", sent)
	}
}

func TestErrorsOfPostTellNoSecret(t *testing.T) {
	c := client(t, fetch.Config{Allow: []string{"127.0.0.1:1"}})
	for _, address := range []string{
		"http://127.0.0.1:1/hook/xyzzy?sig=xyzzy", "http://localhost:1/xyzzy?xyzzy#xyzzy", "http://xyzzy:xyzzy@example.com/",
		"http://[xyzzy/?xyzzy", "http://127.0.0.1:1/%zzxyzzy",
	} {
		_, _, err := c.Post(t.Context(), address, http.Header{"Authorization": {"xyzzy"}}, []byte("xyzzy"))
		if err == nil || strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if _, _, err := c.Post(t.Context(), "http://127.0.0.1:1/a", nil, nil); err == nil || !strings.Contains(err.Error(), "post to 127.0.0.1:1:") {
		t.Errorf("the error does not say who was asked: %v", err)
	}
}
