package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// assets are the files that pages load, each under a name with a hash of its content, so that browsers may keep them for
// ever.
type assets struct {
	files map[string][]byte // :: name with hash → content
	names map[string]string // :: plain name → name with hash
}

var assetTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func newAssets() assets {
	a := assets{files: map[string][]byte{}, names: map[string]string{}}
	_ = fs.WalkDir(web, "web", func(file string, d fs.DirEntry, err error) error { // an embedded file can always be read
		ext := path.Ext(file)
		if err != nil || d.IsDir() || assetTypes[ext] == "" {
			return err
		}
		content, err := web.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		name := path.Base(file)
		hashed := strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.files[hashed], a.names[name] = content, hashed
		return nil
	})
	return a
}

// url returns the address of an asset.
func (a assets) url(name string) string { return "/admin/assets/" + a.names[name] }

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	shield(w)
	w.Header().Set("Content-Type", assetTypes[path.Ext(name)])
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content)
}
