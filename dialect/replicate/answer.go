package replicate

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// prediction is Replicate's one object. Typed SDKs require its version, error and logs, and none of its urls may be
// null. It never has the url named stream, which means that there is no stream.
type prediction struct {
	ID          string          `json:"id"`
	Model       string          `json:"model"`
	Version     string          `json:"version"`
	Input       json.RawMessage `json:"input"`
	Logs        string          `json:"logs"`
	Output      any             `json:"output"`
	DataRemoved bool            `json:"data_removed"`
	Error       *string         `json:"error"`
	Source      string          `json:"source"`
	Status      string          `json:"status"`
	CreatedAt   string          `json:"created_at"`
	StartedAt   string          `json:"started_at,omitempty"`
	CompletedAt string          `json:"completed_at,omitempty"`
	URLs        urls            `json:"urls"`
	Metrics     *metrics        `json:"metrics,omitempty"`
}

type urls struct {
	Cancel string `json:"cancel"`
	Get    string `json:"get"`
	Web    string `json:"web"`
}

type metrics struct {
	ImageCount  int     `json:"image_count,omitempty"`
	PredictTime float64 `json:"predict_time"`
	TotalTime   float64 `json:"total_time"`
}

// Statuses.
const (
	starting   = "starting"
	processing = "processing"
	succeeded  = "succeeded"
	failed     = "failed"
	canceled   = "canceled"
	aborted    = "aborted" // only from a provider: cancelled before it began. No SDK knows it, so it is not sent to apps
)

// Describe writes the prediction. When it is created and not over yet its status is always starting, even if the work
// has begun: the SDKs take every other status there for the end, and its output, which is null, for the result.
//
// If the request is refused before anything was accepted, and while the app still waits, the answer is no prediction
// but an error, as it is at Replicate: the SDKs have types for those.
func (d Dialect) Describe(req *switchyard.Request, s *dialect.State) (*dialect.Reply, error) {
	if s.Fresh && s.Err != nil && !s.Canceled && slices.Contains(atOnce, s.Err.Kind) {
		if s.Said != nil {
			return s.Said.Reply(), nil
		}
		return d.EncodeError(req, s.Err), nil
	}
	c := &spool.Composer{}
	p := d.prediction(c, req, s)
	body, err := c.JSON(p)
	if err != nil {
		return nil, err
	}
	reply := dialect.JSON(http.StatusOK, "application/json", body)
	if s.Fresh {
		created(req, reply, p.Status)
	}
	return reply, nil
}

// prediction makes the object; inline images become part of c's document.
func (Dialect) prediction(c *spool.Composer, req *switchyard.Request, s *dialect.State) prediction {
	p := prediction{
		ID: s.ID, Model: req.Model, Version: cmp.Or(req.Memo[memoVersion], "hidden"), Input: req.Echo,
		Source: "api", Status: statusOf(s), CreatedAt: stamp(s.Created), CompletedAt: stamp(s.Completed),
		URLs: urls{
			Cancel: req.Base + "/v1/predictions/" + s.ID + "/cancel",
			Get:    req.Base + "/v1/predictions/" + s.ID,
			Web:    req.Base + "/p/" + s.ID,
		},
	}
	if p.Input == nil {
		p.Input = json.RawMessage("{}")
	}
	if p.Status != starting {
		p.StartedAt = stamp(s.Started)
	}
	switch p.Status {
	case succeeded:
		if p.DataRemoved = s.Removed; !s.Removed {
			p.Output = output(c, req, s.Result)
		}
		p.Metrics = measure(s)
		p.Metrics.ImageCount = len(s.Result.Images)
	case failed:
		text := cmp.Or(words(s.Said), failure(req, s.Err))
		if s.Damaged {
			text = "Prediction " + s.ID + " cannot be read any more."
		}
		p.Error, p.Metrics = &text, measure(s)
	}
	return p
}

// atOnce are the kinds of failures that Replicate itself finds before it creates a prediction.
var atOnce = []switchyard.Kind{
	switchyard.Unauthenticated, switchyard.Forbidden, switchyard.BadRequest, switchyard.BadImage, switchyard.Unsupported,
	switchyard.UnknownModel, switchyard.Throttled, switchyard.OverBudget,
}

// created sets the head of the answer to a creation: only accepted, if the app waited in vain.
func created(req *switchyard.Request, reply *dialect.Reply, status string) {
	reply.Status = http.StatusCreated
	prefer := req.Memo[memoPrefer]
	switch {
	case prefer != "" && status == starting:
		reply.Status = http.StatusAccepted
	case prefer != "":
		reply.Header.Set("Preference-Applied", prefer)
	}
}

func statusOf(s *dialect.State) string {
	switch {
	case s.Canceled:
		return canceled
	case s.Err != nil:
		return failed
	case s.Result != nil:
		return succeeded
	case s.Fresh || s.Started.IsZero():
		return starting
	}
	return processing
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// output is one address or a list of addresses, depending on the model: apps index it accordingly.
func output(c *spool.Composer, req *switchyard.Request, res *switchyard.Result) any {
	links := make([]string, len(res.Images))
	for i, img := range res.Images {
		// An http: address would arrive in the app as a plain string where it expects a file.
		if img.Blob != nil && !strings.HasPrefix(img.URL, "https:") {
			img.URL = ""
		} else {
			img.Blob = nil
		}
		links[i] = dialect.Link(c, img)
	}
	if row := table().Find(req.Model); row != nil && row.Can.Has("string_output") {
		return links[0]
	}
	return links
}

// measure returns how long it took: as the provider says, or else by our own measure.
func measure(s *dialect.State) *metrics {
	m := &metrics{TotalTime: seconds(s.Completed.Sub(s.Created))}
	switch {
	case s.Result != nil && s.Result.Compute > 0:
		m.PredictTime = seconds(s.Result.Compute)
	case !s.Started.IsZero():
		m.PredictTime = seconds(s.Completed.Sub(s.Started))
	}
	return m
}

func seconds(d time.Duration) float64 { return max(d.Round(time.Millisecond).Seconds(), 0) }

// failures are the texts of predictions that failed, by kind.
var failures = map[switchyard.Kind]string{
	switchyard.BadRequest:   "The input was not accepted by the model.",
	switchyard.BadImage:     noImage,
	switchyard.Unsupported:  "The input cannot be served by any configured model.",
	switchyard.UnknownModel: nothing.Detail,
	switchyard.Throttled:    "The model is busy. Please try again later.",
	switchyard.OverBudget:   "You have insufficient credit to run this model.",
	switchyard.Unavailable:  "Prediction interrupted; please retry (code: PA)",
	switchyard.TimedOut:     "The prediction timed out. Please try again.",

	switchyard.Unauthenticated: noToken.Detail, // for an app that does not wait; Replicate would have refused to create the prediction
	switchyard.Forbidden:       refusals[switchyard.Forbidden].Detail,
}

// words returns what Replicate itself said was wrong with a request, or why its model failed; empty if it has not said
// anything.
func words(said *dialect.Said) string {
	var p struct{ Detail, Error string }
	if said == nil || json.Unmarshal(said.Body, &p) != nil {
		return ""
	}
	return strings.TrimSpace(cmp.Or(p.Detail, p.Error))
}

func failure(req *switchyard.Request, e *switchyard.Error) string {
	if e.Kind == switchyard.Blocked {
		return cmp.Or(formOf(table().Find(req.Model)).nsfw, sensitive)
	}
	if e.Kind == switchyard.BadRequest && e.Outcome == "" && e.Detail != "" {
		return strings.TrimSpace(e.Detail)
	}
	return cmp.Or(failures[e.Kind], "An unknown error occurred. (E1000)")
}

// EncodeResult writes the prediction of a result that is there at once.
func (d Dialect) EncodeResult(req *switchyard.Request, res *switchyard.Result) (*dialect.Reply, error) {
	return d.Describe(req, &dialect.State{
		ID: strings.ToLower(req.ID), Created: res.Created, Started: res.Created, Completed: res.Created.Add(res.Compute),
		Result: res, Fresh: true,
	})
}
