package vertex

import (
	"net/url"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Encode writes what the Gemini API takes, for the target's project and location. If the target has none, it writes those that
// the app named, if any.
func (d Dialect) Encode(t *switchyard.Target, req *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	out, err := d.Dialect.Encode(t, req, s)
	if err != nil {
		return nil, err
	}
	named := ""
	if req.Dialect == d.Name() {
		if _, resource, ok := version(req.Path); ok {
			named, _ = account(resource)
		}
	}
	path := "/v1/"
	if named != "" {
		path += (&url.URL{Path: named}).EscapedPath() + "/"
	}
	call := out.Path[strings.LastIndexByte(out.Path, '/')+1:]
	out.Base, out.Path = d.Locate(t, path+models+call)
	return out, nil
}

// Forward sends the app's own body to where Locate says.
func (d Dialect) Forward(t *switchyard.Target, req *switchyard.Request, m *spool.Message) (*dialect.Outgoing, error) {
	out, err := d.Dialect.Forward(t, req, m)
	if err != nil {
		return nil, err
	}
	out.Base, out.Path = d.Locate(t, out.Path)
	return out, nil
}
