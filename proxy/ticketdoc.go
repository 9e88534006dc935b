package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/asset"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/spool"
	"switchyard/ticket"
)

// requestDoc is what a ticket's row keeps of its request: what its answers need, and what it takes to begin it anew.
type requestDoc struct {
	Form   string            `json:"form,omitempty"`
	Model  string            `json:"model"`
	Images int               `json:"images"`
	Memo   map[string]string `json:"memo,omitempty"`
	Echo   json.RawMessage   `json:"echo,omitempty"`
	Prompt string            `json:"prompt,omitempty"` // unless it is in Echo
	Seed   *uint64           `json:"seed,omitempty"`

	Delivery switchyard.Delivery `json:"delivery,omitempty"`
	Hook     *switchyard.Hook    `json:"hook,omitempty"`
	Call     callDoc             `json:"call"`
	Sum      string              `json:"sum,omitempty"` // of the whole request, under an Idempotency-Key
}

func (q *request) newDoc(r *switchyard.Request) requestDoc {
	d := requestDoc{
		Form: r.Form, Model: r.Model, Images: r.Images, Memo: r.Memo, Echo: r.Echo, Seed: r.Seed, Delivery: r.Delivery, Hook: r.Hook,
		Call: q.saveCall(),
	}
	if len(r.Echo) == 0 {
		d.Prompt = r.Prompt
	}
	return d
}

func (d requestDoc) encode() []byte {
	b, _ := json.Marshal(d) // of plain values: it cannot fail
	return b
}

// same is an error if a ticket was for another request.
func (d requestDoc) same(tk ticket.Ticket) error {
	var other requestDoc
	if err := json.Unmarshal(tk.Request, &other); err != nil || other.Sum != d.Sum {
		return &switchyard.Error{Kind: switchyard.Conflict, Err: err}
	}
	return nil
}

func loadRequest(b []byte) (*switchyard.Request, callDoc, error) {
	var d requestDoc
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, callDoc{}, fmt.Errorf("the row's request: %w", err)
	}
	req := &switchyard.Request{
		Form: d.Form, Model: d.Model, Images: d.Images, Memo: d.Memo, Echo: d.Echo, Prompt: d.Prompt, Seed: d.Seed,
		Delivery: d.Delivery, Hook: d.Hook,
	}
	return req, d.Call, nil
}

// resultDoc is how a ticket ended. Its images are hosted; the row has their names.
type resultDoc struct {
	Outcome switchyard.Outcome `json:"outcome"`
	Created time.Time          `json:"created"`
	Model   string             `json:"model,omitempty"`
	Images  []imageDoc         `json:"images,omitempty"`
	Text    string             `json:"text,omitempty"`
	Seed    *uint64            `json:"seed,omitempty"`
	Compute time.Duration      `json:"compute,omitempty"`
	Kind    switchyard.Kind    `json:"kind,omitempty"` // of a failure
	Output  bool               `json:"output,omitempty"`
	Again   time.Time          `json:"again,omitzero"`  // when a failure says to come back; the zero time if it does not
	Said    *dialect.Said      `json:"said,omitempty"`  // of a failure: the provider's own words, if the app may have them
	Heads   map[string]string  `json:"heads,omitempty"` // what the answers that tell of it say in their headers: see Record.heads
}

type imageDoc struct {
	Asset  string          `json:"asset,omitempty"`
	Data   []byte          `json:"data,omitempty"` // of what is not hosted
	URL    string          `json:"url,omitempty"`  // at its provider
	MIME   string          `json:"mime,omitempty"`
	Size   switchyard.Size `json:"size,omitzero"`
	Prompt string          `json:"revised_prompt,omitempty"`
}

func (d resultDoc) encode() []byte {
	b, _ := json.Marshal(d) // of plain values: it cannot fail
	return b
}

// keep hosts the images of an answer and is what the ticket's row says of it. Images that cannot be hosted are an error of the
// record from then on.
func (q *request) keep(ctx context.Context, ans *attempt.Answer) resultDoc {
	d := q.keepEnd(ctx, ans)
	d.Heads = map[string]string{}
	q.rec.heads(func(name, value string) {
		if value != "" {
			d.Heads[name] = value
		}
	})
	return d
}

func (q *request) keepEnd(ctx context.Context, ans *attempt.Answer) resultDoc {
	if q.rec.Err == nil {
		var d resultDoc
		if d, q.rec.Err = q.keepResult(ctx, ans.Result); q.rec.Err == nil {
			return d
		}
	}
	e := switchyard.AsError(q.rec.Err)
	d := resultDoc{Outcome: outcome(q.rec.Err), Created: q.now(), Kind: e.Kind, Output: e.Output, Said: said(q.rec.Err)}
	if e.RetryAfter > 0 {
		d.Again = d.Created.Add(min(e.RetryAfter, breaker.MaxNotBefore)) // a provider may say anything
	}
	return d
}

// maxSaid is the most that a row keeps of a provider's own words, in bytes. A refusal that repeats the input may be longer than that.
const maxSaid = 16 << 10

// said is what a provider has found wrong with the request, or made of it that is no picture, as far as a row can have it: JSON, since
// that is what notices are made of. What it has said of a key is kept nowhere.
func said(err error) *dialect.Said {
	var own *attempt.Failure
	if !errors.As(err, &own) || own.Raw.Body.Len() > maxSaid || own.Raw.Header.Get("Content-Encoding") != "" {
		return nil
	}
	if o := own.Err.Outcome; o != switchyard.Refused && o != switchyard.Filtered && !own.Err.Said {
		return nil
	}
	r, err := own.Raw.Body.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil || !json.Valid(body) {
		return nil
	}
	header := answerHeader(own.Raw.Header)
	header.Del("Date")
	return &dialect.Said{Status: own.Raw.Status, Header: header, Body: body}
}

func (q *request) keepResult(ctx context.Context, res *switchyard.Result) (d resultDoc, err error) {
	defer q.survive(&err)
	d = resultDoc{
		Outcome: switchyard.OK, Created: res.Created, Model: res.Model,
		Text: res.Text, Seed: res.Seed, Compute: res.Compute,
	}
	for _, img := range res.Images {
		kept := imageDoc{URL: img.URL, MIME: img.MIME, Size: img.Size, Prompt: img.RevisedPrompt}
		if img.URL == "" {
			if kept.Asset, err = q.putPatiently(ctx, img.Blob); errors.Is(err, asset.ErrType) {
				kept.Data, err = inRow(img.Blob)
			}
			if err != nil {
				return d, err
			}
		}
		d.Images = append(d.Images, kept)
	}
	return d, nil
}

// maxInRow is the most bytes that an image may have which a row keeps because it is not hosted: SVG has some thousands.
const maxInRow = 4 << 20

func inRow(image switchyard.Blob) ([]byte, error) {
	if image.Len() > maxInRow {
		return nil, fmt.Errorf("%d bytes: %w", image.Len(), asset.ErrType)
	}
	r, err := image.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// putPatiently hosts an image that has been paid for. A disk may be full for a while: it is tried again for as long as the work may take.
func (q *request) putPatiently(ctx context.Context, image switchyard.Blob) (name string, err error) {
	pauses := switchyard.Growing(firstPause, longestPause)
	for {
		name, err = q.put(context.WithoutCancel(ctx), image)
		if !ofDisk(err) {
			return name, err
		}
		q.Log.Error("image not hosted yet", zap.String("id", q.rec.ID), zap.Error(err))
		if !pauses.Sleep(ctx) {
			return "", err
		}
	}
}

// ofDisk reports whether err is of a file that could not be written: the disk may be full.
func ofDisk(err error) bool {
	return errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError))
}

// loadResult is how a ticket that is done has ended.
func loadResult(tk ticket.Ticket) (d resultDoc, err error) {
	if len(tk.Result) == 0 {
		return resultDoc{Outcome: tk.Outcome}, nil // lost in a crash
	}
	if err := json.Unmarshal(tk.Result, &d); err != nil {
		return d, fmt.Errorf("the row's result: %w", err)
	}
	return d, nil
}

// state is a ticket as its front describes it, its images by their address if the app expects one.
func (q *request) state(tk ticket.Ticket, req *switchyard.Request) *dialect.State {
	s := &dialect.State{ID: tk.ID, Created: tk.Created, Started: tk.Started, Completed: tk.Completed, Canceled: tk.Cancel}
	if tk.State != ticket.Done {
		return s
	}
	d, err := loadResult(tk)
	if err != nil {
		return q.damaged(s, err)
	}
	q.ended = d.Heads
	if d.Outcome != switchyard.OK {
		s.Err, s.Said = &switchyard.Error{Kind: d.Kind, Outcome: d.Outcome, Output: d.Output}, d.Said
		if s.Err.Kind == "" {
			s.Err.Kind = switchyard.KindOf(d.Outcome)
		}
		if !d.Again.IsZero() {
			s.Err.RetryAfter = max(d.Again.Sub(q.now()), 0)
		}
		return s
	}
	s.Result = &switchyard.Result{Created: d.Created, Model: d.Model, Text: d.Text, Seed: d.Seed, Compute: d.Compute}
	for _, kept := range d.Images {
		img := switchyard.Image{URL: kept.URL, MIME: kept.MIME, Size: kept.Size, RevisedPrompt: kept.Prompt}
		if kept.Asset != "" {
			blob, err := q.Assets.Open(kept.Asset)
			if err != nil {
				continue // it has expired
			}
			if img.Blob = blob; q.hosts(req) {
				img.Blob, img.URL = nil, q.origin+asset.Path(kept.Asset)
			}
		} else if kept.Data != nil {
			img.Blob = spool.Bytes(kept.Data)
		}
		s.Result.Images = append(s.Result.Images, img)
	}
	s.Removed = len(s.Result.Images) == 0
	return s
}

// damaged is the state of a ticket whose row cannot be read because of err; s as it is if err is nil. Once its work is over such a ticket
// is told as failed, so that nobody polls for it for ever. A list tells of it like of any other.
func (q *request) damaged(s *dialect.State, err error) *dialect.State {
	if err == nil {
		return s
	}
	q.Log.Error("ticket damaged", zap.String("id", s.ID), zap.Error(err))
	if !s.Completed.IsZero() {
		s.Result, s.Err, s.Damaged = nil, &switchyard.Error{Kind: switchyard.Internal, Err: err}, true
	}
	return s
}
