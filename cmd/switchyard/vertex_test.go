package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"switchyard"
	"switchyard/sim"
)

const (
	vertexImagen = "/vertex/v1beta1/projects/sim-project/locations/us-central1/publishers/google/models/imagen-4.0-generate-001:predict"
	vertexBanana = "/vertex/v1beta1/projects/sim-project/locations/global/publishers/google/models/gemini-nano-banana-2.1:generateContent"
	bananaAsked  = `{"contents":[{"role":"user","parts":[{"text":"a signal box"}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`
)

const bearer = "Bearer "

// lastCall is the path and the credentials of what Google was asked last.
func (k *kit) lastCall() (site, path, token, key string) {
	k.Helper()
	calls := k.world.Google.Calls()
	if len(calls) == 0 {
		k.Fatal("Google was not asked")
	}
	c := calls[len(calls)-1]
	return c.Site, c.Path, c.Header.Get("Authorization"), c.Header.Get("X-Goog-Api-Key")
}

// TestVertexOnItsOwn: an app that Google gave a token goes on with it, in its own project, and a model that Google has switched off
// is made by the one that came after it.
func TestVertexOnItsOwn(t *testing.T) {
	k := startKitWith(t, newWorld(t), `providers: {google: {dialect: vertex, base_url: "{vertex}"}}`)
	for _, c := range []struct{ path, body, fidelity, asked string }{
		{vertexBanana, bananaAsked, "exact", strings.TrimPrefix(vertexBanana, "/vertex")},
		{
			vertexImagen, predict("a signal box", 1), "successor=imagen-4.0-generate-001>gemini-nano-banana-2.1",
			"/v1/projects/sim-project/locations/us-central1/publishers/google/models/gemini-nano-banana-2.1:generateContent",
		},
	} {
		a := k.post(c.path, c.body, "Authorization", bearer+sim.CloudToken)
		if a.status != http.StatusOK || !strings.Contains(a.header.Get("X-Switchyard-Fidelity"), c.fidelity) {
			t.Fatalf("%d %s %v", a.status, a.body, a.header)
		}
		if site, path, token, key := k.lastCall(); site != "vertex" || path != c.asked || token != bearer+sim.CloudToken || key != "" {
			t.Errorf("%s was asked for %s with %q and %q", site, path, token, key)
		}
	}
	var booked switchyard.Money
	for _, r := range k.rows() {
		booked += r.Cost.Amount
	}
	if bill := k.world.Google.Total(); booked != bill || bill == 0 {
		t.Errorf("$%s were billed, $%s are in the ledger", bill, booked)
	}
	a := k.post(vertexBanana, bananaAsked, "Authorization", bearer+"ya29.none")
	if a.status != http.StatusUnauthorized || !strings.Contains(string(a.body), `"UNAUTHENTICATED"`) {
		t.Errorf("a token that is none: %d %s", a.status, a.body)
	}
}

// TestVertexStreams: a stream is one event of Google's to a line, or an array of them, whoever draws.
func TestVertexStreams(t *testing.T) {
	k := startKitWith(t, newWorld(t), `
providers: {google: {dialect: vertex, base_url: "{vertex}"}, openai: {<openai>}}
targets: {gpt: {provider: openai, model: gpt-image-2}}
routes: [{name: other, when: 'headers["x-only"] == "gpt"', targets: [gpt]}, {name: own, targets: [native]}]
`)
	stream := strings.Replace(vertexBanana, ":generate", "%3AstreamGenerate", 1)
	for _, only := range []string{"", "gpt"} {
		for query, want := range map[string][2]string{"?alt=sse": {"data: {", "}\n\n"}, "": {"[{", "}]"}} {
			a := k.post(stream+query, bananaAsked, "Authorization", bearer+sim.CloudToken, "X-Only", only)
			text := strings.ReplaceAll(string(a.body), "\r\n", "\n")
			if a.status != http.StatusOK || !strings.HasPrefix(text, want[0]) || !strings.HasSuffix(text, want[1]) || !strings.Contains(text, `"inlineData"`) {
				t.Errorf("of %q, %q: %d %.80q … %q", only, query, a.status, text, text[max(0, len(text)-20):])
			}
		}
	}
	if _, path, token, _ := k.lastCall(); !strings.HasSuffix(path, ":streamGenerateContent") || token != bearer+sim.CloudToken {
		t.Errorf("%s was asked for with %q", path, token)
	}
}

// TestVertexByOthers: an app of Vertex AI's is served by whoever the route says, under a key of ours.
func TestVertexByOthers(t *testing.T) {
	k := startKitWith(t, newWorld(t), `keys: [{name: web, secret: web-secret}]
providers: {fal: {<fal>}}
targets: {flux: {provider: fal, model: fal-ai/flux/dev}}
routes: [{name: all, targets: [native, flux]}]
`)
	for header, credential := range map[string]string{"x-goog-api-key": "web-secret", "Authorization": bearer + "web-secret"} {
		a := k.post(vertexImagen, predict("a signal box", 2), header, credential)
		if a.status != http.StatusOK || len(a.images(t)) != 2 || a.header.Get("X-Switchyard-Target") != "flux" {
			t.Errorf("%s: %d %s %v", header, a.status, a.body, a.header)
		}
	}
	a := k.post(vertexImagen, predict("a signal box", 2), "Authorization", bearer+sim.CloudToken)
	if a.status != http.StatusUnauthorized || !strings.Contains(string(a.body), "Expected OAuth 2 access token") {
		t.Errorf("a stranger: %d %s", a.status, a.body)
	}
	// What is to be written to the app's bucket is nobody else's to make.
	body := strings.Replace(predict("a signal box", 1), `"parameters":{`, `"parameters":{"storageUri":"gs://b/p",`, 1)
	if a := k.post(vertexImagen, body, "x-goog-api-key", "web-secret"); a.status != http.StatusServiceUnavailable {
		t.Errorf("to a bucket: %d %s", a.status, a.body)
	}
}

// TestVertexComputedMask: a mask that Google makes itself of the picture has no bytes for anybody else. Who cannot have it is passed
// over, and who has the model goes on to make it.
func TestVertexComputedMask(t *testing.T) {
	k := startKitWith(t, newWorld(t), `keys: [{name: web, secret: web-secret}]
providers: {cloud: {<vertex>}, openai: {<openai>}}
targets: {gpt: {provider: openai, model: gpt-image-2}}
routes: [{name: all, targets: [gpt, native]}]
`)
	const path = "/vertex/v1/projects/p/locations/us-central1/publishers/google/models/imagen-7.0-generate-edit:predict"
	picture := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 64, Height: 64}, "png", sim.Art{}))
	a := k.post(path, `{"instances":[{"prompt":"a hat","referenceImages":[
		{"referenceType":"REFERENCE_TYPE_RAW","referenceId":1,"referenceImage":{"bytesBase64Encoded":"`+picture+`"}},
		{"referenceType":"REFERENCE_TYPE_MASK","referenceId":2,"maskImageConfig":{"maskMode":"MASK_MODE_FOREGROUND"}}]}]}`, "x-goog-api-key", "web-secret")
	if _, path, _, _ := k.lastCall(); !strings.HasSuffix(path, "/imagen-7.0-generate-edit:predict") {
		t.Errorf("%s was asked for: %d %s", path, a.status, a.body)
	}
}

// TestVertexAsTarget: others' apps are served by Vertex AI, in the operator's project; and so are its own, whatever project they name.
func TestVertexAsTarget(t *testing.T) {
	world, err := sim.Start(sim.Config{Imagen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = world.Close() })
	k := startKitWith(t, world, `keys: [{name: web, secret: web-secret}]
providers: {cloud: {<vertex>, location: europe-west4}}
targets: {banana: {provider: cloud, model: gemini-nano-banana-2.1}}
routes: [{name: vertex, when: request.dialect == "vertex", targets: [native]}, {name: all, targets: [banana]}]
`)
	const models = "/projects/sim-project/locations/europe-west4/publishers/google/models/"
	theirs := strings.NewReplacer("sim-project", "theirs", "us-central1", "asia-east1", "global", "asia-east1")
	toBucket := strings.Replace(predict("a signal box", 1), `"parameters":{`, `"parameters":{"storageUri":"gs://b/p",`, 1)
	for _, c := range []struct{ path, body, asked string }{
		{openaiPath, `{"model":"gpt-image-2","prompt":"a signal box"}`, "/v1" + models + "gemini-nano-banana-2.1:generateContent"},
		{imagenPath, predict("a signal box", 1), "/v1" + models + "gemini-nano-banana-2.1:generateContent"},
		{theirs.Replace(vertexBanana), bananaAsked, "/v1beta1" + models + "gemini-nano-banana-2.1:generateContent"},
		{"/vertex/v1/publishers/google/models/gemini-nano-banana-2.1:generateContent", bananaAsked, "/v1" + models + "gemini-nano-banana-2.1:generateContent"},
		{theirs.Replace(vertexImagen), toBucket, "/v1beta1" + models + "imagen-4.0-generate-001:predict"}, // passes through
	} {
		a := k.post(c.path, c.body, "Authorization", bearer+"web-secret")
		if a.status != http.StatusOK {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
			continue
		}
		if site, path, token, key := k.lastCall(); site != "vertex" || path != c.asked || token != "" || key != "AIzaSySIMKEY" {
			t.Errorf("%s: %s was asked for %s with %q and %q", c.path, site, path, token, key)
		}
	}
}

// tokenEndpoint hands out tokens for assertions, as Google's token endpoint does.
type tokenEndpoint struct {
	*httptest.Server
	asked atomic.Int32
	down  atomic.Bool
	old   atomic.Bool   // the next token is one that Google does not take any more
	hold  chan struct{} // if it is not nil, each answer waits for it to be closed
}

func newTokenEndpoint(t *testing.T) *tokenEndpoint {
	e := &tokenEndpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		if e.hold != nil {
			<-e.hold
		}
		w.Header().Set("Content-Type", "application/json")
		if e.down.Load() || r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || strings.Count(r.FormValue("assertion"), ".") != 2 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Invalid JWT: check your iat and exp."}`))
			return
		}
		token := sim.CloudToken
		if e.old.Swap(false) {
			token = "ya29.old"
		}
		_, _ = w.Write([]byte(`{"access_token":"` + token + `","expires_in":3599,"token_type":"Bearer"}`))
	}))
	t.Cleanup(e.Close)
	return e
}

// serviceAccount is a file as Google hands it out. Its holder's use counts for the project sim-quota.
func serviceAccount(t *testing.T, tokens string) string {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "sim-project", "private_key_id": "1", "client_email": "sim@sim-project.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokens, "quota_project_id": "sim-quota",
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCredentials: requests go out with a token that is fetched once, and again when Google does not take it any more; not at all if
// there is none. The next target is asked then.
func TestCredentials(t *testing.T) {
	tokens := newTokenEndpoint(t)
	file := serviceAccount(t, tokens.URL)
	config := `
providers:
  cloud: {dialect: vertex, project: sim-project, credentials: "` + file + `", base_url: "{vertex}", breaker: off}
  openai: {<openai>}
targets: {banana: {provider: cloud, model: gemini-nano-banana-2.1}, gpt: {provider: openai, model: gpt-image-2}}
routes: [{name: all, targets: [banana, gpt]}]
`
	k := startKitWith(t, newWorld(t), config)
	for range 3 {
		if a := k.post(imagenPath, predict("a signal box", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "banana" {
			t.Fatalf("%d %s %v", a.status, a.body, a.header)
		}
	}
	site, path, token, key := k.lastCall()
	if site != "vertex" || path != "/v1/projects/sim-project/locations/global/publishers/google/models/gemini-nano-banana-2.1:generateContent" || token != bearer+sim.CloudToken || key != "" {
		t.Errorf("%s was asked for %s with %q and %q", site, path, token, key)
	}
	if n := tokens.asked.Load(); n != 1 {
		t.Errorf("%d tokens were fetched", n)
	}
	if calls := k.world.Google.Calls(); calls[len(calls)-1].Header.Get("X-Goog-User-Project") != "sim-quota" {
		t.Errorf("the use counts for %q", calls[len(calls)-1].Header.Get("X-Goog-User-Project"))
	}

	tokens.old.Store(true)
	k = startKitWith(t, k.world, config)
	for _, target := range []string{"gpt", "banana"} {
		if a := k.post(imagenPath, predict("a signal box", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != target {
			t.Errorf("with an old token: %d %s %v, want it of %s", a.status, a.body, a.header, target)
		}
	}

	tokens.down.Store(true)
	k = startKitWith(t, k.world, config)
	a := k.post(imagenPath, predict("a signal box", 1))
	if a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" || a.header.Get("X-Switchyard-Attempts") != "2" {
		t.Errorf("without a token: %d %s %v", a.status, a.body, a.header)
	}
	rows := k.rows()
	if rows[0].Outcome != switchyard.Unauthorized || rows[0].Cost.Charge != switchyard.ChargeNone {
		t.Errorf("the ledger has %+v", rows[0])
	}
	if a := k.do(t.Context(), http.MethodGet, "/vertex/v1/projects/p/locations/global/models", "", "Authorization", bearer+sim.CloudToken); a.status != http.StatusServiceUnavailable {
		t.Errorf("what passes through: %d %s", a.status, a.body)
	}
}

// TestNoTokenIsTold: why there is no token is in the log, once for as long as it stays so, and that there is one again; health names the
// provider, and leaves out what only the log may say.
func TestNoTokenIsTold(t *testing.T) {
	tokens := newTokenEndpoint(t)
	tokens.down.Store(true)
	k := startKitWith(t, newWorld(t), `
providers:
  cloud: {dialect: vertex, project: sim-project, credentials: "`+serviceAccount(t, tokens.URL)+`", base_url: "{vertex}", breaker: off}
  openai: {<openai>}
targets: {banana: {provider: cloud, model: gemini-nano-banana-2.1}, gpt: {provider: openai, model: gpt-image-2}}
routes: [{name: all, targets: [banana, gpt]}]
`)
	told := func() (lines []string) {
		for _, l := range k.logs.All() {
			if strings.HasPrefix(l.Message, "credentials") {
				lines = append(lines, fmt.Sprint(l.Message, " ", l.ContextMap()["provider"], " ", l.ContextMap()["error"]))
			}
		}
		return lines
	}
	const refused = "credentials give no token cloud no token: status 400 invalid_grant: Invalid JWT: check your iat and exp."
	for range 2 {
		if a := k.post(imagenPath, predict("a signal box", 1)); a.status != http.StatusOK || a.header.Get("X-Switchyard-Target") != "gpt" {
			t.Fatalf("%d %s %v", a.status, a.body, a.header)
		}
		if got := told(); len(got) != 1 || got[0] != refused {
			t.Errorf("the log has %q", got)
		}
	}
	if got := k.side.health().Problems; len(got) != 1 || got[0] != "the credentials of cloud give no token: status 400 invalid_grant" {
		t.Errorf("health says %q", got)
	}
	tokens.down.Store(false)
	if a := k.post(imagenPath, predict("a signal box", 1)); a.header.Get("X-Switchyard-Target") != "banana" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	if got := told(); len(got) != 2 || got[1] != "credentials give a token again cloud <nil>" {
		t.Errorf("the log has %q", got)
	}
	if got := k.side.health().Problems; len(got) != 0 {
		t.Errorf("health says %q", got)
	}
}

// TestNoTokenOfWhatIsOff: health does not name a provider that has been switched off since, whom nobody will ask for a token any more.
func TestNoTokenOfWhatIsOff(t *testing.T) {
	tokens := newTokenEndpoint(t)
	tokens.down.Store(true)
	k := startKitWith(t, newWorld(t), `
providers:
  cloud: {dialect: vertex, project: sim-project, credentials: "`+serviceAccount(t, tokens.URL)+`", base_url: "{vertex}"}
  openai: {<openai>}
targets: {banana: {provider: cloud, model: gemini-nano-banana-2.1}, gpt: {provider: openai, model: gpt-image-2}}
routes: [{name: all, targets: [banana, gpt]}]
`)
	k.post(imagenPath, predict("a signal box", 1))
	if got := k.side.health().Problems; len(got) != 1 {
		t.Errorf("health says %q", got)
	}
	off := strings.Replace(*k.next.Load(), "cloud: {", "cloud: {enabled: false, ", 1)
	k.next.Store(&off)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	if got := k.side.health().Problems; len(got) != 0 {
		t.Errorf("health says %q", got)
	}
}

// TestNoTokenIsToldOnce: a way that breaks does so by other addresses and ports each time, which is no other reason.
func TestNoTokenIsToldOnce(t *testing.T) {
	asked, told := 0, 0
	broken := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		asked++
		return nil, fmt.Errorf("read tcp 10.0.0.1:%d->10.0.0.2:443: connection reset by peer", 40_000+asked)
	}}
	a, err := newAccount(credentials(serviceAccount(t, "https://tokens.test")), broken, func(error) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := a.newPass(); err == nil {
			t.Error("there is a token")
		}
	}
	if asked < 3 || told != 1 {
		t.Errorf("asked %d times, told %d times", asked, told)
	}
}

// TestCredentialsReplaced: a reload with another file in the place of the old one is one with another account, and one with a file
// that is no good is refused. One with the same file goes on with the token that it has.
func TestCredentialsReplaced(t *testing.T) {
	before, after := newTokenEndpoint(t), newTokenEndpoint(t)
	file := serviceAccount(t, before.URL)
	k := startKitWith(t, newWorld(t), `
providers: {cloud: {dialect: vertex, project: sim-project, credentials: "`+file+`", base_url: "{vertex}"}}
targets: {banana: {provider: cloud, model: gemini-nano-banana-2.1}}
routes: [{name: all, targets: [banana]}]
`)
	ask := func(ofBefore, ofAfter int32) {
		t.Helper()
		if a := k.post(imagenPath, predict("a signal box", 1)); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
		if b, a := before.asked.Load(), after.asked.Load(); b != ofBefore || a != ofAfter {
			t.Errorf("%d tokens of the one before and %d of the one after, want %d and %d", b, a, ofBefore, ofAfter)
		}
	}
	replace := func(text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ask(1, 0)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	ask(1, 0)
	text, err := os.ReadFile(serviceAccount(t, after.URL))
	if err != nil {
		t.Fatal(err)
	}
	replace([]byte("half a fi"))
	if err := k.side.reload(); err == nil || !strings.Contains(err.Error(), "want a file that Google made") {
		t.Errorf("a file that is no good: %v", err)
	}
	ask(1, 0)
	replace(text)
	if err := k.side.reload(); err != nil {
		t.Fatal(err)
	}
	ask(1, 1)
}

// TestNoToken: without a token nothing is sent. What is told of it is the endpoint's reason, and nothing that may be a page or repeat
// what was sent.
func TestNoToken(t *testing.T) {
	google := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("Google was asked, with %q", r.Header.Get("Authorization"))
	}))
	defer google.Close()
	jwt := "eyJhbGciOiJSUzI1NiJ9." + strings.Repeat("x", 300) + "." + strings.Repeat("y", 300)
	for _, c := range []struct {
		status     int
		body, want string
		outcome    switchyard.Outcome
	}{
		{http.StatusOK, `{}`, "credentials: the answer has no token", ""},
		{http.StatusOK, `{"access_token":""}`, "credentials: the answer has no token", ""},
		{
			http.StatusBadRequest, `{"error":"invalid_grant","error_description":"Invalid grant: account not found"}`,
			"unauthorized: credentials: no token: status 400 invalid_grant: Invalid grant: account not found", switchyard.Unauthorized,
		},
		{
			http.StatusBadRequest, `{"error":"invalid_grant","error_description":"\u001b[2J ` + jwt + ` is bad` + strings.Repeat(" and worse", 99) + `"}`,
			"unauthorized: credentials: no token: status 400 invalid_grant: … … is bad" + strings.Repeat(" and worse", 18) + " and", switchyard.Unauthorized,
		},
		{ // as long as Google's older secrets of clients
			http.StatusBadRequest, `{"error":"invalid_client","error_description":"The secret abcDEF0123456789-_abcDEF does not match"}`,
			"unauthorized: credentials: no token: status 400 invalid_client: The secret … does not match", switchyard.Unauthorized,
		},
		{http.StatusBadRequest, `{"error":"secret, and more","error_description":"secret"}`, "unauthorized: credentials: no token: status 400", switchyard.Unauthorized},
		{http.StatusTooManyRequests, `{}`, "credentials: no token: status 429", ""},
		{http.StatusBadGateway, strings.Repeat("<p>secret</p>", 10_000), "credentials: no token: status 502", ""},
	} {
		tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		a, err := newAccount(credentials(serviceAccount(t, tokens.URL)), &http.Transport{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := a.RoundTrip(httptest.NewRequest(http.MethodPost, google.URL, http.NoBody))
		if err == nil {
			_ = resp.Body.Close()
		}
		if err == nil || err.Error() != c.want || switchyard.AsError(err).Outcome != c.outcome {
			t.Errorf("%d %.40s: %.400s, want %s", c.status, c.body, fmt.Sprint(err), c.want)
		}
		a.CloseIdleConnections()
		tokens.Close()
	}
}

// TestNoExternalToken: the same of an account that is another cloud's, and of the one that it may act as.
func TestNoExternalToken(t *testing.T) {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "secret", http.StatusForbidden)
	}))
	defer tokens.Close()
	dir := t.TempDir()
	subject, file := filepath.Join(dir, "subject"), filepath.Join(dir, "account.json")
	text, err := json.Marshal(map[string]any{
		"type": "external_account", "audience": "//iam.googleapis.com/a", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"token_url": tokens.URL, "credential_source": map[string]string{"file": subject},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{subject: []byte("token"), file: text} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := newAccount(credentials(file), &http.Transport{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.CloseIdleConnections()
	resp, err := a.RoundTrip(httptest.NewRequest(http.MethodPost, tokens.URL, http.NoBody))
	if err == nil {
		_ = resp.Body.Close()
	}
	if err == nil || err.Error() != "unauthorized: credentials: no token: status 403" {
		t.Errorf("got %v", err)
	}
}

// echoed is an account whose provider answers with the token that it was sent.
func echoed(t *testing.T, tokens string) (a *account, google string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	a, err := newAccount(credentials(serviceAccount(t, tokens)), &http.Transport{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.CloseIdleConnections)
	return a, server.URL
}

// TestTokenIsAwaited: many requests wait for one token, each for as long as it wants to; it is fetched to its end all the same.
func TestTokenIsAwaited(t *testing.T) {
	tokens := newTokenEndpoint(t)
	tokens.hold = make(chan struct{})
	a, google := echoed(t, tokens.URL)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	for range 3 {
		go func() {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, google, http.NoBody)
			_, err := a.RoundTrip(req)
			left <- err
		}()
	}
	leave()
	for range 3 {
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	close(tokens.hold)
	req := httptest.NewRequest(http.MethodPost, google, http.NoBody)
	req.Header.Set("X-Goog-Api-Key", "credentials")
	resp, err := a.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got, _ := io.ReadAll(resp.Body); string(got) != bearer+sim.CloudToken || tokens.asked.Load() > 1 || req.Header.Get("Authorization") != "" {
		t.Errorf("sent %q after %d tokens; the caller's own header is %v", got, tokens.asked.Load(), req.Header)
	}
}

// TestTokenIsRenewedAhead: a token that is about to end is good until then. Nobody waits for the next, and an endpoint that is down for
// a while is not missed.
func TestTokenIsRenewedAhead(t *testing.T) {
	var asked atomic.Int32
	renewed, hold := make(chan struct{}), make(chan struct{})
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := asked.Add(1)
		switch n {
		case 2:
			w.WriteHeader(http.StatusBadGateway)
			return
		case 3:
			<-hold
			defer close(renewed)
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","expires_in":%d,"token_type":"Bearer"}`, n, 120*n*n)
	}))
	defer tokens.Close()
	a, google := echoed(t, tokens.URL)
	ask := func() string {
		t.Helper()
		resp, err := a.RoundTrip(httptest.NewRequest(http.MethodPost, google, http.NoBody))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	}
	eventually(t, func() (int32, bool) {
		if got := ask(); got != "Bearer t1" {
			t.Fatalf("sent %s", got)
		}
		return asked.Load(), asked.Load() == 3
	})
	close(hold)
	<-renewed
	if got := eventually(t, func() (string, bool) { got := ask(); return got, got != "Bearer t1" }); got != "Bearer t3" {
		t.Errorf("sent %s", got)
	}
	if n := asked.Load(); n != 3 {
		t.Errorf("%d tokens were fetched", n)
	}
}

// TestCloudFaults: what a file may not say.
func TestCloudFaults(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("AIzaSySIMKEY"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, want := range map[string]string{
		`{dialect: vertex, project: a/b}`:                                            `providers.p.project: want a name, got "a/b"`,
		`{dialect: vertex, credentials: default}`:                                    `providers.p.credentials: need a project`,
		`{dialect: gemini, project: p}`:                                              `providers.p.project: only dialect vertex has that`,
		`{dialect: vertex, project: p, key: k, credentials: default}`:                `providers.p.credentials: there is a key already`,
		`{dialect: vertex, project: p, credentials: /nowhere/account.json}`:          `providers.p.credentials: open /nowhere/account.json`,
		`{dialect: vertex, project: p, credentials: "` + text + `"}`:                 `providers.p.credentials: want a file that Google made`,
		`{dialect: vertex, project: p, location: us-central1, credentials: default}`: "",
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte("providers: {p: "+says+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out := command(t, []string{"check", file})
		if got := out.out + out.errors; !strings.Contains(got, want) || (out.code == 0) != (want == "") {
			t.Errorf("%s: status %d, %s", says, out.code, got)
		}
	}
}
