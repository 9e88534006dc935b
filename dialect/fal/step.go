package fal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Decode reads an answer. The request that was sent shows which one it is: the answers to a run and to a question for a job's result
// are the model's output, the other two say how the job stands.
func (Dialect) Decode(x *dialect.Exchange) (dialect.Step, error) {
	root, err := x.Reply.JSON()
	if x.Reply.Status >= 300 {
		e := decodeError(x.Reply, root)
		if x.Sent.Base == queue && x.Sent.Method == http.MethodGet {
			jobError(e, x, root)
		}
		return dialect.Step{}, e
	}
	if err != nil || root.Kind() != spool.Object {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
	}
	switch sent := x.Sent; {
	case sent.Base == queue && sent.Method == http.MethodPost:
		return accepted(sent.Path, root.Get("request_id").Text())
	case sent.Base == queue && strings.HasSuffix(sent.Path, statusSuffix):
		return standing(sent, root.Get("status").Text())
	}
	res, err := decodeOutput(x.Target, root)
	return dialect.Step{Result: res}, err
}

const statusSuffix = "/status"

// jobError corrects what a refusal means if it is about a job that was accepted. If the job failed, the answer to the question for
// its result is the job's own error; but fal's edge sends the same statuses, and then they say nothing about the job, or about
// money. An id that is not known any more is not the app's mistake.
func jobError(e *switchyard.Error, x *dialect.Exchange, root *spool.Value) {
	result := !strings.HasSuffix(x.Sent.Path, statusSuffix)
	switch status := x.Reply.Status; {
	case status == http.StatusNotFound:
		e.Outcome, e.Ended = switchyard.BadReply, true
		e.Unbilled = false
		return
	case len(errorTypes(root)) > 0 || x.Reply.Header.Get("X-Fal-Error-Type") != "":
		e.Ended = result
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity || status == dialect.StatusLeft:
		e.Ended = result && !strings.Contains(root.Get("detail").Text(), "still in progress")
	}
	if !e.Ended {
		e.Unbilled = false
	}
}

// accepted returns the step after a job was accepted: it finds the job by its id. It does not use the addresses in the answer: our
// key would go wherever they lead.
func accepted(path, id string) (dialect.Step, error) {
	a, ok := parseApp(path)
	if !ok || id == "" {
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: errors.New("no request_id")}
	}
	return poll("/"+a.name+"/requests/"+url.PathEscape(id), id), nil
}

// Attach finds a job by its id, under the app that has it; the sub-path makes no difference there.
func (Dialect) Attach(t *switchyard.Target, req *switchyard.Request, job string) dialect.Step {
	a, _ := parseApp(appPath(endpoint(t, req)))
	return poll("/"+a.name+"/requests/"+url.PathEscape(job), job)
}

// standing reads a job's state from the answer to sent. Failed and cancelled jobs end as COMPLETED, too: only the result shows it.
func standing(sent *dialect.Outgoing, status string) (dialect.Step, error) {
	switch status {
	case "COMPLETED":
		return dialect.Step{Next: ask(http.MethodGet, strings.TrimSuffix(sent.Path, statusSuffix))}, nil
	case "IN_QUEUE", "IN_PROGRESS":
		return dialect.Step{Poll: true, Next: sent}, nil
	}
	return dialect.Step{}, &switchyard.Error{Outcome: switchyard.BadReply, Err: fmt.Errorf("status %.32q", status)}
}

func poll(path, id string) dialect.Step {
	return dialect.Step{Poll: true, Job: id, Next: ask(http.MethodGet, path+statusSuffix), Cancel: ask(http.MethodPut, path+"/cancel")}
}

func ask(method, path string) *dialect.Outgoing {
	return &dialect.Outgoing{Base: queue, Method: method, Path: path, Header: accept}
}

// accept is sent with every question about a job, of which thousands may be waiting. Nobody may change it.
var accept = http.Header{"Accept": {jsonType}}

// decodeOutput reads a model's output. An image with an NSFW flag is black, and counts as withheld.
func decodeOutput(t *switchyard.Target, root *spool.Value) (*switchyard.Result, error) {
	res := &switchyard.Result{Model: t.Model, Text: root.Get("description").Text()}
	if seed, ok := root.Get("seed").Uint(); ok {
		res.Seed = &seed
	}
	if s, ok := root.Get("timings", "inference").Float(); ok && s > 0 && s < 1e6 {
		res.Compute = time.Duration(s * float64(time.Second))
	}
	items := root.Get("images").Items()
	if single := root.Get("image"); len(items) == 0 && single.Given() {
		items = []*spool.Value{single}
	}
	flags := root.Get("has_nsfw_concepts").Items()
	for i, it := range items {
		if i < len(flags) && flags[i].Truth() {
			black, _ := decodeOutputImage(it) // fal charges for it as for any other picture
			res.Blacked = append(res.Blacked, black.Size)
			continue
		}
		img, err := decodeOutputImage(it)
		if err != nil {
			return nil, &switchyard.Error{Outcome: switchyard.BadReply, Err: err}
		}
		res.Images = append(res.Images, img)
	}
	switch {
	case len(res.Images) > 0:
		return res, nil
	case len(res.Blacked) > 0:
		return nil, &switchyard.Error{Outcome: switchyard.Filtered, Output: true, Err: errors.New("all images flagged")}
	}
	other := otherOutput(t, root)
	return nil, &switchyard.Error{Outcome: switchyard.BadReply, Declined: other, Said: other, Err: errors.New("no image in the answer")}
}

// otherOutput reports whether an app in no row has made something else than pictures: masks, a description. Its id and its input did
// not rule that out.
func otherOutput(t *switchyard.Target, root *spool.Value) bool {
	return (t.Row == nil || t.Row.ID == dialect.Anything) && root.Get("images").Kind() == spool.Missing && root.Get("image").Kind() == spool.Missing
}

func decodeOutputImage(v *spool.Value) (switchyard.Image, error) {
	link := v
	if v.Kind() == spool.Object {
		link = v.Get("url")
	}
	img, err := dialect.ParseLink(link)
	if err != nil || img == (switchyard.Image{}) {
		return img, errors.Join(errors.New("image without an address"), err)
	}
	if mime := v.Get("content_type").Text(); mime != "" {
		img.MIME = mime
	}
	width, _ := v.Get("width").Int()
	height, _ := v.Get("height").Int()
	if width > 0 && height > 0 && width <= 1<<16 && height <= 1<<16 {
		img.Size = switchyard.Size{Width: int(width), Height: int(height)}
	}
	return img, nil
}
