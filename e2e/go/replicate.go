package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/replicate/replicate-go"
)

// prediction is one that an app is about to ask for.
type prediction struct {
	*replicate.Client
	model string
	input replicate.PredictionInput
}

// replicated is a call of replicate-go's. The job's base ends in /v1.
func replicated(call func(context.Context, prediction) (result, error)) call {
	return func(ctx context.Context, j job) (result, error) {
		opts := []replicate.ClientOption{replicate.WithToken(j.Key), replicate.WithBaseURL(j.Base)}
		if j.Retries != nil {
			opts = append(opts, replicate.WithRetryPolicy(*j.Retries, &replicate.ConstantBackoff{Base: time.Millisecond}))
		}
		client, err := replicate.NewClient(opts...)
		if err != nil {
			return result{}, err
		}
		p := prediction{client, j.Model, replicate.PredictionInput{"prompt": j.Prompt}}
		if err := p.ask(ctx, j); err != nil {
			return result{}, err
		}
		return call(ctx, p)
	}
}

func (p prediction) ask(ctx context.Context, j job) error {
	if j.N > 0 {
		p.input["num_outputs"] = j.N
	}
	if j.Ratio != "" {
		p.input["aspect_ratio"] = j.Ratio
	}
	for _, name := range j.Images {
		if j.Files == "upload" {
			file, err := p.CreateFileFromPath(ctx, name, nil)
			if err != nil {
				return err
			}
			p.input["image"] = file
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		p.input["image"] = "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
	}
	maps.Copy(p.input, j.Input)
	return nil
}

// run is what people do: Run, which asks again and again, and a link to each picture.
func run(ctx context.Context, p prediction) (res result, err error) {
	output, err := p.Run(ctx, p.model, p.input, nil)
	if err != nil {
		return res, err
	}
	return res, res.open(ctx, output)
}

// block waits in the first request, and has the SDK open what the links lead to.
func block(ctx context.Context, p prediction) (res result, err error) {
	output, err := p.RunWithOptions(ctx, p.model, p.input, nil, replicate.WithBlockUntilDone(), replicate.WithFileOutput())
	if err != nil {
		return res, err
	}
	return res, res.open(ctx, output)
}

// open reads what a prediction has brought: a link or a file, or a list of them.
func (r *result) open(ctx context.Context, output any) error {
	list, ok := output.([]any)
	if !ok && output != nil {
		list = []any{output}
	}
	for _, one := range list {
		var p picture
		var err error
		switch v := one.(type) {
		case *replicate.FileOutput:
			p.url = v.URL
			p.data, err = io.ReadAll(v)
			_ = v.Close()
		case string:
			p, err = openLink(ctx, v)
		default:
			err = fmt.Errorf("output is %T", v)
		}
		if err != nil {
			return err
		}
		r.pictures = append(r.pictures, p)
	}
	return nil
}

func openLink(ctx context.Context, link string) (picture, error) {
	if head, data, ok := strings.Cut(link, ";base64,"); ok && strings.HasPrefix(head, "data:") {
		b, err := base64.StdEncoding.DecodeString(data)
		return picture{b, strings.TrimPrefix(head, "data:"), link}, err
	}
	return download(ctx, link)
}

// begin is CreatePrediction for "owner/name:version", and CreatePredictionWithModel without a version.
func (p prediction) begin(ctx context.Context, hook *replicate.Webhook) (*replicate.Prediction, error) {
	id, err := replicate.ParseIdentifier(p.model)
	if err != nil {
		return nil, err
	}
	if id.Version != nil {
		return p.CreatePrediction(ctx, *id.Version, p.input, hook, false)
	}
	return p.CreatePredictionWithModel(ctx, id.Owner, id.Name, p.input, hook, false)
}

// see notes the state of a prediction and, once it is over, what has become of it.
func (r *result) see(ctx context.Context, p *replicate.Prediction) error {
	r.States = append(r.States, p.Status.String())
	if p.Error != nil {
		r.Reason = fmt.Sprint(p.Error)
	}
	return r.open(ctx, p.Output)
}

// create is a prediction, then Wait.
func create(ctx context.Context, p prediction) (res result, err error) {
	made, err := p.begin(ctx, nil)
	if err != nil {
		return res, err
	}
	if err := p.Wait(ctx, made, replicate.WithPollingInterval(50*time.Millisecond)); err != nil {
		return res, err
	}
	return res, res.see(ctx, made)
}

// cancel takes a prediction back that is being worked on.
func cancel(ctx context.Context, p prediction) (res result, err error) {
	made, err := p.begin(ctx, nil)
	for err == nil && made.Status == replicate.Starting {
		time.Sleep(30 * time.Millisecond)
		made, err = p.GetPrediction(ctx, made.ID)
	}
	if err != nil {
		return res, err
	}
	if err := res.see(ctx, made); err != nil {
		return res, err
	}
	if _, err := p.CancelPrediction(ctx, made.ID); err != nil {
		return res, err
	}
	if made, err = p.GetPrediction(ctx, made.ID); err != nil {
		return res, err
	}
	res.Text = fmt.Sprintf("%v %v %v", made.Status, made.Output, made.Error)
	return res, res.see(ctx, made)
}

// hook has itself called back, and validates each call with the secret that it asks for.
func hook(ctx context.Context, p prediction) (res result, err error) {
	secret, err := p.GetDefaultWebhookSecret(ctx)
	if err != nil {
		return res, err
	}
	calls := make(chan told, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { calls <- hear(r, *secret) }))
	defer receiver.Close()
	events := []replicate.WebhookEventType{replicate.WebhookEventStart, replicate.WebhookEventCompleted}
	begun, err := p.begin(ctx, &replicate.Webhook{URL: receiver.URL + "/hook?of=app", Events: events})
	if err != nil {
		return res, err
	}
	for {
		select {
		case c := <-calls:
			switch err := res.see(ctx, &c.Prediction); {
			case c.err != nil || err != nil:
				return res, errors.Join(c.err, err)
			case c.ID != begun.ID:
				return res, errors.New("told of another prediction: " + c.ID)
			case c.Status.Terminated():
				res.Text = "valid"
				return res, nil
			}
		case <-ctx.Done():
			return res, ctx.Err()
		}
	}
}

// told is what a webhook was called with.
type told struct {
	replicate.Prediction
	err error
}

func hear(r *http.Request, secret replicate.WebhookSigningSecret) (t told) {
	valid, err := replicate.ValidateWebhookRequest(r, secret)
	if err == nil && !valid {
		err = errors.New("the signature is not valid")
	}
	body, readErr := io.ReadAll(r.Body)
	t.err = errors.Join(err, readErr, t.UnmarshalJSON(body))
	return t
}
