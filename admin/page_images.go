package admin

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"switchyard"
	"switchyard/asset"
)

// Images are the hosted images; a Store of package asset has them.
type Images interface {
	// Open returns the image of a name. It fails with fs.ErrNotExist if the image is not kept any more.
	Open(name string) (switchyard.Blob, error)
	// TTL returns how long an image is kept.
	TTL() time.Duration
}

// pictures are the hosted images of a generation. Pages number them and never show a name: whoever knows a name can fetch
// the image without a login.
type pictures struct {
	List []picture
	Lost bool // some are not kept any more
	For  time.Duration
}

type picture struct {
	Number int // from 1 on
	Kept   bool
}

func (h *Handler) pictures(names []string) (p pictures) {
	for i, name := range names {
		_, err := h.Images.Open(name)
		kept := !errors.Is(err, fs.ErrNotExist)
		p.List = append(p.List, picture{i + 1, kept})
		p.Lost = p.Lost || !kept
	}
	if p.Lost {
		p.For = h.Images.TTL()
	}
	return p
}

// imagePolicy lets nothing be loaded or run. It allows styles, for browsers put some into the page that they make around
// an image.
const imagePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// image serves a hosted image of a generation by its number.
func (h *Handler) image(w http.ResponseWriter, r *http.Request) {
	account, ok := h.account(w, r)
	if !ok {
		return
	}
	names := account.Generation.Hosted
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(names) {
		h.trouble(w, r, http.StatusNotFound, "The generation has no such image.")
		return
	}
	name := names[n-1]
	blob, err := h.Images.Open(name)
	var body io.ReadCloser
	if err == nil {
		body, err = blob.Open()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		h.trouble(w, r, http.StatusNotFound, "The image is no longer kept.")
		return
	case err != nil:
		h.trouble(w, r, http.StatusInternalServerError, "The image cannot be read.")
		return
	}
	defer body.Close()
	w.Header().Set("Content-Security-Policy", imagePolicy)
	w.Header().Set("Content-Type", asset.TypeOf(name)) // found by its first bytes; never a type that a browser runs
	w.Header().Set("Content-Length", strconv.FormatInt(blob.Len(), 10))
	_, _ = io.Copy(w, body)
}
