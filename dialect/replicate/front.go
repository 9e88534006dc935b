package replicate

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// What must be remembered for the answer.
const (
	memoVersion = "version" // the version that was asked for
	memoPrefer  = "prefer"  // the preference that was applied
)

// ours are the members of a request beside its input that we, who answer the app, must handle ourselves.
var ours = []string{"webhook", "webhook_events_filter", "stream"}

// DecodeRequest reads a request to create a prediction. Only models in the table are known to make images; requests for
// any other model or for a deployment are no generations.
func (Dialect) DecodeRequest(m *spool.Message) (*switchyard.Request, error) {
	root, err := m.JSON()
	if err != nil || root.Kind() != spool.Object {
		return nil, switchyard.Invalid("", "The request body is not valid JSON.")
	}
	call, _ := parseCreate(m.Path)
	r := spool.Read(root, "")
	model, version := call.model, ""
	if model == "" && !call.deployment {
		if model, version, err = versioned(r); err != nil {
			return nil, err
		}
	}
	row := table().Find(model)
	if call.deployment || row == nil {
		return nil, dialect.ErrNotGeneration
	}
	req := &switchyard.Request{
		Dialect: "replicate", Model: row.ID, Images: 1, Delivery: switchyard.DeliverSecureURL, Async: true,
		Memo: map[string]string{},
	}
	if version != "" {
		req.Memo[memoVersion] = version
	}
	decodePrefer(m.Header, req)
	if d, err := time.ParseDuration(m.Header.Get("Cancel-After")); err == nil && d > 0 {
		req.Until = d
	}
	if err := decodeInput(root.Get("input"), row, req); err != nil {
		return nil, err
	}
	if root.Get("stream").Truth() {
		req.Dropped = append(req.Dropped, "stream")
	}
	if req.Hook, err = decodeHook(r); err != nil {
		return nil, err
	}
	req.Echo = echo(root.Get("input"))
	return req, nil
}

var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// versioned returns the model that a version belongs to. The version is a hash, "owner/name:hash", or "owner/name". It
// refuses undocumented members, above all one that names a model.
func versioned(r *spool.Reader) (model, version string, err error) {
	version = r.Text("version")
	problems := problems{}
	if version == "" {
		problems.add("", "version is required")
	}
	for _, name := range append([]string{"input"}, ours...) {
		r.Get(name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rest())) {
		problems.add("", "Additional property %s is not allowed", name)
	}
	if err := problems.err(); err != nil {
		return "", "", err
	}
	model = version
	if name, id, ok := strings.Cut(version, ":"); ok {
		model, version = name, id
	} else if !hash.MatchString(version) {
		version = ""
	}
	return model, version, nil
}

var preference = regexp.MustCompile(`^wait(?:=([1-9]|[1-9][0-9]|60))?$`)

// decodePrefer reads how long the app waits for the result: a minute if it gives no figure. A value that does not have
// the documented form counts as none.
func decodePrefer(h http.Header, req *switchyard.Request) {
	for _, p := range strings.FieldsFunc(strings.Join(h.Values("Prefer"), ","), func(c rune) bool { return c == ',' || c == ';' }) {
		p = strings.TrimSpace(p)
		match := preference.FindStringSubmatch(p)
		if match == nil {
			continue
		}
		seconds := 60
		if match[1] != "" {
			seconds, _ = strconv.Atoi(match[1])
		}
		req.Wait = min(time.Duration(seconds), 60) * time.Second
		req.Memo[memoPrefer] = p
	}
}

// secretInputs are inputs with keys of accounts at other providers, which some models need. They are never kept.
var secretInputs = []string{"openai_api_key", "replicate_api_token"}

// echo returns the input as the prediction repeats it, without its long strings and its secrets.
func echo(input *spool.Value) json.RawMessage {
	out := &dialect.Fields{}
	for name, value := range input.Members() {
		if slices.Contains(secretInputs, name) {
			out.Set(name, "[REDACTED]")
		} else {
			out.Set(name, value.Raw(8<<10))
		}
	}
	text, err := out.MarshalJSON()
	if err != nil {
		return json.RawMessage("{}")
	}
	return text
}
