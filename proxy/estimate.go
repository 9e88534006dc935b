package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"

	"switchyard"
	"switchyard/router"
	"switchyard/rule"
)

// How much a question about prices may be.
const (
	maxEstimate   = 1 << 20 // bytes of its body
	maxEstimates  = 1000    // requests that it asks about
	maxImages     = 100_000 // of one of them; of all together, with their references
	maxReferences = 1000    // of one
)

// estimateAsk is one request whose price is asked for. What is left out is as the target has it by itself.
type estimateAsk struct {
	Target     string `json:"target"` // the one that is preferred; empty: whoever the route takes
	Model      string `json:"model"`
	Images     int    `json:"images"` // 1 if left out
	Size       string `json:"size"`   // such as 1024x1024
	Quality    string `json:"quality"`
	Resolution string `json:"resolution"` // such as 2K
	References int    `json:"references"` // pictures that come with the request
}

// estimateDoc is the answer: what the preferred target would take, and every other one.
type estimateDoc struct {
	Images       int          `json:"images"`
	Route        string       `json:"route,omitempty"` // that chose the target, if none was named
	Target       string       `json:"target"`
	EstimateUSD  *json.Number `json:"estimate_usd"`     // null if the price is not known
	Reason       string       `json:"reason,omitempty"` // why the target cannot serve
	Alternatives []quoteDoc   `json:"alternatives"`     // the cheapest first
}

type quoteDoc struct {
	Target      string       `json:"target"`
	Provider    string       `json:"provider"`
	Model       string       `json:"model"`
	EstimateUSD *json.Number `json:"estimate_usd"`
	Quality     int          `json:"quality,omitempty"`
	Fidelity    string       `json:"fidelity,omitempty"`
	Reason      string       `json:"reason,omitempty"` // why it cannot serve
}

// estimateAnswer is one estimate, or a list of them with its sum.
type estimateAnswer struct {
	*estimateDoc
	Estimates []estimateDoc `json:"estimates,omitempty"`
	TotalUSD  *json.Number  `json:"total_usd,omitempty"` // of a list; left out if a part of it is not known
}

// estimate tells what a request would cost, or each of a list {"requests": […]}.
func (x *extra) estimate() (answer estimateAnswer, err error) {
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxEstimate+1))
	if err != nil || len(body) > maxEstimate {
		return answer, switchyard.Invalid("", "the body is incomplete, or longer than %d bytes", maxEstimate)
	}
	var ask struct {
		estimateAsk
		Requests []estimateAsk `json:"requests"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ask); err != nil {
		return answer, misread(err)
	}
	if ask.Requests == nil {
		doc, _, err := x.estimateOne(&ask.estimateAsk)
		return estimateAnswer{estimateDoc: &doc}, err
	}
	if len(ask.Requests) == 0 || len(ask.Requests) > maxEstimates {
		return answer, switchyard.Invalid("requests", "requests: want 1 to %d, got %d", maxEstimates, len(ask.Requests))
	}
	total, pictures := switchyard.Cost{Basis: switchyard.BasisEstimate}, 0
	for i := range ask.Requests {
		one := &ask.Requests[i]
		if pictures += max(one.Images, 1) + max(one.References, 0); pictures > maxImages {
			return answer, switchyard.Invalid("requests", "requests: at most %d images and references in all", maxImages)
		}
		doc, cost, err := x.estimateOne(one)
		if err != nil {
			return answer, switchyard.Invalid("requests", "requests[%d]: %s", i, switchyard.AsError(err).Detail)
		}
		if total.Amount += cost.Amount; cost.Basis == switchyard.BasisUnknown {
			total.Basis = switchyard.BasisUnknown
		}
		answer.Estimates = append(answer.Estimates, doc)
	}
	answer.TotalUSD = total.USD()
	return answer, nil
}

// misread says in the app's words what is wrong with the JSON of a question.
func misread(err error) error {
	const such = `want JSON such as {"images":23,"target":"flux","size":"1024x1024"}`
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return switchyard.Invalid("", such+": %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	name := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
	wants := map[reflect.Kind]string{reflect.Int: "a whole number", reflect.String: "a string", reflect.Slice: "an array"}[wrong.Type.Kind()]
	if name == "" || wants == "" {
		return switchyard.Invalid(name, such)
	}
	return switchyard.Invalid(name, "%s: want %s, got %s", name, wants, wrong.Value)
}

func (x *extra) estimateOne(ask *estimateAsk) (doc estimateDoc, cost switchyard.Cost, err error) {
	req, err := ask.request()
	if err != nil {
		return doc, cost, err
	}
	req.Dialect = x.snap.Router.Speaks(req.Model)
	facts := &rule.Facts{Request: req, Headers: x.r.Header, Query: x.r.URL.Query(), Key: x.ruleKey()}
	quotes := x.snap.Router.Quotes(facts, x.key.IsZero(), x.now())
	cost, found := switchyard.Cost{Basis: switchyard.BasisUnknown}, false
	if doc.Target = ask.Target; doc.Target == "" {
		match := x.snap.Router.Match(facts)
		plan, _ := x.alive(match.Plan(x.key.IsZero(), x.now()))
		doc.Route = plan.Route.Name
		if len(plan.Candidates) > 0 {
			first := &plan.Candidates[0]
			doc.Target, cost = first.Target.Name, first.Estimate(first.Request) // of a native one, which has no quote
		}
	}
	doc.Images, doc.Alternatives = req.Images, []quoteDoc{}
	for i := range quotes {
		q := &quotes[i]
		if q.Target.Name == doc.Target {
			cost, found, doc.Reason = q.Cost, true, q.Reason
			continue
		}
		doc.Alternatives = append(doc.Alternatives, describeQuote(q))
	}
	if ask.Target != "" && !found {
		return doc, cost, switchyard.Invalid("target", "target: there is no %q", ask.Target)
	}
	doc.EstimateUSD = cost.USD()
	return doc, cost, nil
}

// request is what is asked about, in canonical form.
func (ask *estimateAsk) request() (*switchyard.Request, error) {
	switch {
	case ask.Images < 0 || ask.Images > maxImages:
		return nil, switchyard.Invalid("images", "images: want 1 to %d, got %d", maxImages, ask.Images)
	case ask.References < 0 || ask.References > maxReferences:
		return nil, switchyard.Invalid("references", "references: want 0 to %d, got %d", maxReferences, ask.References)
	}
	req := &switchyard.Request{
		Model: ask.Model, Images: max(ask.Images, 1), Quality: ask.Quality, Resolution: ask.Resolution,
		References: make([]switchyard.Reference, ask.References),
	}
	if ask.Size != "" {
		size, err := switchyard.ParseSize(ask.Size)
		if err != nil {
			return nil, switchyard.Invalid("size", "size: want one such as 1024x1024, got %q", ask.Size)
		}
		req.Size = size
	}
	return req, nil
}

// ruleKey is the caller's virtual key as rules see it.
func (x *extra) ruleKey() rule.Key {
	caller, err := x.snap.Keys.identify(x.key)
	if x.key.IsZero() || err != nil || caller.key == nil {
		return rule.Key{}
	}
	return rule.Key{Name: caller.key.Name, Tenant: caller.key.Tenant, Labels: caller.key.Labels}
}

func describeQuote(q *router.Quote) quoteDoc {
	doc := quoteDoc{
		Target: q.Target.Name, Provider: q.Target.Provider, Model: q.Target.Model, Quality: q.Target.Quality, Reason: q.Reason,
		EstimateUSD: q.Cost.USD(),
	}
	if q.Reason == "" {
		doc.Fidelity = q.Fidelity.String()
	}
	return doc
}
