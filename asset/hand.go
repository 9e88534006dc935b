package asset

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// Serve answers GET and HEAD of a file to whoever knows its id, also for ranges and with conditions. A browser shows
// images and saves everything else; it runs nothing.
func (u *Uploads) Serve(w http.ResponseWriter, r *http.Request, id string) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	about, _, err := u.Find("", id)
	if err != nil {
		notFound(w)
		return
	}
	f, err := u.root.Open(id)
	if err != nil { // deleted a moment ago
		notFound(w)
		return
	}
	defer f.Close()
	kind := about.MediaType()
	if _, image := extensions[kind]; !image {
		h.Set("Content-Disposition", attachment(about.Name))
		kind = inert(kind)
	}
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+about.SHA256+`"`)
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", max(0, int(about.Expires.Sub(u.now()).Seconds()))))
	h.Set("Access-Control-Allow-Origin", "*") // whoever knows the id may have the file, from any page
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", about.Created, f)
}

// harmless are the beginnings of types that no browser takes for a page, a script or a style.
var harmless = []string{"audio/", "video/", "application/zip", "application/octet-stream"}

// inert returns kind if no browser runs anything of that type, else one of which that is so.
func inert(kind string) string {
	if slices.ContainsFunc(harmless, func(start string) bool { return strings.HasPrefix(kind, start) }) {
		return kind
	}
	return "application/octet-stream"
}

func attachment(name string) string {
	if text := mime.FormatMediaType("attachment", map[string]string{"filename": name}); name != "" && text != "" {
		return text
	}
	return "attachment"
}
