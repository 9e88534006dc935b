package fetch_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard/fetch"
)

const big = 1 << 20

// serve starts a server on loopback, and returns its address and its host:port.
func serve(t *testing.T, h http.HandlerFunc) (address, hostport string) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL, strings.TrimPrefix(s.URL, "http://")
}

func client(t *testing.T, c fetch.Config) *fetch.Client {
	f := fetch.New(c)
	t.Cleanup(f.Close)
	return f
}

// read gets address to its end.
func read(t *testing.T, c *fetch.Client, address string, max int64) (string, error) {
	t.Helper()
	file, _, err := c.Fetch(t.Context(), address, max)
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	return string(b), err
}

func TestAnAllowedHostIsFetched(t *testing.T) {
	var got http.Header
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		io.WriteString(w, "picture")
	})
	for _, allow := range []string{hostport, "127.0.0.1"} {
		file, size, err := client(t, fetch.Config{Allow: []string{allow}}).Fetch(t.Context(), address+"/a.png?sig=1", big)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(file)
		file.Close()
		if string(b) != "picture" || err != nil || size != 7 {
			t.Errorf("got %q, %v, %d", b, err, size)
		}
	}
	for _, h := range []string{"Authorization", "Cookie", "Referer", "Accept-Encoding"} {
		if got.Get(h) != "" {
			t.Errorf("we sent %s: %s", h, got.Get(h))
		}
	}
}

// TestAQueryInPlainText: what people write into an address is asked for, by either method and after a redirect, as every
// other client does.
func TestAQueryInPlainText(t *testing.T) {
	const query, want = "?to=J. Doe&q=é\"%20+", "to=J.%20Doe&q=%C3%A9%22%20+"
	var got []string
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			w.Header().Set("Location", "/a b"+query)
			w.WriteHeader(http.StatusFound)
			return
		}
		got = append(got, r.URL.RawQuery)
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	_, err := read(t, c, address+"/a b"+query, big)
	_, away := read(t, c, address+"/away", big)
	_, _, post := c.Post(t.Context(), address+"/a b"+query, nil, nil)
	if err := errors.Join(err, away, post); err != nil || !slices.Equal(got, []string{want, want, want}) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestNoSpellingReachesAPrivateAddress(t *testing.T) {
	var hits atomic.Int32
	_, hostport := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := strings.Cut(hostport, ":")
	c := client(t, fetch.Config{Allow: []string{"elsewhere.test", "127.0.0.1:1"}})
	for host, want := range map[string]error{
		"127.0.0.1":                fetch.ErrBlocked,
		"127.8.9.10":               fetch.ErrBlocked,
		"0.0.0.0":                  fetch.ErrBlocked,
		"localhost":                fetch.ErrBlocked,
		"LOCALHOST":                fetch.ErrBlocked,
		"[::1]":                    fetch.ErrBlocked,
		"[::]":                     fetch.ErrBlocked,
		"[::ffff:127.0.0.1]":       fetch.ErrBlocked,
		"[::ffff:7f00:1]":          fetch.ErrBlocked,
		"[64:ff9b::7f00:1]":        fetch.ErrBlocked,
		"[2002:7f00:1::]":          fetch.ErrBlocked,
		"169.254.169.254":          fetch.ErrBlocked,
		"[fe80::1%25lo]":           fetch.ErrURL,
		"2130706433":               fetch.ErrURL, // decimal
		"0x7f000001":               fetch.ErrURL, // hexadecimal
		"0x7F.0.0.0x1":             fetch.ErrURL,
		"0177.0.0.1":               fetch.ErrURL, // octal
		"127.1":                    fetch.ErrURL,
		"127.0.0.1.":               fetch.ErrURL,
		"127。0。0。1":                fetch.ErrURL, // Unicode dots
		"①②⑦.⓪.⓪.①":                fetch.ErrURL,
		"user:pass@127.0.0.1":      fetch.ErrURL,
		"elsewhere.test@localhost": fetch.ErrURL,
	} {
		_, err := read(t, c, "http://"+host+":"+port+"/", big)
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", host, err, want)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

func TestOnlyHTTPIsFetched(t *testing.T) {
	c := client(t, fetch.Config{})
	for _, address := range []string{
		"file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "data:image/png;base64,AA==", "//example.com/x",
		"example.com/x", "", "http:", "http://", "http:///x", "http:example.com", "http://:80/", "http://exa mple.com/", "http://./",
		"http://%31%32%37.0.0.1/", "http://a\n.com/", "unix:///var/run/docker.sock", "http://[::1", "HTTP+unix://x/",
	} {
		if _, _, err := c.Fetch(t.Context(), address, big); !errors.Is(err, fetch.ErrURL) && !errors.Is(err, fetch.ErrBlocked) {
			t.Errorf("%q: got %v, want a refusal", address, err)
		}
	}
}

// A guard that resolves first and connects later is lied to in between. Ours asks once, and judges what it connects to.
func TestANameThatResolvesToUsIsRefused(t *testing.T) {
	var hits atomic.Int32
	_, hostport := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, _ := strings.Cut(hostport, ":")
	ns := &names{addr: netip.MustParseAddr("127.0.0.1")}
	c := client(t, fetch.Config{Resolver: ns.resolver(t), Allow: []string{"friend.test"}})
	if _, err := read(t, c, "http://rebind.test:"+port+"/", big); !errors.Is(err, fetch.ErrBlocked) {
		t.Errorf("got %v, want %v", err, fetch.ErrBlocked)
	}
	for _, other := range []string{"rebind.test.", "REBIND.test", "friend.test."} { // "friend.test" alone is allowed
		if _, err := read(t, c, "http://"+other+":"+port+"/", big); !errors.Is(err, fetch.ErrBlocked) {
			t.Errorf("%s: got %v, want %v", other, err, fetch.ErrBlocked)
		}
	}
	if ns.asked.Load() != 4 || hits.Load() != 0 {
		t.Errorf("%d questions, %d hits; want 4 and 0", ns.asked.Load(), hits.Load())
	}
	// The name decides, not the address: an allowed one may resolve to the same place.
	if _, err := read(t, c, "http://friend.test:"+port+"/", big); err != nil || hits.Load() != 1 {
		t.Errorf("allowed name: %v, %d hits", err, hits.Load())
	}
}

func TestARedirectIsCheckedAgain(t *testing.T) {
	_, hidden := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the hidden server was reached") })
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	for to, want := range map[string]error{
		"http://" + hidden + "/":     fetch.ErrBlocked,
		"//" + hidden + "/":          fetch.ErrBlocked,
		"file:///etc/passwd":         fetch.ErrRedirect,
		"http://u:p@" + hostport:     fetch.ErrRedirect,
		"http://0x7f.1/?token=xyzzy": fetch.ErrRedirect,
		"http://a b/?token=xyzzy":    fetch.ErrRedirect,
		"":                           fetch.ErrRedirect,
	} {
		_, err := read(t, c, address+"/?to="+url.QueryEscape(to), big)
		if !errors.Is(err, want) {
			t.Errorf("to %q: got %v, want %v", to, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("to %q: the error tells the query: %v", to, err)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var n int
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n > 0 {
			w.Header().Set("Location", fmt.Sprintf("/%d", n-1))
			w.WriteHeader([]int{301, 302, 303, 307, 308}[n%5])
			return
		}
		if r.Header.Get("Referer") != "" {
			t.Error("a Referer tells where we come from")
		}
		io.WriteString(w, "there")
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	if got, err := read(t, c, address+"/5", big); got != "there" || err != nil {
		t.Errorf("five: got %q, %v", got, err)
	}
	if _, err := read(t, c, address+"/6", big); !errors.Is(err, fetch.ErrRedirect) {
		t.Errorf("six: got %v, want %v", err, fetch.ErrRedirect)
	}
}

func TestNoRedirectFromHTTPSToHTTP(t *testing.T) {
	_, plain := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("followed to plain HTTP") })
	s := httptest.NewTLSServer(http.RedirectHandler("http://"+plain+"/", http.StatusFound))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	c := client(t, fetch.Config{Allow: []string{"127.0.0.1"}, Roots: roots})
	if _, err := read(t, c, s.URL, big); !errors.Is(err, fetch.ErrRedirect) {
		t.Errorf("got %v, want %v", err, fetch.ErrRedirect)
	}
}

func TestAFileIsWholeOrAnError(t *testing.T) {
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/declared":
			io.WriteString(w, "0123456789")
		case "/chunked":
			io.WriteString(w, "01234")
			w.(http.Flusher).Flush()
			io.WriteString(w, "56789")
		case "/cut":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "01234")
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "\x1f\x8b")
		case "/partial":
			w.WriteHeader(http.StatusPartialContent)
		default:
			http.NotFound(w, r)
		}
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	for _, tc := range []struct {
		path string
		max  int64
		want error
	}{
		{"/declared", 10, nil},
		{"/declared", 9, fetch.ErrTooLarge},
		{"/chunked", 10, nil},
		{"/chunked", 9, fetch.ErrTooLarge},
		{"/chunked", 0, fetch.ErrTooLarge},
		{"/cut", 100, io.ErrUnexpectedEOF},
		{"/gzip", 100, fetch.ErrEncoded},
	} {
		got, err := read(t, c, address+tc.path, tc.max)
		if !errors.Is(err, tc.want) || tc.want == nil && got != "0123456789" || int64(len(got)) > tc.max {
			t.Errorf("%s at most %d: got %q, %v, want %v", tc.path, tc.max, got, err, tc.want)
		}
	}
	if _, _, err := c.Fetch(t.Context(), address+"/declared", 9); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("a length declared too large is no reason to read: %v", err)
	}
	for path, code := range map[string]int{"/partial": 206, "/missing": 404} {
		var status *fetch.StatusError
		if _, err := read(t, c, address+path, big); !errors.As(err, &status) || status.Code != code {
			t.Errorf("%s: got %v, want status %d", path, err, code)
		}
	}
}

// TestConnectionsAreKept: pictures that are fetched side by side go over the connections of those before.
func TestConnectionsAreKept(t *testing.T) {
	const many = 8
	var all sync.WaitGroup // until all of a round are there
	var connections sync.Map
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections.Store(r.RemoteAddr, true)
		all.Done()
		all.Wait()
		io.WriteString(w, "picture")
	})
	c := client(t, fetch.Config{Allow: []string{hostport}})
	for range 3 {
		all.Add(many)
		var round sync.WaitGroup
		for range many {
			round.Go(func() {
				if got, err := read(t, c, address, big); got != "picture" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		round.Wait()
	}
	n := 0
	connections.Range(func(any, any) bool { n++; return true })
	if n != many {
		t.Errorf("%d connections for %d pictures at a time", n, many)
	}
}

func TestAFetchIsBoundedInTime(t *testing.T) {
	stall := make(chan struct{})
	address, hostport := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-stall
	})
	defer close(stall)
	c := client(t, fetch.Config{Allow: []string{hostport}, Timeout: 50 * time.Millisecond})
	for _, path := range []string{"/head", "/body"} {
		if _, err := read(t, c, address+path, big); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want %v", path, err, context.DeadlineExceeded)
		}
	}
}

func TestErrorsTellNoQuery(t *testing.T) {
	c := client(t, fetch.Config{})
	for _, address := range []string{
		"http://127.0.0.1:1/a.png?sig=xyzzy", "http://localhost:1/?xyzzy#xyzzy", "http://xyzzy:xyzzy@example.com/", "http://[xyzzy/?xyzzy",
	} {
		_, _, err := c.Fetch(t.Context(), address, big)
		if err == nil || strings.Contains(err.Error(), "xyzzy") {
			t.Errorf("%s: got %v", address, err)
		}
	}
	if _, _, err := c.Fetch(t.Context(), "http://127.0.0.1:1/a.png?sig=1", big); !strings.Contains(err.Error(), "http://127.0.0.1:1/a.png:") {
		t.Errorf("the error does not say what was fetched: %v", err)
	}
}
