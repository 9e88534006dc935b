package replicate

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Decode reads a prediction: every answer is one, to its creation and to each poll.
func (Dialect) Decode(x *dialect.Exchange) (dialect.Step, error) {
	root, err := x.Reply.JSON()
	polls := x.Sent.Method == http.MethodGet
	if x.Reply.Status >= 300 {
		e := decodeError(x.Reply, root)
		if polls { // the prediction was accepted: this error says nothing about money, and is not the app's mistake
			e.Unbilled = false
			if e.Outcome == switchyard.Refused {
				e.Outcome = switchyard.BadReply
			}
		}
		return dialect.Step{}, e
	}
	if err != nil || root.Kind() != spool.Object {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
	}
	output := outputs(root.Get("output"))
	switch status := root.Get("status").Text(); status {
	case processing, starting:
		// An answer to a creation that waited may have the output before the status is set. Only a part of the output does
		// not mean the end.
		if status == processing && !polls && len(output) >= x.Request.Images {
			return done(x, root, output)
		}
		if polls {
			return dialect.Step{Poll: true, Next: x.Sent}, nil // its job is known
		}
		return poll(root.Get("id").Text())
	case succeeded:
		return done(x, root, output)
	case failed:
		return dialect.Step{}, failedAs(root.Get("error").Text())
	case canceled:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Canceled, Ended: true, Err: errors.New("canceled at the provider")}
	case aborted: // it passed its deadline before it began, and is not charged for
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Timeout, Unbilled: true, Ended: true, Err: errors.New("aborted at the provider")}
	default:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: fmt.Errorf("status %.32q", status)}
	}
}

// Attach finds a prediction by its id.
func (Dialect) Attach(_ *switchyard.Target, _ *switchyard.Request, job string) dialect.Step {
	step, _ := poll(job) // the id has been accepted here before
	return step
}

// poll returns the step that asks for a prediction by its id. It does not use the addresses in the answer: our key would go
// wherever they lead.
func poll(id string) (dialect.Step, error) {
	if id == "" || strings.Contains(id, "..") {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: errors.New("no id")}
	}
	path := "/v1/predictions/" + url.PathEscape(id)
	return dialect.Step{
		Poll: true, Job: id,
		Next:   &dialect.Outgoing{Method: http.MethodGet, Path: path, Header: accept},
		Cancel: &dialect.Outgoing{Method: http.MethodPost, Path: path + "/cancel", Header: accept},
	}, nil
}

// accept is sent with every question about a job, of which thousands may be waiting. Nobody may change it.
var accept = http.Header{"Accept": {"application/json"}}

// outputs are the files of an output: one, a list, or the values of an object.
func outputs(v *spool.Value) []*spool.Value {
	switch v.Kind() {
	case spool.String:
		return []*spool.Value{v}
	case spool.Array:
		return v.Items()
	case spool.Object:
		var all []*spool.Value
		for _, member := range v.Members() {
			all = append(all, outputs(member)...)
		}
		return all
	}
	return nil
}

// done reads the result. Images that are missing were flagged, and left out silently.
func done(x *dialect.Exchange, root *spool.Value, output []*spool.Value) (dialect.Step, error) {
	res := &switchyard.Result{Model: x.Target.Model}
	for _, v := range output {
		img, err := dialect.ParseLink(v)
		if err != nil || img.Blob == nil && !strings.HasPrefix(img.URL, "http") {
			return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: errors.Join(errors.New("output without an address"), err)}
		}
		res.Images = append(res.Images, img)
	}
	if len(res.Images) == 0 {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: errors.New("no image in the output")}
	}
	if seed := x.Request.Seed; seed != nil && *seed >= 1<<32 { // the seed is not reported, but it was not that one
		reduced := seed32(seed)
		res.Seed = &reduced
	}
	if s, ok := root.Get("metrics", "predict_time").Float(); ok && s > 0 && s < 1e6 {
		res.Compute = time.Duration(s * float64(time.Second))
	}
	return dialect.Step{Result: res}, nil
}

// flagged finds words that the texts of safety refusals have in common.
var flagged = regexp.MustCompile(`(?i)NSFW|\bE005\b|sensitive|safety|moderation`)

// failedAs reads why a prediction failed, which an app that speaks Replicate's format may know. Whether it was charged for is
// not documented.
func failedAs(text string) error {
	if flagged.MatchString(text) {
		return &switchyard.Error{Outcome: switchyard.Filtered, Output: true, Ended: true, Said: true, Err: errors.New("flagged by the provider")}
	}
	return &switchyard.Error{Outcome: switchyard.Overloaded, Ended: true, Said: true, Err: errors.New("the prediction failed")}
}
