package ledger

import (
	"encoding/json"
	"fmt"
	"time"

	"switchyard"
)

// The bodies of records are JSON with names of their own: a journal that an older build wrote must stay readable when a
// field is renamed in package switchyard. Money is in nano-dollars here, so that no text is parsed on the way.

type body struct {
	Kind       Kind            `json:"k"`
	Epoch      string          `json:"e,omitempty"`
	Attempt    *attemptBody    `json:"a,omitempty"`
	Generation *generationBody `json:"g,omitempty"`
}

type costBody struct {
	Amount int64  `json:"n,omitempty"`
	Basis  string `json:"b,omitempty"`
	Charge string `json:"c,omitempty"`
}

type attemptBody struct {
	ID         string    `json:"id"`
	Generation string    `json:"gen"`
	Number     int       `json:"no,omitempty"`
	Part       int       `json:"part,omitempty"`
	Target     string    `json:"target,omitempty"`
	Provider   string    `json:"provider,omitempty"`
	Model      string    `json:"model,omitempty"`
	Started    time.Time `json:"started"`
	Latency    int64     `json:"ns,omitempty"`
	Stage      uint8     `json:"stage,omitempty"`
	Outcome    string    `json:"outcome,omitempty"`
	Status     int       `json:"status,omitempty"`
	Images     int       `json:"images,omitempty"`
	Estimate   costBody  `json:"est"`
	Cost       costBody  `json:"cost"`
	Job        string    `json:"job,omitempty"`
}

type generationBody struct {
	ID        string            `json:"id"`
	RequestID string            `json:"req,omitempty"`
	Tenant    string            `json:"tenant,omitempty"`
	Key       string            `json:"key,omitempty"`
	Tier      string            `json:"tier,omitempty"`
	Kind      string            `json:"kind,omitempty"`
	Dialect   string            `json:"dialect,omitempty"`
	Path      string            `json:"path,omitempty"`
	Model     string            `json:"model,omitempty"`
	Route     string            `json:"route,omitempty"`
	Variant   string            `json:"variant,omitempty"`
	Started   time.Time         `json:"started"`
	Latency   int64             `json:"ns,omitempty"`
	Outcome   string            `json:"outcome,omitempty"`
	Target    string            `json:"target,omitempty"`
	Provider  string            `json:"provider,omitempty"`
	Served    string            `json:"served,omitempty"`
	Attempts  int               `json:"attempts,omitempty"`
	Asked     int               `json:"asked,omitempty"`
	Delivered int               `json:"got,omitempty"`
	Cost      costBody          `json:"cost"`
	Fidelity  string            `json:"fidelity,omitempty"`
	Prompt    string            `json:"prompt,omitempty"`
	Shape     string            `json:"shape,omitempty"`
	Hosted    []string          `json:"hosted,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// decode is the inverse of encode, for which see encode.go.
func decode(text []byte) (Record, error) {
	var b body
	if err := json.Unmarshal(text, &b); err != nil {
		return Record{}, err
	}
	r := Record{Kind: b.Kind, Epoch: b.Epoch}
	switch {
	case b.Kind == Damaged:
	case b.Attempt != nil && (b.Kind == Opened || b.Kind == Held || b.Kind == Settled):
		r.Attempt = attemptOfBody(b.Attempt)
	case b.Generation != nil && (b.Kind == Begun || b.Kind == Ended):
		r.Generation = generationOfBody(b.Generation)
	default:
		return Record{}, fmt.Errorf("record of unknown kind %q", b.Kind)
	}
	return r, nil
}

func costOfBody(c costBody) switchyard.Cost {
	return switchyard.Cost{
		Amount: switchyard.Money(c.Amount), Basis: switchyard.Basis(c.Basis), Charge: switchyard.Charge(c.Charge),
	}
}

func attemptOfBody(b *attemptBody) switchyard.Attempt {
	return switchyard.Attempt{
		ID: b.ID, Generation: b.Generation, Number: b.Number, Part: b.Part,
		Target: b.Target, Provider: b.Provider, Model: b.Model,
		Started: b.Started, Latency: time.Duration(b.Latency), Stage: switchyard.Stage(b.Stage), Outcome: switchyard.Outcome(b.Outcome),
		Status: b.Status, Images: b.Images, Estimate: costOfBody(b.Estimate), Cost: costOfBody(b.Cost), Job: b.Job,
	}
}

func generationOfBody(b *generationBody) switchyard.Generation {
	return switchyard.Generation{
		ID: b.ID, RequestID: b.RequestID, Tenant: b.Tenant, Key: b.Key, Tier: b.Tier, Kind: b.Kind, Dialect: b.Dialect, Path: b.Path,
		Model: b.Model, Route: b.Route, Variant: b.Variant, Started: b.Started, Latency: time.Duration(b.Latency),
		Outcome: switchyard.Outcome(b.Outcome), Target: b.Target, Provider: b.Provider, Served: b.Served,
		Attempts: b.Attempts, Asked: b.Asked, Delivered: b.Delivered, Cost: costOfBody(b.Cost),
		Fidelity: b.Fidelity, Prompt: b.Prompt, Shape: b.Shape, Hosted: b.Hosted, Labels: b.Labels,
	}
}
