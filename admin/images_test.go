package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/asset"
	"switchyard/ledger"
	"switchyard/spool"
)

// TestImages: a generation's hosted images are there for who is logged in, by number; what is not kept any more is said to
// be so; and no page has a name.
func TestImages(t *testing.T) {
	d := newDesk(t)
	const png = "\x89PNG\r\n\x1a\n, and so on"
	name, err := d.assets.Put(t.Context(), spool.Bytes(png))
	if err != nil {
		t.Fatal(err)
	}
	gone, script := strings.Repeat("a", 26)+".jpg", strings.Repeat("b", 26)+".svg"
	d.books.accounts = []ledger.Account{
		{Generation: switchyard.Generation{ID: "g1", Hosted: []string{name, gone, script, "../../etc/passwd"}}},
		{Generation: switchyard.Generation{ID: "g2", Hosted: []string{name}}},
		{Generation: switchyard.Generation{ID: "g3"}},
	}
	const path = "/admin/ai-metrics/generations/"
	if w := d.ask(http.MethodGet, path+"g1/images/1", nil); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), png) {
		t.Errorf("without a login: %d %s", w.Code, w.Body)
	}
	d.login()

	w := d.ask(http.MethodGet, path+"g1/images/1", nil)
	if w.Code != http.StatusOK || w.Body.String() != png {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	for header, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s is %q", header, got)
		}
	}
	for _, other := range []string{"g1/images/2", "g1/images/3", "g1/images/4", "g1/images/5", "g1/images/0", "g1/images/-1", "g1/images/" + name, "g1/images/..%2f1", "g3/images/1", "none/images/1"} {
		if w := d.ask(http.MethodGet, path+other, nil); w.Code != http.StatusNotFound || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v", other, w.Code, w.Header())
		}
	}

	page := d.page(path + "g1")
	d.has(page, `<img src="/admin/ai-metrics/generations/g1/images/1" alt="Image 1 of 4" loading="lazy"`, "Image 2<br>no longer kept", "kept for 24 h")
	if strings.Count(page, "<img") != 1 || strings.Contains(page, name[:26]) || strings.Contains(page, gone[:26]) {
		t.Errorf("the page shows what it should not:\n%s", page)
	}
	if page := d.page(path + "g2"); strings.Contains(page, "kept") {
		t.Errorf("all are there, and the page speaks of their end:\n%s", page)
	}
	if page := d.page(path + "g3"); strings.Contains(page, "Hosted images") {
		t.Errorf("there are none, and the page has a place for them:\n%s", page)
	}
}

// TestImageExpires: an image whose time is over is not shown, though no sweep has come by.
func TestImageExpires(t *testing.T) {
	d := newDesk(t)
	assets, err := asset.New(asset.Config{Dir: t.TempDir(), TTL: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer assets.Close()
	d.Images = assets
	name, err := assets.Put(t.Context(), spool.Bytes("\x89PNG\r\n\x1a\n"))
	if err != nil {
		t.Fatal(err)
	}
	d.books.accounts = []ledger.Account{{Generation: switchyard.Generation{ID: "g", Hosted: []string{name}}}}
	d.login()
	d.has(d.page("/admin/ai-metrics/generations/g"), "Image 1<br>no longer kept")
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/generations/g/images/1", nil); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}
