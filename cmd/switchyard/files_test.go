package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/sim"
)

// crossFiles has every provider; the app's header says who works: native, if nothing.
const crossFiles = `
providers:
  google: {<google>}
  openai: {<openai>}
  fal: {<fal>}
  replicate: {<replicate>}
targets:
  gpt: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: gpt, when: 'headers["x-only"] == "gpt"', targets: [gpt]}
keys:
  - {name: one, secret: first-key}
  - {name: two, secret: second-key}
`

var aPicture = sim.Picture(switchyard.Size{Width: 256, Height: 256}, "png", sim.Art{Prompt: "a reference"})

// pathOf is an address of ours without the host.
func (k *kit) pathOf(address string) string {
	k.Helper()
	path, ok := strings.CutPrefix(address, k.url)
	if !ok {
		k.Fatalf("%q is not an address of %s", address, k.url)
	}
	return path
}

type begun struct {
	FileURL   string `json:"file_url"`
	UploadURL string `json:"upload_url"`
}

func (k *kit) beginFal(path string, headers ...string) begun {
	k.Helper()
	var b begun
	a := k.post(path, `{"content_type":"image/png","file_name":"my picture.png"}`, append([]string{"Authorization", "Key first-key"}, headers...)...)
	if err := json.Unmarshal(a.body, &b); err != nil || a.status != http.StatusOK {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return b
}

const initiate = "/fal/rest/storage/upload/initiate?storage_type=fal-cdn-v3"

// uploadFal is fal's two steps.
func (k *kit) uploadFal() (address string) {
	k.Helper()
	b := k.beginFal(initiate)
	if a := k.do(k.Context(), http.MethodPut, k.pathOf(b.UploadURL), string(aPicture), "Content-Type", "image/png"); a.status != http.StatusOK {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return b.FileURL
}

func fileForm(content, metadata string) (body, contentType string) {
	head := "--b\r\nContent-Disposition: form-data; name=\"content\"; filename=\"buffer_1\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	more := "\r\n--b\r\nContent-Disposition: form-data; name=\"metadata\"; filename=\"blob\"\r\nContent-Type: application/json\r\n\r\n"
	return head + content + more + metadata + "\r\n--b--\r\n", "multipart/form-data; boundary=b"
}

type replicateFile struct {
	ID        string
	Name      string
	Size      int
	ETag      string
	Checksums map[string]string
	Metadata  map[string]any
	URLs      map[string]string
}

func (k *kit) uploadReplicate() (f replicateFile) {
	k.Helper()
	body, kind := fileForm(string(aPicture), `{"by":"app"}`)
	a := k.post("/replicate/v1/files", body, "Authorization", "Bearer first-key", "Content-Type", kind)
	if err := json.Unmarshal(a.body, &f); err != nil || a.status != http.StatusCreated {
		k.Fatalf("%d %s", a.status, a.body)
	}
	return f
}

// falPicture is the one picture of an output.
func (k *kit) falPicture(a answer) sim.Mark {
	k.Helper()
	var out struct{ Images []struct{ URL string } }
	if err := json.Unmarshal(a.body, &out); err != nil || len(out.Images) != 1 {
		k.Fatalf("%d %.300s", a.status, a.body)
	}
	resp, err := http.Get(out.Images[0].URL)
	if err != nil {
		k.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		k.Fatal(err)
	}
	return mark(k, b.Bytes())
}

func toEdit(address string) string {
	return fmt.Sprintf(`{"prompt":"at night","image_url":%q,"never_heard_of":{"mask":%q}}`, address, address)
}

const editPath = "fal-ai/flux/dev/image-to-image"

// TestFalUpload: a picture that was brought in two steps, and named in a submission to the queue, goes to somebody else.
func TestFalUpload(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	auth := []string{"Authorization", "Key first-key", "X-Only", "gpt"}
	address := k.uploadFal()
	if !regexp.MustCompile(`/fal/files/[a-z2-7]{26}/my_picture\.png$`).MatchString(address) {
		t.Errorf("the file is at %s", address)
	}
	got := k.do(t.Context(), http.MethodGet, k.pathOf(address), "")
	if !bytes.Equal(got.body, aPicture) || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %v", got.status, got.header)
	}
	k.restart() // what was acknowledged is there, at another address, too
	a := k.post("/fal/queue/"+editPath, toEdit(address), auth...)
	var ticket struct {
		ResponseURL string `json:"response_url"`
	}
	if err := json.Unmarshal(a.body, &ticket); err != nil || ticket.ResponseURL == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	result := eventually(t, func() (answer, bool) {
		a := k.do(t.Context(), http.MethodGet, k.pathOf(ticket.ResponseURL), "", auth...)
		return a, a.status != http.StatusBadRequest
	})
	if m := k.falPicture(result); m.Provider != "openai" || m.References != 1 {
		t.Errorf("made by %+v", m)
	}
	for _, p := range k.world.Providers() {
		for _, c := range p.Calls() {
			if strings.Contains(fmt.Sprint(c.Body), k.url) {
				t.Errorf("%s was told an address of ours: %v", p.Name, c.Body)
			}
		}
	}
}

// TestFilesGoHome: to the provider whose protocol it is, the file goes in its address's place, and all else as it came.
func TestFilesGoHome(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	auth := []string{"Authorization", "Key first-key"}
	address := k.uploadFal()
	if m := k.falPicture(k.post("/fal/run/"+editPath, toEdit(address), auth...)); m.Provider != "fal" || m.References != 1 {
		t.Errorf("made by %+v", m)
	}
	// What is no generation that we know of passes through.
	k.post("/fal/run/"+editPath+"/stream", toEdit(address), auth...)
	k.post("/fal/queue/fal-ai/kling-video/v2/image-to-video", strings.ReplaceAll(toEdit(address), "/", `\/`), auth...)
	calls := slices.DeleteFunc(k.world.Fal.Calls(), func(c sim.Call) bool { return c.Method != http.MethodPost })
	if len(calls) != 3 {
		t.Fatalf("fal was called %d times", len(calls))
	}
	for _, c := range calls {
		body, _ := c.Body.(map[string]any)
		heard, _ := body["never_heard_of"].(map[string]any)
		for _, v := range []any{body["image_url"], heard["mask"]} {
			if text, _ := v.(string); !strings.HasPrefix(text, "data:image/png;base64,") {
				t.Errorf("%s: fal was told %v", c.Path, c.Body)
			}
		}
	}
}

// TestFalUploadByProxy: through the address for everything.
func TestFalUploadByProxy(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	b := k.beginFal("/fal/proxy", "X-Fal-Target-Url", "https://rest.fal.ai/storage/upload/initiate?storage_type=gcs")
	if a := k.do(t.Context(), http.MethodPut, k.pathOf(b.UploadURL), "hello"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := k.do(t.Context(), http.MethodPut, k.pathOf(b.UploadURL), "other"); a.status != http.StatusNotFound {
		t.Errorf("once more: %d %s", a.status, a.body)
	}
	if a := k.do(t.Context(), http.MethodGet, k.pathOf(b.FileURL), ""); string(a.body) != "hello" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, e := range k.logs.All() {
		if text := fmt.Sprint(e.ContextMap()); strings.Contains(text, k.pathOf(b.UploadURL)[len("/fal/files/upload/"):]) {
			t.Errorf("the log has an upload's secret: %s", text)
		}
	}
}

// TestFalUploadInParts: they come in whatever order.
func TestFalUploadInParts(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	b := k.beginFal("/fal/rest/storage/upload/initiate-multipart?storage_type=fal-cdn-v3")
	upload, third := k.pathOf(b.UploadURL), len(aPicture)/3
	parts := []string{string(aPicture[:third]), string(aPicture[third : 2*third]), string(aPicture[2*third:])}
	var done []string
	for _, n := range []int{3, 1, 2} {
		a := k.do(t.Context(), http.MethodPut, fmt.Sprintf("%s/%d", upload, n), parts[n-1])
		var part struct {
			PartNumber int
			ETag       string
		}
		if err := json.Unmarshal(a.body, &part); err != nil || part.PartNumber != n || part.ETag == "" {
			t.Fatalf("%d %s", a.status, a.body)
		}
		done = append(done, string(a.body))
	}
	if a := k.post(upload+"/complete", `{"parts":[{"partNumber":4,"etag":"x"}]}`); a.status != http.StatusUnprocessableEntity {
		t.Errorf("with a part that is not there: %d %s", a.status, a.body)
	}
	if a := k.post(upload+"/complete", `{"parts":[`+strings.Join(done, ",")+`]}`); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if m := k.falPicture(k.post("/fal/run/"+editPath, toEdit(b.FileURL), "Authorization", "Key first-key", "X-Only", "gpt")); m.References != 1 {
		t.Errorf("made by %+v", m)
	}
}

// TestReplicateFiles: a file's life, whose it is, and a prediction made of it.
func TestReplicateFiles(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	f := k.uploadReplicate()
	if len(f.ID) != 26 || f.Name != "buffer_1" || f.Size != len(aPicture) || len(f.Checksums["sha256"]) != 64 || f.ETag != f.Checksums["md5"] ||
		f.Metadata["by"] != "app" || f.URLs["get"] != k.url+"/replicate/v1/files/"+f.ID {
		t.Errorf("%+v", f)
	}
	at := k.pathOf(f.URLs["get"])
	get := func(method, path, key string) answer {
		return k.do(t.Context(), method, path, "", "Authorization", "Bearer "+key)
	}
	if a := get(http.MethodGet, at, "first-key"); a.status != http.StatusOK || !strings.Contains(string(a.body), f.Checksums["sha256"]) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := get(http.MethodGet, at+"/download", ""); a.header.Get("Content-Disposition") == "" || !bytes.Equal(a.body, aPicture) {
		t.Errorf("%d %v", a.status, a.header)
	}
	for _, only := range []string{"gpt", ""} {
		body := fmt.Sprintf(`{"input":{"prompt":"at night","image":%q}}`, f.URLs["get"])
		a := k.post("/replicate/v1/models/black-forest-labs/flux-dev/predictions", body, "Authorization", "Bearer first-key", "Prefer", "wait", "X-Only", only)
		p := a.prediction(t)
		if p.Status != "succeeded" || !strings.Contains(string(a.body), `"image":"`+f.URLs["get"]) {
			t.Errorf("%q: %d %.300s", only, a.status, a.body)
		}
	}
	for _, p := range []*sim.Provider{k.world.OpenAI, k.world.Replicate} {
		if calls := p.Calls(); len(calls) == 0 || strings.Contains(fmt.Sprint(calls[0].Body), k.url) {
			t.Errorf("%s got %v", p.Name, calls)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if a := get(method, at, "second-key"); a.status != http.StatusNotFound {
			t.Errorf("a stranger's %s: %d %s", method, a.status, a.body)
		}
		if a := get(method, at, "no-key"); a.status != http.StatusUnauthorized {
			t.Errorf("nobody's %s: %d %s", method, a.status, a.body)
		}
	}
	list := func(key string) string { return string(get(http.MethodGet, "/replicate/v1/files", key).body) }
	if !strings.Contains(list("first-key"), f.ID) || !strings.Contains(list("second-key"), `"results":[]`) {
		t.Errorf("%s, and a stranger %s", list("first-key"), list("second-key"))
	}
	if a := get(http.MethodDelete, at, "first-key"); a.status != http.StatusNoContent || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := get(http.MethodGet, at+"/download", ""); a.status != http.StatusNotFound {
		t.Errorf("deleted: %d", a.status)
	}
}

// TestFilesThatAreNotThere: unknown, another tenant's, expired. The app is told so, and nobody is asked.
func TestFilesThatAreNotThere(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	path := k.pathOf(k.uploadFal())
	id := strings.Split(path, "/")[3]
	doc := filepath.Join(k.uploads(), id+".json")
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	said["expires"] = time.Now().Add(-time.Second)
	if text, err = json.Marshal(said); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(doc, text, 0o600); err != nil {
		t.Fatal(err)
	}
	k.restart()
	expired, other := k.url+path, k.uploadFal()
	none := k.url + "/fal/files/" + strings.Repeat("a", 26) + "/x.png"
	asset := k.url + "/assets/" + strings.Repeat("a", 26) + ".png"
	for _, c := range []struct{ path, auth, body, want string }{
		{"/fal/run/" + editPath, "Key first-key", toEdit(expired), `"file_download_error"`},
		{"/fal/run/" + editPath, "Key second-key", toEdit(other), `"loc":["body","image_url"]`},
		{"/fal/run/" + editPath, "Key second-key", toEdit(strings.Replace(other, "127.0.0.1", "localhost", 1)), `"file_download_error"`},
		{"/fal/run/" + editPath, "Key first-key", toEdit(none), `"file_download_error"`},
		{"/fal/run/" + editPath + "/stream", "Key first-key", toEdit(none), `"file_download_error"`},
		{"/fal/queue/" + editPath, "Key first-key", toEdit(asset), `"file_download_error"`},
		{"/replicate/v1/models/black-forest-labs/flux-dev/predictions", "Bearer second-key", `{"input":{"prompt":"a","image":"` + other + `"}}`, "- input.image: "},
		{"/v1/images/edits", "Bearer second-key", `{"model":"gpt-image-2","prompt":"a","images":[{"image_url":"` + other + `"}]}`, `"images.image_url"`},
	} {
		a := k.post(c.path, c.body, "Authorization", c.auth)
		if a.status < 400 || a.status > 499 || !strings.Contains(string(a.body), c.want) {
			t.Errorf("%s as %s: %d %s", c.path, c.auth, a.status, a.body)
		}
	}
	for _, p := range k.world.Providers() {
		if n := len(p.Calls()); n != 0 {
			t.Errorf("%s was asked %d times", p.Name, n)
		}
	}
}

// uploads is the folder.
func (k *kit) uploads() string {
	return filepath.Join(k.side.file.Load().data(), "uploads")
}

// TestFilesOverTheLimit: refused with the provider's own status, whether their length is told or not, and not kept.
func TestFilesOverTheLimit(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), "server: {listen: 127.0.0.1:0, max_request_body: 100KiB, temp_dir: \"{dir}/tmp\"}\n"+crossFiles)
	b := k.beginFal(initiate)
	large := strings.Repeat("x", 101<<10)
	kept := func() []string {
		entries, err := os.ReadDir(k.uploads())
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	before := kept()
	if a := k.do(t.Context(), http.MethodPut, k.pathOf(b.UploadURL), large); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s %v", a.status, a.body, a.err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.UploadURL, struct{ *strings.Reader }{strings.NewReader(large)})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req) // chunked
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("without a length: %d", resp.StatusCode)
	}
	body, kind := fileForm(large, "{}")
	a := k.post("/replicate/v1/files", body, "Authorization", "Bearer first-key", "Content-Type", kind)
	if a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.header.Get("Content-Type"), "problem+json") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if after := kept(); !slices.Equal(after, before) {
		t.Errorf("%v became %v", before, after)
	}
}

// TestHostedImagesComeAlong: what was made here may be named, in every protocol.
func TestHostedImagesComeAlong(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	var made struct{ Images []struct{ URL string } }
	a := k.post("/fal/run/fal-ai/flux/dev", `{"prompt":"a red fox"}`, "Authorization", "Key first-key", "X-Only", "gpt")
	if err := json.Unmarshal(a.body, &made); err != nil || len(made.Images) != 1 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	address := made.Images[0].URL
	k.pathOf(address)
	if m := k.falPicture(k.post("/fal/run/"+editPath, toEdit(address), "Authorization", "Key first-key", "X-Only", "gpt")); m.References != 1 {
		t.Errorf("fal's app: %+v", m)
	}
	edit := k.post("/v1/images/edits", `{"model":"gpt-image-1-mini","prompt":"at night","images":[{"image_url":"`+address+`"}]}`, "Authorization", "Bearer first-key")
	for _, picture := range edit.images(t) {
		if m := mark(t, picture); m.References != 1 {
			t.Errorf("OpenAI's app: %+v", m)
		}
	}
	parts := `{"contents":[{"parts":[{"text":"at night"},{"fileData":{"mimeType":"image/png","fileUri":"` + address + `"}}]}]}`
	a = k.post("/v1beta/models/gemini-nano-banana-2.1:generateContent", parts, "X-Goog-Api-Key", "first-key")
	calls := k.world.Google.Calls()
	if a.status != http.StatusOK || len(calls) != 1 || !strings.Contains(fmt.Sprint(calls[0].Body), "inlineData") || strings.Contains(fmt.Sprint(calls[0].Body), "fileData") {
		t.Errorf("Google's app: %d %.300s, %v", a.status, a.body, calls)
	}
}

// TestAFileThatAProviderKeeps: what an app has brought to Google's files, or OpenAI's, nobody else can read. Whoever has it draws,
// even by another of its models, and who has not is passed over.
func TestAFileThatAProviderKeeps(t *testing.T) {
	const (
		google = `{"contents":[{"parts":[{"text":"a fox"},{"fileData":{"mimeType":"image/png","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f1"}}]}],"generationConfig":{"imageConfig":{"imageSize":"2K"}}}`
		openai = `{"model":"gpt-image-2","prompt":"a fox","size":"1600x896","images":[{"file_id":"file-f1"},{"image_url":"`
	)
	edit := openai + "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(aPicture)) + `"}]}`
	k := startKit(t, `
providers: {google: {<google>}, openai: {<openai>}}
targets: {gpt: {provider: openai, model: gpt-image-1-mini}, nano: {provider: google, model: gemini-2.5-flash-image}}
routes:
  - {name: gpt, when: 'headers["x-only"] == "gpt"', targets: [gpt]}
  - {name: nano, when: 'headers["x-only"] == "nano"', targets: [nano]}
  - {name: all, targets: [gpt, nano]}
`)
	for _, c := range []struct {
		path, body, only, served string
		status                   int
	}{
		{"/v1beta/models/gemini-nano-banana-2.1:generateContent", google, "", "google", http.StatusOK},
		{"/v1beta/models/gemini-nano-banana-2.1:generateContent", google, "gpt", "", http.StatusBadRequest},
		{"/v1/images/edits", edit, "", "openai", http.StatusOK},
		{"/v1/images/edits", edit, "nano", "", http.StatusBadRequest},
	} {
		a := k.post(c.path, c.body, "X-Only", c.only)
		if got := a.header.Get("X-Switchyard-Provider"); a.status != c.status || got != c.served || got != "" && a.header.Get("X-Switchyard-Fidelity") == "exact" {
			t.Errorf("%s for %q: %d by %q %.200s, want %d by %q", c.path, c.only, a.status, got, a.body, c.status, c.served)
		}
	}
	for _, p := range []*sim.Provider{k.world.Google, k.world.OpenAI} {
		for _, call := range p.Calls() {
			if sent := fmt.Sprint(call.Body); !strings.Contains(sent, "f1") {
				t.Errorf("%s was not told of the file: %.300s", p.Name, sent)
			}
		}
	}
	if n := len(k.world.Google.Calls()) + len(k.world.OpenAI.Calls()); n != 2 {
		t.Errorf("%d calls", n)
	}
}

// TestFilesByTheProvidersNames: apps that are led here by DNS find all that they call below those names.
func TestFilesByTheProvidersNames(t *testing.T) {
	k := startKitWith(t, slowWorld(t, 0), crossFiles)
	by := func(method, host, path, body string) answer {
		req, err := http.NewRequestWithContext(t.Context(), method, k.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Authorization", "Key first-key")
		req.Header.Set("X-Only", "gpt")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		return answer{resp.StatusCode, resp.Header, b.Bytes(), err}
	}
	var b begun
	a := by(http.MethodPost, "rest.fal.ai", strings.TrimPrefix(initiate, "/fal/rest"), `{"content_type":"image/png","file_name":"a.png"}`)
	if err := json.Unmarshal(a.body, &b); err != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	path, ok := strings.CutPrefix(b.UploadURL, "http://rest.fal.ai")
	if !ok {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := by(http.MethodPut, "rest.fal.ai", path, string(aPicture)); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := by(http.MethodPost, "fal.run", "/"+editPath, toEdit(b.FileURL)); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	none := "http://rest.fal.ai/fal/files/" + strings.Repeat("a", 26) + "/a.png"
	if a := by(http.MethodPost, "fal.run", "/"+editPath, toEdit(none)); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), "file_download_error") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestAnUploadGoesOnHere: Google tells an app at which address of its own the bytes of a file go. They come here, too, by
// whatever way the app came, and reach Google with our key. The Python client sends no key with them: there as here, the
// address lets it in.
func TestAnUploadGoesOnHere(t *testing.T) {
	const at, elsewhere = "/upload/v1beta/files?upload_id=u1&upload_protocol=resumable", "https://elsewhere.test/upload"
	var google string
	google = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch key := r.Header.Get("X-Goog-Api-Key"); {
		case key != "google-key":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("X-Goog-Upload-Command") == "start":
			w.Header().Set("X-Goog-Upload-Url", google+"/base"+at)
			w.Header().Set("X-Goog-Upload-Control-Url", elsewhere)
		default:
			fmt.Fprint(w, r.URL.String(), " ", string(body))
		}
	})
	k := startKit(t, `
providers:
  google: {dialect: gemini, key: google-key, base_url: "`+google+`/base"}
keys: [{name: web, secret: virtual-key}, {name: other, secret: other-key}]
`)
	for _, prefix := range []string{"", "/gemini"} {
		a := k.post(prefix+"/upload/v1beta/files", "{}", "X-Goog-Api-Key", "virtual-key", "X-Goog-Upload-Command", "start")
		if a.header.Get("X-Goog-Upload-Control-Url") != elsewhere {
			t.Errorf("another's address became %q", a.header.Get("X-Goog-Upload-Control-Url"))
		}
		next := k.pathOf(a.header.Get("X-Goog-Upload-Url"))
		for _, key := range [][]string{{"X-Goog-Api-Key", "virtual-key"}, nil} {
			a = k.post(next, "the bytes", append(key, "X-Goog-Upload-Command", "upload, finalize")...)
			if got, want := string(a.body), "/base"+at+" the bytes"; got != want || !strings.HasPrefix(next, prefix+"/upload/") {
				t.Errorf("at %s with %q Google got %q, want %q", next, key, got, want)
			}
		}
		for _, bad := range []string{
			prefix + at,
			strings.Replace(next, "upload_id=u1", "upload_id=u2", 1),
			strings.Replace(next, "/v1beta/", "/v1/", 1),
			strings.Replace(next, "=web.", "=other.", 1),
			next + "0",
		} {
			if a := k.post(bad, "the bytes", "X-Goog-Upload-Command", "upload, finalize"); a.status != http.StatusForbidden {
				t.Errorf("without a key, %s is answered with %d %s", bad, a.status, a.body)
			}
		}
	}
}

// TestTheLinksHeaderIsSpelledAsGoogleDoes: one of Google's clients looks for it by that spelling.
func TestTheLinksHeaderIsSpelledAsGoogleDoes(t *testing.T) {
	google := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Goog-Upload-URL"] = []string{"https://elsewhere.test/upload"}
	})
	k := startKit(t, `providers: {google: {dialect: gemini, key: google-key, base_url: "`+google+`"}}`)
	conn, err := net.Dial("tcp", strings.TrimPrefix(k.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /upload/v1beta/files HTTP/1.1\r\nHost: switchyard.test\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if want := "\r\nX-Goog-Upload-URL: https://elsewhere.test/upload\r\n"; err != nil || strings.Count(string(answer), want) != 1 {
		t.Errorf("got %q (%v), want %q in it", answer, err, want)
	}
}
