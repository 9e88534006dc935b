package asset

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// Prefix is what the path of every hosted image begins with.
const Prefix = "/assets/"

// ServeHTTP answers GET and HEAD of /assets/{name} to whoever knows the name, also for ranges and with conditions. To
// everything else it answers 404, which does not tell whether the name ever existed.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, Prefix)
	if !ok || !nameForm.MatchString(name) { // one dot and no slash: such a name cannot lead out of the folder
		notFound(w)
		return
	}
	s.serve(w, r, name)
}

func (s *Store) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		notFound(w)
		return
	}
	if err != nil {
		http.Error(w, "cannot be read", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || s.expired(info, time.Now()) { // the sweeper may not have come by yet
		notFound(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", TypeOf(name))
	h.Set("ETag", `"`+name+`"`) // a name stands for one content for ever
	left := s.ttl - time.Since(info.ModTime())
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, immutable", int(left.Seconds())))
	h.Set("Access-Control-Allow-Origin", "*") // whoever knows the name may have the picture, from any page
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", info.ModTime(), f) // with the file itself, so that the kernel copies
}

func notFound(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "not found", http.StatusNotFound)
}

var _ http.Handler = (*Store)(nil)
