package router

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"switchyard"
	"switchyard/rule"
)

// Shape is what a plan depends on in a request, without the request's content. It is written down with each generation, so
// that other rules can be tried on it later. Of headers and query it has what the rules in force look up, except credentials.
// Its JSON leaves out what is empty.
type Shape struct {
	Images     int               `json:"n,omitempty"`
	Width      int               `json:"w,omitempty"`
	Height     int               `json:"h,omitempty"`
	AspectW    int               `json:"aw,omitempty"`
	AspectH    int               `json:"ah,omitempty"`
	MatchInput bool              `json:"match,omitempty"`
	Resolution string            `json:"class,omitempty"`
	Quality    string            `json:"quality,omitempty"`
	Format     string            `json:"format,omitempty"`
	Background string            `json:"background,omitempty"`
	Seed       *uint64           `json:"seed,omitempty"`
	References int               `json:"refs,omitempty"`
	Mask       bool              `json:"mask,omitempty"`
	Prompt     int               `json:"prompt,omitempty"` // its length in characters
	Negative   bool              `json:"negative,omitempty"`
	Stream     bool              `json:"stream,omitempty"`
	Async      bool              `json:"async,omitempty"`
	Own        bool              `json:"own,omitempty"` // the app had a credential of its own
	Headers    map[string]string `json:"headers,omitempty"`
	Query      map[string]string `json:"query,omitempty"`
}

// maxMention is how much of a header or parameter is kept.
const maxMention = 128

// Shape returns that of the request, as far as the router's rules could look into it; own tells whether the app had a
// credential of its own. It is empty if the shape cannot be written.
func (m *Match) Shape(own bool) string {
	f, mentions := m.from.facts, m.from.mentions
	req := f.Request
	s := Shape{
		Images: req.Images, Width: req.Size.Width, Height: req.Size.Height, AspectW: req.Aspect.W, AspectH: req.Aspect.H,
		MatchInput: req.MatchInput, Resolution: req.Resolution, Quality: req.Quality, Format: req.Format, Background: req.Background,
		Seed: req.Seed, References: len(req.References), Mask: req.Mask != nil, Prompt: utf8.RuneCountInString(req.Prompt),
		Negative: req.NegativePrompt != "", Stream: req.Stream, Async: req.Async, Own: own,
		Headers: mentioned(f.Headers, mentions.Headers), Query: mentioned(f.Query, mentions.Query),
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return ""
	}
	return string(text)
}

func mentioned(table map[string][]string, names []string) map[string]string {
	var out map[string]string
	for _, name := range names {
		values := table[name]
		if len(values) == 0 || secret(name) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = values[0][:min(len(values[0]), maxMention)]
	}
	return out
}

// secrets are parts of the names of headers and parameters whose values give access to something.
var secrets = []string{"auth", "cookie", "token", "secret", "password", "credential", "session", "signature", "jwt", "api-key", "api_key", "apikey"}

// secret reports whether a header or parameter is likely to hold a credential: rules may look at it, the ledger may not.
func secret(name string) bool {
	name = strings.ToLower(name)
	return name == "key" || slices.ContainsFunc(secrets, func(part string) bool { return strings.Contains(name, part) })
}

// Facts returns what rules see of a request with this shape. The prompt has its length, but not its words.
func (s *Shape) Facts() *rule.Facts {
	req := &switchyard.Request{
		Images: max(s.Images, 1), Size: switchyard.Size{Width: s.Width, Height: s.Height}, Aspect: switchyard.Aspect{W: s.AspectW, H: s.AspectH},
		MatchInput: s.MatchInput, Resolution: s.Resolution, Quality: s.Quality, Format: s.Format, Background: s.Background, Seed: s.Seed,
		References: make([]switchyard.Reference, s.References), Stream: s.Stream, Async: s.Async, Prompt: blank(s.Prompt),
	}
	if s.Mask {
		req.Mask = &switchyard.Mask{}
	}
	if s.Negative {
		req.NegativePrompt = "-"
	}
	f := &rule.Facts{Request: req, Headers: map[string][]string{}, Query: url.Values{}}
	for name, value := range s.Headers {
		f.Headers[name] = []string{value}
	}
	for name, value := range s.Query {
		f.Query[name] = []string{value}
	}
	return f
}

// blank returns a text of n characters.
func blank(n int) string {
	const most = 1 << 20
	b := make([]byte, min(max(n, 0), most))
	for i := range b {
		b[i] = ' '
	}
	return string(b)
}
