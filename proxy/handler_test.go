package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
	"switchyard/spool"
)

// nowhere is a journal that forgets.
type nowhere struct{}

func (nowhere) Append(context.Context, ...ledger.Record) error { return nil }

func (nowhere) Write(context.Context, ...ledger.Record) (func() error, error) {
	return func() error { return nil }, nil
}

func (nowhere) State() (time.Time, error) { return time.Time{}, nil }

// echo is a provider that tells what reached it.
func echo(w http.ResponseWriter, r *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{"uri": r.RequestURI, "host": r.Host, "header": r.Header})
}

type echoed struct {
	URI    string
	Host   string
	Header http.Header
}

// frontDoor is a handler before one server that is every provider, each base below a path of its own.
func frontDoor(t testing.TB, provider http.HandlerFunc, settings proxy.Settings, keys ...*proxy.Key) (*proxy.Handler, string) {
	t.Helper()
	up := httptest.NewServer(provider)
	t.Cleanup(up.Close)
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	breakers := &breaker.Registry{}
	h := &proxy.Handler{
		Runner: &attempt.Runner{
			Breaker: breakers, Limiter: &limit.Registry{}, Pool: pool, Transport: func(string) http.RoundTripper { return transport },
		},
		Journal: nowhere{}, Log: zap.NewNop(),
	}
	settings.MaxRequestBody = 1 << 20
	snap := &proxy.Snapshot{
		Dialects: all.Dialects(), Settings: settings, Keys: proxy.NewKeyring(keys),
	}
	var natives []*switchyard.Target
	for _, name := range []string{"openai", "gemini", "fal", "replicate", "/voices"} {
		at := up.URL + "/" + strings.TrimPrefix(name, "/")
		native := &switchyard.Target{
			Name: "native:" + name, Provider: name, Dialect: name, Key: switchyard.NewSecret("provider-key"),
			Bases: map[string]string{"": at, "queue": at + "-queue", "rest": at + "-rest"},
		}
		if name == "/voices" {
			snap.Mounts = append(snap.Mounts, proxy.Mount{Target: native, Prefix: name})
		} else {
			natives = append(natives, native)
		}
	}
	tables := map[string]*dialect.Table{}
	for _, d := range snap.Dialects {
		tables[d.Name()] = d.Models()
	}
	if snap.Router, err = router.New(router.Config{Natives: natives, Tables: tables}); err != nil {
		t.Fatal(err)
	}
	h.Use(snap)
	front := httptest.NewServer(h)
	t.Cleanup(front.Close)
	return h, front.URL
}

func get(t testing.TB, method, url, host string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Host = host
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// TestPlaces: whose a request is, by prefix, host and bare path, and what its provider is asked for.
func TestPlaces(t *testing.T) {
	_, url := frontDoor(t, echo, proxy.Settings{})
	for _, c := range []struct{ host, path, target, want string }{
		{"", "/v1/models", "", "/openai/v1/models"},
		{"", "/v1/files/a%2Fb", "", "/openai/v1/files/a%2Fb"},
		{"", "/v1/models/gpt-image-1", "", "/openai/v1/models/gpt-image-1"},
		{"", "/openai/v1/models", "", "/openai/v1/models"},
		{"", "/%6fpenai/v1/models", "", "/openai/v1/models"},
		{"", "/openai/v1/predictions", "", "/openai/v1/predictions"},
		{"", "/v1beta/models", "", "/gemini/v1beta/models"},
		{"", "/gemini/v1/models", "", "/gemini/v1/models"},
		{"", "/v1/deployments/o/n", "", "/replicate/v1/deployments/o/n"},
		{"", "/v1/models/owner/name", "", "/replicate/v1/models/owner/name"},
		{"", "/v1/models/owner%2Fname", "", "/openai/v1/models/owner%2Fname"}, // one name, as OpenAI's clients escape it
		{"", "/v1/webhooks/default/secret", "", "/replicate/v1/webhooks/default/secret"},
		{"", "/replicate/v1/account", "", "/replicate/v1/account"},
		{"", "/fal/rest/storage/upload/initiate", "", "/fal-rest/storage/upload/initiate"},
		{"", "/voices/v1/say?b=1&a", "", "/voices/v1/say?b=1&a"},
		{"", "/voicesome", "", ""},
		{"api.openai.com", "/v1/models", "", "/openai/v1/models"},
		{"API.Replicate.com.:443", "/v1/models", "", "/replicate/v1/models"},
		{"generativelanguage.googleapis.com", "/v1/models", "", "/gemini/v1/models"},
		{"rest.fal.ai", "/storage/x", "", "/fal-rest/storage/x"},
		{"api.openai.com", "/gemini/v1/models", "", "/gemini/v1/models"}, // a prefix wins over a guess
		{"", "/fal/proxy", "https://rest.fal.ai/storage/x?a=1", "/fal-rest/storage/x?a=1"},
		{"", "/api/fal/proxy", "https://rest.fal.ai/storage/x", "/fal-rest/storage/x"},
		{"", "/fal/proxy", "http://rest.fal.ai/storage/x", ""},
		{"", "/fal/proxy", "https://rest.fal.ai.evil.test/x", ""},
		{"", "/fal/proxy", "https://evil@rest.fal.ai/x", ""},
		{"", "/fal/proxy", "https://169.254.169.254/x", ""},
		{"", "/fal/proxy", "", ""},
		{"", "/v1/../gemini/x", "", ""},
		{"", "/v1/%2e%2e/x", "", ""},
		{"", "/v1/a%5Cb", "", ""},
		{"", "/v1/a%00b", "", ""},
		{"", "/v2/models", "", ""},
		{"", "/", "", ""},
	} {
		t.Run(c.host+c.path+c.target, func(t *testing.T) {
			resp, text := get(t, http.MethodGet, url+c.path, c.host, http.Header{"X-Fal-Target-Url": {c.target}})
			if c.want == "" {
				if resp.StatusCode != http.StatusNotFound || !strings.Contains(text, `"/replicate"`) {
					t.Errorf("%d %s", resp.StatusCode, text)
				}
				return
			}
			var got echoed
			if err := json.Unmarshal([]byte(text), &got); err != nil || got.URI != c.want || !strings.HasPrefix(got.Host, "127.0.0.1:") {
				t.Errorf("%d %s, want %s", resp.StatusCode, text, c.want)
			}
		})
	}
	if resp, text := get(t, http.MethodHead, url+"/nobody", "", nil); resp.StatusCode != http.StatusNotFound || text != "" {
		t.Errorf("HEAD: %d %q", resp.StatusCode, text)
	}
}

// TestNobodysPath: whoever asks for a path that is nobody's is told all that an SDK's base URL may begin its paths with.
func TestNobodysPath(t *testing.T) {
	_, url := frontDoor(t, echo, proxy.Settings{})
	_, text := get(t, http.MethodGet, url+"/nobody", "", nil)
	const want = `"prefixes":["/v1","/v1beta","/vertex","/gemini","/replicate","/fal/run","/fal/queue","/fal/rest","/fal/files","/fal/proxy","/api/fal/proxy","/openai","/voices"]`
	if !strings.Contains(text, want) {
		t.Errorf("got %s, want %s", text, want)
	}
}

// TestOwnAddress: an address of ours in fal's header is the path on ourselves, also by the name that we give out.
func TestOwnAddress(t *testing.T) {
	_, url := frontDoor(t, echo, proxy.Settings{PublicURL: "https://public.test"})
	for _, own := range []string{url, "https://public.test"} {
		_, text := get(t, http.MethodGet, url+"/fal/proxy", "", http.Header{"X-Fal-Target-Url": {own + "/fal/rest/storage/x"}})
		if !strings.Contains(text, `"/fal-rest/storage/x"`) {
			t.Errorf("%s: %s", own, text)
		}
	}
}

// TestKeyring: known keys get in, in whatever place their dialect has for them; nobody else does, and providers see
// neither.
func TestKeyring(t *testing.T) {
	_, url := frontDoor(t, echo, proxy.Settings{}, &proxy.Key{Name: "web", Secret: switchyard.NewSecret("virtual"), Tenant: "acme"})
	for _, c := range []struct{ path, name, value string }{
		{"/v1/models", "Authorization", "Bearer "},
		{"/gemini/v1beta/models", "X-Goog-Api-Key", ""},
		{"/fal/rest/storage/x", "Authorization", "Key "},
		{"/replicate/v1/account", "Authorization", "Bearer "},
		{"/replicate/v1/account", "Authorization", "Token "},
		{"/voices/v1/say", "Authorization", "Bearer "},
		{"/voices/v1/say", "Authorization", "bearer "}, // a scheme's name may be spelled either way
	} {
		for secret, ok := range map[string]bool{"virtual": true, "virtua": false, "virtual1": false, "": false} {
			resp, text := get(t, http.MethodGet, url+c.path, "", http.Header{c.name: {c.value + secret}, "Cookie": {"a=cookie"}, "X-Api-Key": {"x"}})
			if in := resp.StatusCode == http.StatusOK; in != ok || !ok && resp.StatusCode >= 500 {
				t.Errorf("%s with %q: %d %s", c.path, c.value+secret, resp.StatusCode, text)
			}
			if ok && (strings.Contains(text, "virtual") || strings.Contains(text, "cookie") || !strings.Contains(text, "provider-key")) {
				t.Errorf("%s: the provider got %s", c.path, text)
			}
		}
	}
}

// TestOrigins: browsers read answers where the operator lets them, whatever the provider says.
func TestOrigins(t *testing.T) {
	_, url := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		echo(w, r)
	}, proxy.Settings{Origins: []string{"https://app.test"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for origin, want := range map[string]string{"https://app.test": "https://app.test", "https://evil.test": ""} {
		for _, path := range []string{"/v1/models", "/nobody"} {
			resp, _ := get(t, http.MethodGet, url+path, "", http.Header{"Origin": {origin}})
			if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want || resp.Header.Get("Access-Control-Allow-Credentials") != "" || resp.Header.Get("Vary") == "" {
				t.Errorf("%s from %s: %v", path, origin, resp.Header)
			}
		}
		resp, _ := get(t, http.MethodOptions, url+"/v1/images/generations", "", http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"},
		})
		if got := resp.Header.Get("Access-Control-Allow-Headers"); resp.StatusCode != http.StatusNoContent || (got != "") != (want != "") {
			t.Errorf("preflight from %s: %d %v", origin, resp.StatusCode, resp.Header)
		}
	}
}

// TestAdmission: beyond what is served at once requests wait, beyond the queue they are sent away, and a place that is
// given back serves the next.
func TestAdmission(t *testing.T) {
	inside, let := make(chan struct{}, 8), make(chan struct{})
	h, url := frontDoor(t, func(w http.ResponseWriter, _ *http.Request) {
		inside <- struct{}{}
		<-let
	}, proxy.Settings{})
	h.Admit(1, 1)
	statuses := make(chan int, 3)
	ask := func() {
		resp, err := http.Get(url + "/v1/models")
		if err != nil {
			t.Error(err)
			statuses <- 0
			return
		}
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		statuses <- resp.StatusCode
	}
	go ask()
	<-inside
	go ask()
	go ask()
	if got := <-statuses; got != http.StatusServiceUnavailable { // of the two, the one that found the queue full
		t.Fatalf("the third got %d", got)
	}
	close(let)
	for range 2 {
		if got := <-statuses; got != http.StatusOK {
			t.Errorf("one that waited got %d", got)
		}
	}
	if got := len(inside); got != 1 {
		t.Errorf("%d more were let in, want 1", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	h.Drain(ctx)
	if ctx.Err() != nil {
		t.Error("a place was not given back")
	}
}

// A handler is an http.Handler: the command puts it behind a server, a test behind none.
func ExampleHandler() {
	h := &proxy.Handler{Log: zap.NewNop()}
	h.Use(&proxy.Snapshot{Dialects: all.Dialects()})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/what/is/this", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 404 application/json
}
