package asset_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"switchyard"
	"switchyard/asset"
)

// shelf is a folder of uploads under a clock that stands still.
type shelf struct {
	*testing.T
	*asset.Uploads
	dir string
	now time.Time
}

func newShelf(t *testing.T, c asset.UploadsConfig) *shelf {
	s := &shelf{T: t, dir: t.TempDir(), now: time.Now()}
	s.open(c)
	return s
}

func (s *shelf) open(c asset.UploadsConfig) {
	s.Helper()
	c.Dir, c.Now = s.dir, func() time.Time { return s.now }
	u, err := asset.NewUploads(c)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = u.Close() })
	s.Uploads = u
}

func (s *shelf) put(tenant, text string) switchyard.File {
	s.Helper()
	f, err := s.Put(s.Context(), tenant, switchyard.File{Dialect: "replicate", Name: "a.png", Type: "image/png"}, strings.NewReader(text))
	if err != nil {
		s.Fatal(err)
	}
	return f
}

func (s *shelf) begin(tenant string) (id, upload string) {
	s.Helper()
	id, upload, err := s.Begin(tenant, switchyard.File{Dialect: "fal", Name: "a.png", Type: "image/png"})
	if err != nil {
		s.Fatal(err)
	}
	return id, upload
}

func (s *shelf) text(id string) string {
	s.Helper()
	_, blob, err := s.Find("", id)
	if err != nil {
		return err.Error()
	}
	r, err := blob.Open()
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != blob.Len() {
		s.Fatalf("%d of %d bytes, %v", len(b), blob.Len(), err)
	}
	return string(b)
}

// left is what is in the folder.
func (s *shelf) left() []string {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		s.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAFileIsKept(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	f := s.put("one", png)
	long, short := sha256.Sum256([]byte(png)), md5.Sum([]byte(png))
	if f.SHA256 != hex.EncodeToString(long[:]) || f.MD5 != hex.EncodeToString(short[:]) || f.Size != int64(len(png)) ||
		!asset.IsID(f.ID) || !f.Expires.Equal(s.now.Add(24*time.Hour)) {
		t.Errorf("%+v", f)
	}
	s.open(asset.UploadsConfig{}) // a new process
	again, err := s.Stat("one", f.ID)
	if err != nil || again.SHA256 != f.SHA256 || again.Name != "a.png" || s.text(f.ID) != png {
		t.Errorf("after a restart: %+v, %v", again, err)
	}
}

func TestAFileIsItsTenants(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	f := s.put("one", png)
	_, statErr := s.Stat("two", f.ID)
	_, _, findErr := s.Find("two", f.ID)
	for _, err := range []error{statErr, findErr, s.Delete("two", f.ID)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a stranger got %v", err)
		}
	}
	if page, _, err := s.List("two", "replicate", "", 10); len(page) != 0 || err != nil {
		t.Errorf("a stranger sees %v, %v", page, err)
	}
	if err := s.Delete("one", f.ID); err != nil || len(s.left()) != 0 {
		t.Errorf("%v is left, %v", s.left(), err)
	}
	if err := s.Delete("one", f.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestListPages(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	var want []string
	for range 5 {
		want = append(want, s.put("one", png).ID)
		s.now = s.now.Add(time.Second)
	}
	slices.Reverse(want)
	var got []string
	for cursor := ""; ; {
		page, next, err := s.List("one", "replicate", cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range page {
			got = append(got, f.ID)
		}
		if cursor = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if _, _, err := s.List("one", "replicate", "../x", 2); !errors.Is(err, asset.ErrCursor) {
		t.Errorf("a bad cursor: %v", err)
	}
}

// TestPartsInAnyOrder: also across a restart, one of them sent twice, one not named.
func TestPartsInAnyOrder(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	id, upload := s.begin("one")
	if s.text(id) == png || s.Known(id) {
		t.Error("there before its bytes are")
	}
	part := func(n int, text string) {
		if _, err := s.Part(t.Context(), upload, n, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	part(3, "three")
	part(1, "wrong")
	s.open(asset.UploadsConfig{})
	part(1, "one")
	part(4, "unwanted")
	if _, err := s.Finish(t.Context(), upload, []int{1, 2, 3}); !errors.Is(err, asset.ErrParts) {
		t.Errorf("finished without a part: %v", err)
	}
	part(2, "two")
	f, err := s.Finish(t.Context(), upload, []int{3, 1, 2})
	if err != nil || f.ID != id || s.text(id) != "onetwothree" {
		t.Errorf("%q, %+v, %v", s.text(id), f, err)
	}
	if got := s.left(); len(got) != 2 {
		t.Errorf("%v is left", got)
	}
	if _, err := s.Finish(t.Context(), upload, []int{1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("finished twice: %v", err)
	}
}

func TestBytesComeOnce(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	id, upload := s.begin("one")
	cut := io.MultiReader(strings.NewReader(png[:10]), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := s.Fill(t.Context(), upload, cut); !errors.Is(err, io.ErrUnexpectedEOF) || s.Known(id) {
		t.Errorf("half a file was kept: %v", err)
	}
	if _, err := s.Fill(t.Context(), upload, strings.NewReader(png)); err != nil || s.text(id) != png {
		t.Errorf("%q, %v", s.text(id), err)
	}
	for _, name := range []string{upload, id, "../x", ""} {
		if _, err := s.Fill(t.Context(), name, strings.NewReader("other")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if s.text(id) != png {
		t.Error("it has changed")
	}
}

func TestWhatIsTooMuchIsNotKept(t *testing.T) {
	const block = 64 << 10
	s := newShelf(t, asset.UploadsConfig{MaxFile: 1000, Max: 3*block + 2000})
	if _, err := s.Put(t.Context(), "one", switchyard.File{}, strings.NewReader(strings.Repeat("x", 1001))); !errors.Is(err, asset.ErrTooLarge) {
		t.Errorf("one too large: %v", err)
	}
	_, upload := s.begin("one")
	if _, err := s.Part(t.Context(), upload, 1, strings.NewReader(strings.Repeat("x", 600))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Part(t.Context(), upload, 2, strings.NewReader(strings.Repeat("x", 600))); !errors.Is(err, asset.ErrTooLarge) {
		t.Errorf("parts too large together: %v", err)
	}
	f := s.put("one", png)
	if _, err := s.Put(t.Context(), "one", switchyard.File{}, strings.NewReader("")); !errors.Is(err, asset.ErrFull) {
		t.Errorf("no room for nothing: %v", err)
	}
	if got := s.left(); len(got) != 4 { // the file and its description, the upload and its part
		t.Errorf("%v is left", got)
	}
	if err := s.Delete("one", f.ID); err != nil {
		t.Fatal(err)
	}
	s.put("one", png) // there is room again
}

// TestUploadsAreSwept: files after a day, uploads after an hour in which nothing came, and what a crash left.
func TestUploadsAreSwept(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	f := s.put("one", png)
	_, given := s.begin("one")
	_, goes := s.begin("one")
	for _, upload := range []string{given, goes} {
		if _, err := s.Part(t.Context(), upload, 1, strings.NewReader("part")); err != nil {
			t.Fatal(err)
		}
	}
	stray := strings.Repeat("a", 26)
	for _, name := range []string{stray, ".tmp-x", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		aged(t, s.dir, name, s.now.Add(-2*time.Hour))
	}
	sweep := func() {
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(50 * time.Minute)
	if _, err := s.Part(t.Context(), goes, 2, strings.NewReader("more")); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(50 * time.Minute)
	sweep()
	if _, err := s.Finish(t.Context(), given, []int{1}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an abandoned upload: %v", err)
	}
	if _, err := s.Finish(t.Context(), goes, []int{1, 2}); err != nil {
		t.Errorf("an upload that goes on: %v", err)
	}
	s.now = s.now.Add(22*time.Hour + 20*time.Minute) // a day after the file
	if _, err := s.Stat("one", f.ID); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("over its time, before the sweep: %v", err)
	}
	sweep()
	if got := s.left(); len(got) != 3 || !slices.Contains(got, "notes.txt") { // and the finished one's two
		t.Errorf("%v is left", got)
	}
}

// TestNothingRuns: a browser shows images, and saves the rest.
func TestNothingRuns(t *testing.T) {
	s := newShelf(t, asset.UploadsConfig{})
	for kind, want := range map[string]string{
		"image/png": "image/png", "video/mp4": "video/mp4", "image/svg+xml": "application/octet-stream", "text/html; charset=utf-8": "application/octet-stream",
		"text/javascript": "application/octet-stream", "nonsense": "application/octet-stream", "": "application/octet-stream",
	} {
		f, err := s.Put(t.Context(), "one", switchyard.File{Name: "a\"b\r\n.html", Type: kind}, strings.NewReader("<script>alert(1)</script>"))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.Serve(w, httptest.NewRequest("GET", "http://host/", nil), f.ID)
		h := w.Header()
		attached := strings.HasPrefix(h.Get("Content-Disposition"), "attachment")
		if w.Code != 200 || h.Get("Content-Type") != want || attached != (kind != "image/png") || h.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || strings.ContainsAny(h.Get("Content-Disposition"), "\r\n") {
			t.Errorf("%q: %d %v", kind, w.Code, h)
		}
	}
	w := httptest.NewRecorder()
	s.Serve(w, httptest.NewRequest("GET", "http://host/", nil), "../../etc/passwd")
	if w.Code != 404 {
		t.Errorf("an odd id: %d", w.Code)
	}
}
