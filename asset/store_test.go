package asset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"switchyard/asset"
)

// blob is bytes in memory, which may lie about their length.
type blob struct {
	data string
	len  int64
}

func of(data string) blob                   { return blob{data, int64(len(data))} }
func (b blob) Open() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(b.data)), nil }
func (b blob) Len() int64                   { return b.len }

const (
	png  = "\x89PNG\r\n\x1a\n-----picture-----and-some-more-bytes-of-it"
	jpeg = "\xff\xd8\xff\xe0-----picture-----"
	gif  = "GIF89a-----picture-----"
	webp = "RIFF\x00\x00\x00\x00WEBP-----picture-----"
)

func store(t *testing.T, c asset.Config) (*asset.Store, string) {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	s, err := asset.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, c.Dir
}

func put(t *testing.T, s *asset.Store, data string) string {
	t.Helper()
	name, err := s.Put(t.Context(), of(data))
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func get(s http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://host/", nil)
	r.URL.Path = path // as it arrives, without the client's tidying
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestWhatIsPutIsServed(t *testing.T) {
	s, dir := store(t, asset.Config{})
	seen := map[string]bool{}
	for data, want := range map[string][2]string{
		png: {".png", "image/png"}, jpeg: {".jpg", "image/jpeg"}, gif: {".gif", "image/gif"}, webp: {".webp", "image/webp"},
	} {
		name := put(t, s, data)
		if !regexp.MustCompile(`^[a-z2-7]{26}\.[a-z]+$`).MatchString(name) || filepath.Ext(name) != want[0] || seen[name] {
			t.Errorf("name %q", name)
		}
		seen[name] = true
		w := get(s, "GET", asset.Path(name))
		if w.Code != 200 || w.Body.String() != data || w.Header().Get("Content-Type") != want[1] {
			t.Errorf("got %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	again, _ := store(t, asset.Config{Dir: dir}) // a new process
	for name := range seen {
		if w := get(again, "GET", asset.Path(name)); w.Code != 200 {
			t.Errorf("after a restart: %d", w.Code)
		}
	}
}

func TestHeaders(t *testing.T) {
	s, _ := store(t, asset.Config{TTL: time.Hour})
	h := get(s, "GET", asset.Path(put(t, s, png))).Header()
	for name, want := range map[string]string{
		"X-Content-Type-Options":      "^nosniff$",
		"Content-Security-Policy":     "default-src 'none'; sandbox",
		"Access-Control-Allow-Origin": `^\*$`,
		"Cache-Control":               `^public, max-age=3[56]\d\d, immutable$`,
		"Etag":                        `^"[a-z2-7]{26}\.png"$`,
		"Last-Modified":               "GMT$",
		"Accept-Ranges":               "^bytes$",
	} {
		if !regexp.MustCompile(want).MatchString(h.Get(name)) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

func TestRangesAndConditions(t *testing.T) {
	s, _ := store(t, asset.Config{})
	name := put(t, s, png)
	for _, tc := range []struct {
		method, header, value string
		code                  int
		body                  string
	}{
		{"GET", "Range", "bytes=1-3", 206, "PNG"},
		{"GET", "Range", "bytes=-2", 206, "it"},
		{"GET", "Range", "bytes=9999-", 416, "-"},
		{"GET", "If-None-Match", `"` + name + `"`, 304, ""},
		{"GET", "If-None-Match", `"other"`, 200, png},
		{"HEAD", "Accept", "*/*", 200, ""},
	} {
		w := get(s, tc.method, asset.Path(name), tc.header, tc.value)
		if w.Code != tc.code || tc.body != "-" && w.Body.String() != tc.body {
			t.Errorf("%+v: got %d %q", tc, w.Code, w.Body)
		}
	}
}

func TestAllElseIsNotFound(t *testing.T) {
	s, dir := store(t, asset.Config{})
	name := put(t, s, png)
	secret := strings.Repeat("a", 26) + ".png"
	for path, data := range map[string]string{
		filepath.Join(dir, "notes.txt"): "x", filepath.Join(dir, ".tmp-"+secret): png, filepath.Join(filepath.Dir(dir), secret): png,
	} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(filepath.Dir(dir), secret), filepath.Join(dir, strings.Repeat("b", 26)+".png")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"", "/", "/assets", "/assets/", "/assets/.", "/assets/..", "/assets/notes.txt", "/assets/.tmp-" + secret, "/assets/../" + secret,
		"/assets/..%2f" + secret, "/assets/" + name + "/", "/assets//" + name, "/assets/./" + name, "/assets/" + strings.ToUpper(name),
		"/assets/" + name[:26], "/assets/" + name[:26] + ".jpg", "/assets/" + name + "\x00", "/assets/" + name + "\n", `/assets/..\` + secret, "/x/assets/" + name,
		"/assets/" + strings.Repeat("c", 26) + ".png",
	} {
		if w := get(s, "GET", path); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q: got %d", path, w.Code)
		}
	}
	if w := get(s, "GET", asset.Path(strings.Repeat("b", 26)+".png")); w.Code == 200 {
		t.Error("a link led out of the folder")
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
		if w := get(s, method, asset.Path(name)); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: got %d", method, w.Code)
		}
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	s, dir := store(t, asset.Config{MaxImage: 100})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tc := range []struct {
		name string
		ctx  context.Context
		blob blob
		want error
	}{
		{"svg", t.Context(), of(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), asset.ErrType},
		{"html", t.Context(), of("<!doctype html>"), asset.ErrType},
		{"nothing", t.Context(), of(""), asset.ErrType},
		{"too large", t.Context(), of(png + strings.Repeat("x", 100)), asset.ErrTooLarge},
		{"larger than it said", t.Context(), blob{png + strings.Repeat("x", 100), 10}, asset.ErrTooLarge},
		{"nobody waits", ended, of(png), context.Canceled},
	} {
		if name, err := s.Put(tc.ctx, tc.blob); !errors.Is(err, tc.want) || name != "" {
			t.Errorf("%s: got %q, %v, want %v", tc.name, name, err, tc.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("refused files were left: %v", left)
	}
}

// aged makes a file as old as it would be if it had been put then.
func aged(t *testing.T, dir, name string, then time.Time) {
	t.Helper()
	if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
		t.Fatal(err)
	}
}

func TestSweepByAge(t *testing.T) {
	s, dir := store(t, asset.Config{TTL: time.Hour})
	now := time.Now()
	old, young, other := put(t, s, png), put(t, s, png), "notes.txt"
	temps := []string{".tmp-old", ".tmp-new"}
	for _, name := range append(temps, other) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		aged(t, dir, name, now.Add(-2*time.Hour))
	}
	aged(t, dir, ".tmp-new", now)
	aged(t, dir, old, now.Add(-time.Hour))
	if w := get(s, "GET", asset.Path(old)); w.Code != 404 {
		t.Errorf("what is over its time is served until the sweep: %d", w.Code)
	}
	if w, err := s.Sweep(now); w != (asset.Swept{Expired: 1}) || err != nil {
		t.Errorf("got %+v, %v", w, err)
	}
	for name, want := range map[string]bool{old: false, young: true, other: true, ".tmp-old": false, ".tmp-new": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s: %v, want it kept: %v", name, err, want)
		}
	}
}

func TestRoomIsMadeByTheOldest(t *testing.T) {
	image := png + strings.Repeat("x", 1000-len(png))
	s, dir := store(t, asset.Config{Max: 5000})
	now := time.Now()
	var names []string
	for i := range 5 {
		names = append(names, put(t, s, image))
		aged(t, dir, names[i], now.Add(time.Duration(i-10)*time.Minute))
	}
	names = append(names, put(t, s, image)) // one too many; 4500 bytes may stay
	for i, name := range names {
		if w := get(s, "GET", asset.Path(name)); (w.Code == 200) != (i >= 2) {
			t.Errorf("image %d: %d", i, w.Code)
		}
	}
	// What was there before a restart counts.
	again, _ := store(t, asset.Config{Dir: dir, Max: 4500})
	put(t, again, image)
	if w := get(again, "GET", asset.Path(names[2])); w.Code != 404 {
		t.Errorf("the oldest is still there: %d", w.Code)
	}
}

func TestTheSweeperComesByUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, dir := store(t, asset.Config{TTL: time.Hour, Every: time.Minute})
		name := put(t, s, png)
		aged(t, dir, name, time.Now()) // of the bubble's clock
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx, func(err error) { t.Error(err) }); close(ended) }()
		there := func() bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
		<-time.After(59*time.Minute + time.Second)
		if !there() {
			t.Error("swept too early")
		}
		<-time.After(2 * time.Minute)
		if there() {
			t.Error("not swept")
		}
		cancel()
		<-ended
	})
}

func TestAPictureGoesOverTheWire(t *testing.T) { // by the kernel's own copy, where there is one
	s, _ := store(t, asset.Config{})
	big := png + strings.Repeat("0123456789", 1<<18)
	srv := httptest.NewServer(s)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+asset.Path(put(t, s, big)), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(b, []byte(big)) || res.Header.Get("Content-Length") != fmt.Sprint(len(big)) {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
}

// TestPutOverTheRoom: an image that is on disk is told of, also when no room can be made behind it: it has been paid for.
func TestPutOverTheRoom(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads every folder")
	}
	dir := t.TempDir()
	s, err := asset.New(asset.Config{Dir: dir, Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := os.Chmod(dir, 0o300); err != nil { // what is in it cannot be listed
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	name, err := s.Put(t.Context(), of(png))
	if err != nil {
		t.Fatal(err)
	}
	if w := get(s, "GET", asset.Path(name)); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

// TestAnImageIsOnDiskWithItsName: a file that was synced but whose name was not is lost with the machine's power all the same, and a
// picture that cannot be brought there is none.
func TestAnImageIsOnDiskWithItsName(t *testing.T) {
	dir := t.TempDir()
	var synced []string // what the disk has: a folder by the names in it
	fail := false
	s, _ := store(t, asset.Config{Dir: dir}.WithSync(func(f *os.File) error {
		info, err := f.Stat()
		if err != nil || fail && info.IsDir() {
			return errors.Join(err, errors.New("no"))
		}
		if !info.IsDir() {
			synced = append(synced, "a file")
			return nil
		}
		names, err := os.ReadDir(dir)
		for _, n := range names {
			synced = append(synced, n.Name())
		}
		return err
	}))
	name := put(t, s, png)
	if want := []string{"a file", name}; !slices.Equal(synced, want) {
		t.Errorf("on disk are %q, want %q", synced, want)
	}
	fail = true
	if name, err := s.Put(t.Context(), of(png)); err == nil {
		t.Errorf("%s is told of, and may not last", name)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("there are %v, %v", files, err)
	}
}
