package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"time"
)

// Call is one request that reached a provider, on any of its sites.
type Call struct {
	Time   time.Time
	Site   string // as in SiteNames
	Method string
	Path   string // decoded
	Query  string // as sent
	Header http.Header
	Bytes  int // of the body
	// Body is the parsed JSON, numbers as json.Number, strings of more than 256 bytes cut; of a multipart form a map
	// of part name to a list of texts, or of "<n bytes type>" for files; else nil.
	Body    any
	Status  int      // of the answer; 0 if there is none, or not yet
	Model   string   // the provider's id, once it is known
	Prompt  string   // once it is known
	Note    string   // why the request was refused, in more words than the provider has
	Ignored []string // fields that the provider took and does not know
}

// Calls returns the requests that have arrived since the start or the last Reset, oldest first.
func (p *Provider) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Call, len(p.calls))
	for i, c := range p.calls {
		out[i] = *c
		out[i].Ignored = slices.Clone(c.Ignored)
	}
	return out
}

// CallsTo returns those of Calls that arrived at the named site.
func (p *Provider) CallsTo(site string) []Call {
	return slices.DeleteFunc(p.Calls(), func(c Call) bool { return c.Site != site })
}

func (p *Provider) record(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.calls) == maxCalls {
		p.calls = p.calls[1:]
	}
	p.calls = append(p.calls, c)
}

const longestString = 256

// summary returns a body in the form that Call.Body has.
func summary(contentType string, body []byte) any {
	kind, params, _ := mime.ParseMediaType(contentType)
	if kind == "multipart/form-data" {
		return formSummary(body, params["boundary"])
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return shorten(v)
}

// shorten cuts long strings, in place where it can.
func shorten(v any) any {
	switch v := v.(type) {
	case string:
		if len(v) > longestString {
			return v[:longestString] + fmt.Sprintf("…(%d bytes)", len(v))
		}
	case []any:
		for i := range v {
			v[i] = shorten(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = shorten(v[k])
		}
	}
	return v
}

func formSummary(body []byte, boundary string) any {
	out := map[string][]string{}
	m := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := m.NextPart()
		if err != nil {
			return out
		}
		data, _ := io.ReadAll(part)
		text := string(data)
		if part.FileName() != "" {
			text = fmt.Sprintf("<%d bytes %s>", len(data), part.Header.Get("Content-Type"))
		}
		out[part.FormName()] = append(out[part.FormName()], shorten(text).(string))
	}
}
