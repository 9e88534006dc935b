package proxy

import (
	"encoding/json"
	"io"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// maxRating is how long the body of a rating may be.
const maxRating = 4 << 10

// rating is what an app says of a generation.
type rating struct {
	Rating string `json:"rating"`
}

// rate keeps a thumb, up or down.
func (x *extra) rate() (doc rating, err error) {
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxRating+1))
	if err != nil || len(body) > maxRating || json.Unmarshal(body, &doc) != nil {
		return doc, switchyard.Invalid("", `want JSON such as {"rating":"thumbs_up"}`)
	}
	if doc.Rating != ledger.ThumbsUp && doc.Rating != ledger.ThumbsDown {
		return doc, switchyard.Invalid("rating", "rating: want %q or %q, got %q", ledger.ThumbsUp, ledger.ThumbsDown, doc.Rating)
	}
	return doc, x.mine(func(tenant string) error {
		return x.Accounts.Rate(x.r.Context(), tenant, x.r.PathValue("id"), doc.Rating)
	})
}

// generationDoc is a generation as its app is told of it. What "server.headers: off" hides is left out.
type generationDoc struct {
	ID        string             `json:"id"`
	CreatedAt time.Time          `json:"created_at"`
	Model     string             `json:"model"`   // as the app named it
	Outcome   switchyard.Outcome `json:"outcome"` // empty while it runs
	Asked     int                `json:"asked"`
	Images    int                `json:"images"`
	LatencyMS int64              `json:"latency_ms"`
	Rating    *string            `json:"rating"` // null if there is none

	*servedDoc
}

type servedDoc struct {
	Route     string            `json:"route"`
	Variant   string            `json:"variant"`
	Target    string            `json:"target"`
	Provider  string            `json:"provider"`
	Served    string            `json:"served_model"`
	Attempts  int               `json:"attempts"`
	CostUSD   *json.Number      `json:"cost_usd"` // null if nobody knows
	CostBasis switchyard.Basis  `json:"cost_basis"`
	Charge    switchyard.Charge `json:"charge"`
	Fidelity  string            `json:"fidelity"`
}

// generation tells of one.
func (x *extra) generation() (generationDoc, error) {
	var acc ledger.Account
	err := x.mine(func(tenant string) (err error) {
		acc, err = x.Accounts.Account(x.r.Context(), tenant, x.r.PathValue("id"))
		return err
	})
	if err != nil {
		return generationDoc{}, err
	}
	g := acc.Generation
	doc := generationDoc{
		ID: g.ID, CreatedAt: g.Started.UTC(), Model: g.Model, Outcome: g.Outcome, Asked: g.Asked, Images: g.Delivered,
		LatencyMS: g.Latency.Milliseconds(),
	}
	if acc.Rating != "" {
		doc.Rating = &acc.Rating
	}
	if x.snap.Settings.Hide {
		return doc, nil
	}
	doc.servedDoc = &servedDoc{
		Route: g.Route, Variant: g.Variant, Target: g.Target, Provider: g.Provider, Served: g.Served, Attempts: g.Attempts,
		CostUSD: g.Cost.USD(), CostBasis: g.Cost.Basis, Charge: g.Cost.Charge, Fidelity: g.Fidelity,
	}
	return doc, nil
}
