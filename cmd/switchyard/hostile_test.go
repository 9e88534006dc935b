package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/sim"
)

// upstream is a provider that does what a test says, on a real port.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// opens reports whether a target's breaker is open.
func (k *kit) opens(target string) bool {
	_, err := k.side.breakers.Allow(target)
	return err != nil
}

// TestMount: a passthrough provider is as well guarded as the others: keys, their limits, hop-by-hop headers both ways.
func TestMount(t *testing.T) {
	var seen atomic.Pointer[http.Request]
	url := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Clone(context.Background()))
		w.Header().Set("Set-Cookie", "early=1")
		w.Header().Set("Link", "</x>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		h := w.Header()
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Location", "http://elsewhere.test/")
		h.Set("X-Switchyard-Id", "forged")
		h.Set("X-Kept", "1")
		_, _ = io.WriteString(w, "spoken")
	})
	k := startKit(t, `
keys: [{name: web, secret: virtual-key}, {name: slow, secret: slow-key, limit: {rate: 1/h, burst: 1}}]
providers:
  voices: {dialect: passthrough, prefix: /voices, base_url: "`+url+`/api", key: provider-key}
`)
	for _, wrong := range []string{"", "Bearer other"} {
		if a := k.post("/voices/v1/say", "{}", "Authorization", wrong); a.status != http.StatusUnauthorized {
			t.Errorf("key %q: %d %s", wrong, a.status, a.body)
		}
	}
	if seen.Load() != nil {
		t.Fatal("the provider was asked without a key")
	}
	var hints textproto.MIMEHeader
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hints = h
		return nil
	}})
	a := k.do(ctx, http.MethodPost, "/voices/v1/say?b=2&a=1&c", "{}", "Authorization", "Bearer virtual-key",
		"Connection", "X-Secret", "X-Secret", "1", "Cookie", "c=1", "X-Mine", "1", "X-Forwarded-For", "10.0.0.1")
	if a.status != http.StatusOK || string(a.body) != "spoken" {
		t.Fatalf("%d %s %v", a.status, a.body, a.err)
	}
	r := seen.Load()
	if r.URL.String() != "/api/v1/say?b=2&a=1&c" || r.Header.Get("Authorization") != "Bearer provider-key" || r.Header.Get("X-Mine") != "1" {
		t.Errorf("the provider got %s %v", r.URL, r.Header)
	}
	for _, name := range []string{"X-Secret", "Cookie", "X-Forwarded-For"} {
		if r.Header.Get(name) != "" {
			t.Errorf("%s reached the provider", name)
		}
	}
	if a.header.Get("X-Hop") != "" || a.header.Get("Location") != "" || a.header.Get("Set-Cookie") != "" || a.header.Get("X-Kept") != "1" {
		t.Errorf("the app got %v", a.header)
	}
	if id := a.header["X-Switchyard-Id"]; len(id) != 1 || id[0] == "forged" {
		t.Errorf("id %q", id)
	}
	if hints == nil || hints.Get("Set-Cookie") != "" || hints.Get("Link") == "" {
		t.Errorf("the early hints were %v", hints)
	}
	for i, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		a := k.post("/voices/v1/say", "{}", "Authorization", "Bearer slow-key")
		if a.status != want || (want != http.StatusOK) != (a.header.Get("Retry-After") != "") {
			t.Errorf("call %d of a key of one an hour: %d %v", i+1, a.status, a.header)
		}
	}
}

// TestMountOfAVersion: the address of a passthrough provider is used as it is written; nobody knows how its apps' paths begin.
func TestMountOfAVersion(t *testing.T) {
	var seen atomic.Pointer[string]
	url := upstream(t, func(_ http.ResponseWriter, r *http.Request) { seen.Store(&r.URL.Path) })
	k := startKit(t, `providers: {voices: {dialect: passthrough, prefix: /voices, base_url: "`+url+`/v1"}}`)
	if a := k.post("/voices/say", "{}"); a.status != http.StatusOK || *seen.Load() != "/v1/say" {
		t.Errorf("%d, the provider got %s", a.status, *seen.Load())
	}
}

// TestCutPassthrough: an answer that breaks off is broken off for the app too, is possibly paid, and speaks against its
// provider.
func TestCutPassthrough(t *testing.T) {
	k := startKit(t, `
providers:
  openai: {dialect: openai, key: k, base_url: "`+upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})+`", breaker: {failures: 3}}
`)
	for range 3 {
		if a := k.post("/v1/chat/completions", "{}"); a.err == nil {
			t.Errorf("a cut answer came to a clean end: %d %q", a.status, a.body)
		}
	}
	for _, r := range k.rows() {
		if r.Outcome != switchyard.BadReply || r.Cost.Charge != switchyard.ChargePossible {
			t.Errorf("the ledger has %+v", r)
		}
	}
	if !k.opens("native:openai") {
		t.Error("the breaker has not heard of it")
	}
	if a := k.post("/v1/chat/completions", "{}"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("with an open breaker: %d %v", a.status, a.header)
	}
}

// TestBrokenUpload: a body that is no HTTP is the app's mistake, and trips nobody's breaker.
func TestBrokenUpload(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "<openai>", "<openai>, breaker: {failures: 2}", 1))
	for _, path := range []string{openaiPath, "/v1/chat/completions", "/v1/chat/completions", "/v1/chat/completions"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(k.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"pro\r\nnot a length\r\n", path)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		_ = resp.Body.Close()
		_ = conn.Close()
	}
	if k.opens("native:openai") {
		t.Error("an app has opened a breaker")
	}
}

// TestNothingCounted: a failed answer whose count of tokens has nothing in it, or what cannot be, may have been charged for.
func TestNothingCounted(t *testing.T) {
	for _, usage := range []string{`{}`, `{"promptTokenCount":0}`, `{"promptTokenCount":9000000000000000000}`} {
		url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"candidates":[],"usageMetadata":`+usage+`}`)
		})
		k := startKit(t, `providers: {google: {dialect: gemini, key: k, base_url: "`+url+`"}}`)
		k.post("/v1beta/models/gemini-3-pro-image:generateContent", `{"contents":[{"parts":[{"text":"a cat"}]}]}`)
		if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != switchyard.BadReply || rows[0].Cost.Charge != switchyard.ChargePossible || rows[0].Cost.Amount == 0 {
			t.Errorf("%s: %+v", usage, rows)
		}
	}
}

// TestAddressOfNoPicture: an address that no app could fetch is no picture.
func TestAddressOfNoPicture(t *testing.T) {
	for _, address := range []string{"file:///etc/passwd", "ftp://example.com/a.png", "javascript:alert(1)", "/a.png", "https:///a.png"} {
		url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"images":[{"url":%q}]}`, address)
		})
		k := startKit(t, `providers: {fal: {dialect: fal, key: "a:b", base_url: "`+url+`"}}`)
		a := k.post("/fal/run/fal-ai/flux/dev", `{"prompt":"a cat"}`)
		if rows := k.rows(); a.status < 500 || len(rows) != 1 || rows[0].Outcome != switchyard.BadReply {
			t.Errorf("%s: %d %s %+v", address, a.status, a.body, rows)
		}
	}
}

// TestHalfAnUpload: an app that ends its side in the middle of a body may still listen, and must not hear that all is well.
func TestHalfAnUpload(t *testing.T) {
	k := startKit(t, twoProviders)
	for _, path := range []string{openaiPath, "/v1/chat/completions"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(k.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"pro", path)
		_ = conn.(*net.TCPConn).CloseWrite()
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil && resp.StatusCode < 400 {
			t.Errorf("%s: %s", path, resp.Status)
		}
		_ = conn.Close()
	}
}

type fullDisk struct{}

var errFull = errors.New("disk full")

func (fullDisk) Append(context.Context, ...ledger.Record) error { return errFull }

func (fullDisk) Write(context.Context, ...ledger.Record) (func() error, error) { return nil, errFull }

func (fullDisk) State() (time.Time, error) { return time.Time{}, errFull }

// TestFullDisk: what cannot be written down is not sent, nor is a ticket given out for it, and no provider is blamed.
func TestFullDisk(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "<openai>", "<openai>, breaker: {failures: 2}", 1))
	k.side.handler.Journal = fullDisk{}
	for range 3 {
		for _, path := range []string{openaiPath, "/v1/chat/completions", "/fal/queue/fal-ai/flux/dev"} {
			if a := k.post(path, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
	if n := len(k.world.OpenAI.Calls()); n != 0 {
		t.Errorf("%d requests left without a row", n)
	}
	if k.opens("native:openai") || k.opens("gpt") {
		t.Error("a full disk of ours has opened a breaker")
	}
}

// TestDrainEnds: when the time for draining is up, what is left is cut and booked, and no app takes it for an answer.
func TestDrainEnds(t *testing.T) {
	k := startKit(t, twoProviders)
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	f := *k.side.file.Load()
	f.Server.DrainTimeout = 100 * time.Millisecond
	l, err := listen(t.Context(), &f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served, answered := make(chan error, 1), make(chan answer, 1)
	go func() { served <- k.side.serve(ctx, &f, l) }()
	k.url = "http://" + l.app.Addr().String()
	go func() { answered <- k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt") }()
	eventually(t, func() (int, bool) { n := len(k.world.OpenAI.Calls()); return n, n == 1 })
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	rows := k.rows() // by now, not some time later
	if len(rows) != 1 || rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("the ledger has %+v", rows)
	}
	if a := <-answered; a.err == nil && a.status < 500 {
		t.Errorf("the app was told %d %q", a.status, a.body)
	}
}

// TestStreamBooks: a stream counts in its request's record, and its end, not its beginning, is what the breaker hears.
func TestStreamBooks(t *testing.T) {
	k := startKit(t, strings.Replace(twoProviders, "<openai>", "<openai>, breaker: {failures: 2}", 1))
	body := `{"model":"gpt-image-1-mini","prompt":"a cat","size":"1024x1024","stream":true,"partial_images":1}`
	told := func(n int) map[string]any {
		return eventually(t, func() (map[string]any, bool) {
			entries := k.logs.FilterMessage("request").All()
			if len(entries) < n {
				return nil, false
			}
			return entries[n-1].ContextMap(), true
		})
	}
	a := k.post(openaiPath, body, "X-Only", "gpt")
	if a.header.Get("X-Switchyard-Attempts") != "1" || a.header.Get("X-Switchyard-Cost-Usd") == "0" || a.err != nil {
		t.Errorf("the answer says %v %v", a.header, a.err)
	}
	bill := k.world.OpenAI.Total()
	if rec := told(1); rec["attempts"] != int64(1) || rec["cost_usd"] == "0" || rec["images"] != int64(1) {
		t.Errorf("the record is %v, the bill $%s", rec, bill)
	}
	k.world.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Cut })
	for range 2 {
		if a := k.post(openaiPath, body, "X-Only", "gpt"); a.err == nil {
			t.Error("a cut stream came to a clean end")
		}
	}
	told(3)
	if !k.opens("gpt") {
		t.Error("the breaker has not heard of the cut streams")
	}
}

// TestOddAnswers: what no provider should answer becomes an error of the app's own dialect, or a fallback, never an
// answer; and a redirect is never followed with a key.
func TestOddAnswers(t *testing.T) {
	var followed atomic.Int32
	trap := upstream(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	var bomb bytes.Buffer
	gz := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = gz.Write(make([]byte, 1<<20))
	}
	_ = gz.Close()
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, trap+"/x", http.StatusTemporaryRedirect)
		},
		"page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>parked</html>")
		},
		"bomb": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		},
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"strange zip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write([]byte("x"))
		},
		"endless head": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Big", strings.Repeat("x", 4<<20)) },
		"huge wait": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := startKit(t, `
server: {listen: 127.0.0.1:0, temp_dir: "{dir}/tmp", max_response_body: 4MiB}
providers:
  google: {dialect: gemini, key: g, base_url: "`+upstream(t, h)+`"}
  openai: {<openai>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: alone, when: 'headers["x-only"] == "nano"', targets: [nano]}
  - {name: all, targets: [nano, gpt]}
`)
			a := k.post(openaiPath, `{"prompt":"a"}`)
			if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
				t.Errorf("with another behind it: %d %s", a.status, a.body)
			}
			a = k.post("/v1beta/models/gemini-nano-banana-2.1:generateContent", `{"contents":[{"parts":[{"text":"a"}]}]}`, "X-Only", "nano")
			if a.status < 400 || a.header.Get("Location") != "" || strings.Contains(string(a.body), "html") || !strings.Contains(string(a.body), `"error"`) {
				t.Errorf("alone: %d %v %s", a.status, a.header, a.body)
			}
			if wait := a.header.Get("Retry-After"); len(wait) > 4 {
				t.Errorf("the app is to wait for %s s", wait)
			}
			a = k.do(t.Context(), http.MethodGet, "/v1beta/models", "")
			if a.header.Get("Location") != "" {
				t.Errorf("passing through: %v", a.header)
			}
		})
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// TestEarlyAnswer: a provider that answers before it has read the body, or stops reading it, harms nobody, and the app
// uploads once.
func TestEarlyAnswer(t *testing.T) {
	picture := sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Bytes: 6 << 20})
	for name, h := range map[string]http.HandlerFunc{
		"answers at once": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"reads a little, then nothing": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 1<<20)
			<-time.After(time.Second) // a server does not notice that its caller has left while the body is unread
		},
		"reads slowly, then breaks off": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 3<<20)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := startKit(t, `
providers:
  google: {dialect: gemini, key: g, base_url: "`+upstream(t, h)+`", timeouts: {attempt: 300ms}}
  openai: {<openai>}
targets:
  nano: {provider: google, model: gemini-nano-banana-2.1}
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: all, targets: [nano, gpt]}
`)
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					body, kind := form(picture)
					a := k.post("/v1/images/edits", body, "Content-Type", kind)
					if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
						t.Errorf("%d %.300s %v", a.status, a.body, a.err)
					}
				})
			}
			all.Wait()
		})
	}
}

// form is an edit of a picture as the SDKs send it.
func form(picture []byte) (body, contentType string) {
	head := "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na hat\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
	return head + string(picture) + "\r\n--b--\r\n", "multipart/form-data; boundary=b"
}

// TestJobIsHeld: once a job was accepted, a provider that cannot be reached any more has not given the money back, and
// the job is not submitted again.
func TestJobIsHeld(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method)
		mu.Unlock()
		if r.Method == http.MethodPost {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"id":"p1","status":"starting"}`)
			return
		}
		_ = server.Listener.Close() // whoever dials anew is refused
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(server.Close)
	k := startKit(t, `
providers:
  replicate: {dialect: replicate, key: r8, base_url: "`+server.URL+`", retries: 3, timeouts: {attempt: 2s}}
targets:
  sdxl: {provider: replicate, model: black-forest-labs/flux-schnell, price: {image: 0.01}}
routes:
  - {name: all, targets: [sdxl]}
`)
	if a := k.post(openaiPath, `{"prompt":"a"}`); a.status < 500 {
		t.Errorf("%d %s", a.status, a.body)
	}
	mu.Lock()
	defer mu.Unlock()
	posts := len(slices.DeleteFunc(slices.Clone(asked), func(m string) bool { return m != http.MethodPost }))
	if posts != 1 {
		t.Errorf("the provider was asked %v", asked)
	}
	rows := k.rows()
	if len(rows) != 1 || rows[0].Cost.Charge != switchyard.ChargePossible || rows[0].Cost.Amount == 0 {
		t.Errorf("the ledger has %+v", rows)
	}
}

// TestPassLimit: a provider's limit holds for what passes through, too.
func TestPassLimit(t *testing.T) {
	k := startKit(t, `
providers:
  openai: {<openai>, limit: {rate: 1/h, burst: 1}}
`)
	chat := `{"model":"gpt-5.5-mini","messages":[{"role":"user","content":"hi"}],"stream":true}`
	if a := k.post("/v1/chat/completions", chat); a.status != http.StatusOK {
		t.Errorf("the first: %d %s", a.status, a.body)
	}
	if a := k.post("/v1/chat/completions", chat); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the second: %d %s %v", a.status, a.body, a.header)
	}
}

// TestPassKey: what passes through goes to the first provider of the dialect that there is a key for.
func TestPassKey(t *testing.T) {
	k := startKit(t, `
providers:
  empty: {dialect: openai, base_url: "http://127.0.0.1:1"}
  full: {<openai>}
`)
	if a := k.do(t.Context(), http.MethodGet, "/v1/models", ""); a.status != http.StatusOK || a.header.Get("X-Switchyard-Provider") != "full" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
}

// TestEmptySecret: keys whose secrets are missing from the environment open nothing, for nobody.
func TestEmptySecret(t *testing.T) {
	k := startKit(t, twoProviders+`
keys: [{name: web, secret: "${NO_SUCH_VARIABLE:-}"}]
`)
	for _, key := range []string{"", "Bearer ", "Bearer x"} {
		if a := k.post(openaiPath, `{"prompt":"a"}`, "Authorization", key); a.status != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", key, a.status, a.body)
		}
	}
}

// TestSecondSidecar: two with the same data would both take up what the first has under way, whatever their journals are.
func TestSecondSidecar(t *testing.T) {
	k := startKit(t, twoProviders)
	f := k.mustLoad(strings.Replace(*k.next.Load(), "/journal\"", "/other\"", 1))
	if s, err := openOnce(t, f); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second one was let in: %v, %v", s, err)
	}
	if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusOK {
		t.Errorf("the first: %d %s", a.status, a.body)
	}
}

// TestServeFails: a sidecar that cannot listen any more ends, though nobody has told it to.
func TestServeFails(t *testing.T) {
	k := startKit(t, twoProviders)
	f := k.side.file.Load()
	l, err := listen(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.app.Close(); err != nil {
		t.Fatal(err)
	}
	stop := k.side.watchFile(t.Context(), &source{name: t.TempDir() + "/config.yaml"}, nil)
	if err := k.side.serve(t.Context(), f, l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
	stop()
}
