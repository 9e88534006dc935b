package rule

import (
	"maps"
	"math"
	"net/textproto"
	"slices"
	"strings"
	"unicode/utf8"

	"switchyard"
)

// Facts are what an expression may know of a request. The zero Facts are those of an empty request. Expressions only
// read them, so many may be evaluated with the same Facts at once.
type Facts struct {
	Request  *switchyard.Request // request; nil: every field is empty
	Headers  map[string][]string // headers: an http.Header; in expressions the case of names does not matter
	Query    map[string][]string // query: url.Values; the first of each name counts
	Key      Key                 // key
	Estimate map[string]float64  // estimate_usd: target name → dollars; a target without a price is not in it
}

// Key is the virtual key that the app came with; zero if it came without.
type Key struct {
	Name   string
	Tenant string
	Labels map[string]string
}

// field is a field of request or key: its type in CEL, its value, and whether it is there, for has(request.seed).
type field struct {
	kind kind
	text func(*Facts) string
	num  func(*Facts) int64
	real func(*Facts) float64
	yes  func(*Facts) bool
	has  func(*Facts) bool // nil: it is there if it is not empty, 0 or false
}

type kind uint8

const (
	text kind = iota
	number
	real
	yesNo
	labels
)

var requestFields = map[string]*field{
	"dialect":       {kind: text, text: func(f *Facts) string { return f.request().Dialect }},
	"model":         {kind: text, text: func(f *Facts) string { return f.request().Model }},
	"path":          {kind: text, text: func(f *Facts) string { return f.request().Path }},
	"quality":       {kind: text, text: func(f *Facts) string { return f.request().Quality }},
	"format":        {kind: text, text: func(f *Facts) string { return f.request().Format }},
	"aspect":        {kind: text, text: aspect},
	"images":        {kind: number, num: func(f *Facts) int64 { return int64(f.request().Images) }},
	"width":         {kind: number, num: func(f *Facts) int64 { return int64(f.request().Size.Width) }},
	"height":        {kind: number, num: func(f *Facts) int64 { return int64(f.request().Size.Height) }},
	"references":    {kind: number, num: func(f *Facts) int64 { return int64(len(f.request().References)) }},
	"prompt_length": {kind: number, num: func(f *Facts) int64 { return int64(utf8.RuneCountInString(f.request().Prompt)) }},
	"seed":          {kind: number, num: seed, has: func(f *Facts) bool { return f.request().Seed != nil }},
	"megapixels":    {kind: real, real: func(f *Facts) float64 { return float64(f.request().Size.Pixels()) / 1e6 }},
	"mask":          {kind: yesNo, yes: func(f *Facts) bool { return f.request().Mask != nil }},
	"stream":        {kind: yesNo, yes: func(f *Facts) bool { return f.request().Stream }},
	"async":         {kind: yesNo, yes: func(f *Facts) bool { return f.request().Async }},
}

var keyFields = map[string]*field{
	"name":   {kind: text, text: func(f *Facts) string { return f.Key.Name }},
	"tenant": {kind: text, text: func(f *Facts) string { return f.Key.Tenant }},
	"labels": {kind: labels, has: func(f *Facts) bool { return len(f.Key.Labels) > 0 }},
}

var noRequest switchyard.Request

func (f *Facts) request() *switchyard.Request {
	if f.Request == nil {
		return &noRequest
	}
	return f.Request
}

// aspect returns "16:9"; if there is an exact size, the ratio of that.
func aspect(f *Facts) string {
	if a := f.request().Size.Aspect(); a != (switchyard.Aspect{}) {
		return a.String()
	}
	return f.request().Aspect.String()
}

// seed returns 0 if there is none; has(request.seed) tells. It is at most what CEL's int can hold, an int64.
func seed(f *Facts) int64 {
	if s := f.request().Seed; s != nil {
		return int64(min(*s, math.MaxInt64))
	}
	return 0
}

// table is headers, query or key.labels: a map that gives "" for a name that is missing.
type table interface {
	lookup(name string) (string, bool)
	names() []string // sorted
}

type headerTable map[string][]string

// lookup finds a name as net/http writes it. It writes that name on the stack: textproto would allocate one for each
// read.
func (t headerTable) lookup(name string) (string, bool) {
	var buf [64]byte
	if len(name) > len(buf) {
		return multiTable(t).lookup(textproto.CanonicalMIMEHeaderKey(name))
	}
	start := true // of the name or of a word in it
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z' && start:
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z' && !start:
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default: // a name that textproto may leave as it is
			return multiTable(t).lookup(textproto.CanonicalMIMEHeaderKey(name))
		}
		buf[i], start = c, c == '-'
	}
	return firstOf(t[string(buf[:len(name)])])
}

func (t headerTable) names() []string {
	names := multiTable(t).names()
	for i, n := range names {
		names[i] = strings.ToLower(n)
	}
	return names
}

type multiTable map[string][]string

func (t multiTable) lookup(name string) (string, bool) { return firstOf(t[name]) }

func (t multiTable) names() []string { return slices.Sorted(maps.Keys(t)) }

type labelTable map[string]string

func (t labelTable) lookup(name string) (string, bool) { v, ok := t[name]; return v, ok }
func (t labelTable) names() []string                   { return slices.Sorted(maps.Keys(t)) }

func firstOf(values []string) (string, bool) {
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}
