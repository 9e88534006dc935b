package proxy

import (
	"errors"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"

	"switchyard"
	"switchyard/asset"
	"switchyard/dialect"
)

// ownFile is the file at an address of ours; nil if the address is somebody else's. A file that we have is found by its id alone,
// whatever name the app calls us by. An unknown id at our own address is that of a file that is gone.
func (q *request) ownFile(u *url.URL) (mime string, blob switchyard.Blob, err error) {
	known := false
	if name := asset.NameIn(u.Path); name != "" {
		blob, err = q.Assets.Open(name)
		mime = asset.TypeOf(name)
	} else if id := q.fileIn(u.Path); id != "" {
		var f switchyard.File
		known = q.Uploads.Known(id)
		if f, blob, err = q.Uploads.Find(q.caller.tenant, id); err == nil {
			mime, err = typeOf(&f, blob)
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !known && !q.here(u) {
		return "", nil, nil
	}
	return mime, blob, err
}

// fileIn is the id of a file in an address's path; empty if there is none that could be ours.
func (q *request) fileIn(path string) string {
	for _, d := range q.snap.Dialects {
		if front, ok := d.(dialect.Storer); ok {
			if id := front.FileIn(path); asset.IsID(id) {
				return id
			}
		}
	}
	return ""
}

// here reports whether an address is ours: that under which we were called, or, if apps are led to us by a provider's
// name, any of that provider's.
func (q *request) here(u *url.URL) bool {
	if u.Host == q.r.Host || u.Scheme+"://"+u.Host == q.origin || strings.HasPrefix(u.String(), q.origin+"/") {
		return true
	}
	var names []string
	for _, at := range q.place.dialect.Places() {
		names = append(names, at.Hosts...)
	}
	return slices.Contains(names, hostname(q.r.Host)) && slices.Contains(names, hostname(u.Host))
}

// typeOf is what a file is by its first bytes, whatever was declared; what they do not tell is as declared.
func typeOf(f *switchyard.File, blob switchyard.Blob) (string, error) {
	r, err := blob.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	head := make([]byte, 32)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", err
	}
	if kind := switchyard.Sniff(head[:n]); kind != "" {
		return kind, nil
	}
	return f.MediaType(), nil
}
