package dialect

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"switchyard"
	"switchyard/spool"
)

// Edited is an app's JSON body with a target's params in the place of its own.
func Edited(m *spool.Message, params map[string]json.RawMessage) (switchyard.Blob, error) {
	edit := spool.NewEdit(m.Body)
	if len(params) > 0 {
		root, err := m.JSON()
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(params)) {
			edit.Set(root, name, params[name])
		}
	}
	return edit.Blob(), nil
}

// Fields is a JSON object being written, its members in the order in which they were first set. The zero value is ready.
type Fields struct {
	names  []string
	values map[string]any
}

// Set gives a member a value; a later one takes the place of an earlier one.
func (f *Fields) Set(name string, value any) {
	if f.values == nil {
		f.values = map[string]any{}
	}
	if _, ok := f.values[name]; !ok {
		f.names = append(f.names, name)
	}
	f.values[name] = value
}

// SetIf sets a member if there is something to say.
func (f *Fields) SetIf(given bool, name string, value any) {
	if given {
		f.Set(name, value)
	}
}

// Merge sets what a target fixes, by name.
func (f *Fields) Merge(params map[string]json.RawMessage) {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		f.Set(name, params[name])
	}
}

// cutOut is a string that was too long to be kept among the extras.
var cutOut = regexp.MustCompile(`"<\d+ bytes>"`)

// Restore sets what an app said in the words of its own dialect alone, but for the names in skip. It errs if something was too long to be
// kept: that may be an image, and another model cannot be told the request without it.
func (f *Fields) Restore(extra map[string]json.RawMessage, skip ...string) error {
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		switch {
		case slices.Contains(skip, name):
		case cutOut.Match(extra[name]):
			return &switchyard.Error{Kind: switchyard.Unsupported, Param: name}
		default:
			f.Set(name, extra[name])
		}
	}
	return nil
}

// MarshalJSON writes the members in their order, without the escapes for HTML.
func (f *Fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, name := range f.names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(f.values[name]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// LinkNeeds are the needs of a provider that takes images by address or as data: URIs: the bytes of all but those that
// it can fetch itself, and a mask of the polarity that it means.
func LinkNeeds(req *switchyard.Request, mask switchyard.Polarity) []Need {
	var needs []Need
	for i := range req.References {
		if img := &req.References[i].Image; !fetchable(img) {
			needs = append(needs, Need{Image: img})
		}
	}
	if m := req.Mask; m != nil && (m.Polarity != mask || !fetchable(&m.Image)) {
		needs = append(needs, Need{Image: &m.Image, Mask: mask})
	}
	return needs
}

// fetchable reports whether an image has an address that anybody on the internet may open, as far as its text tells.
func fetchable(img *switchyard.Image) bool {
	u, err := url.Parse(img.URL)
	if img.Blob != nil || err != nil || u.Scheme != "https" || u.User != nil {
		return false
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsGlobalUnicast() && !addr.IsPrivate()
	}
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".local") && !strings.HasSuffix(host, ".internal")
}

// Link is an image as such a provider, or app, is told it: its address, else a data: URI.
func Link(c *spool.Composer, img switchyard.Image) string {
	if img.URL != "" || img.Blob == nil {
		return img.URL
	}
	mime := img.MIME
	if mime == "" {
		mime = "image/png"
	}
	return c.Inline("data:"+mime+";base64,", img.Blob)
}

// ParseLink reads an image that is told by its address or as a data: URI.
func ParseLink(v *spool.Value) (switchyard.Image, error) {
	mime, blob, isData, err := spool.DataURI(v)
	if err != nil {
		return switchyard.Image{}, err
	}
	if isData {
		return switchyard.Image{Blob: blob, MIME: mime}, nil
	}
	return switchyard.Image{URL: v.Text()}, nil
}
