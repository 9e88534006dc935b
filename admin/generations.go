package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// generationDoc is a generation as the API answers it, in the words of the ledger's rows.
type generationDoc struct {
	ID        string             `json:"id"`
	RequestID string             `json:"request_id"` // the app's own, if it gave one
	At        time.Time          `json:"at"`
	Tenant    string             `json:"tenant"`
	Key       string             `json:"key"` // name of the virtual key
	Tier      string             `json:"tier"`
	Kind      string             `json:"kind"`
	Dialect   string             `json:"dialect"`
	Path      string             `json:"path"`
	Model     string             `json:"model"` // as the app named it
	Route     string             `json:"route"`
	Variant   string             `json:"variant"`
	Outcome   switchyard.Outcome `json:"outcome"` // empty while it runs
	Target    string             `json:"target"`
	Provider  string             `json:"provider"`
	Served    string             `json:"served_model"`
	Tried     int                `json:"tried"` // attempts
	Asked     int                `json:"asked"`
	Images    int                `json:"images"`
	LatencyMS int64              `json:"latency_ms"`
	costDoc
	Fidelity string            `json:"fidelity"`
	Prompt   string            `json:"prompt"` // its SHA-256, unless prompts are kept
	Labels   map[string]string `json:"labels"`
	Rating   string            `json:"rating"` // empty if there is none
}

// attemptDoc is an attempt of a generation.
type attemptDoc struct {
	ID        string             `json:"id"`
	Number    int                `json:"number"`
	Part      int                `json:"part"`
	At        time.Time          `json:"at"`
	Target    string             `json:"target"`
	Provider  string             `json:"provider"`
	Model     string             `json:"model"`
	Stage     string             `json:"stage"`
	Outcome   switchyard.Outcome `json:"outcome"` // empty while it runs
	Status    int                `json:"status"`  // 0 if there was no answer
	Images    int                `json:"images"`
	LatencyMS int64              `json:"latency_ms"`
	costDoc
	Job string `json:"job"`
}

type costDoc struct {
	CostUSD   *json.Number      `json:"cost_usd"` // null if nobody knows
	CostBasis switchyard.Basis  `json:"cost_basis"`
	Charge    switchyard.Charge `json:"charge"`
}

func costOf(c switchyard.Cost) costDoc {
	return costDoc{c.USD(), c.Basis, c.Charge}
}

func docOf(acc ledger.Account) generationDoc {
	g := acc.Generation
	return generationDoc{
		ID: g.ID, RequestID: g.RequestID, At: g.Started.UTC(), Tenant: g.Tenant, Key: g.Key, Tier: g.Tier, Kind: g.Kind, Dialect: g.Dialect,
		Path: g.Path, Model: g.Model, Route: g.Route, Variant: g.Variant, Outcome: g.Outcome, Target: g.Target, Provider: g.Provider,
		Served: g.Served, Tried: g.Attempts, Asked: g.Asked, Images: g.Delivered, LatencyMS: g.Latency.Milliseconds(), costDoc: costOf(g.Cost),
		Fidelity: g.Fidelity, Prompt: g.Prompt, Labels: g.Labels, Rating: acc.Rating,
	}
}

func attemptDocOf(a switchyard.Attempt) attemptDoc {
	return attemptDoc{
		ID: a.ID, Number: a.Number, Part: a.Part, At: a.Started.UTC(), Target: a.Target, Provider: a.Provider, Model: a.Model, Stage: a.Stage.String(),
		Outcome: a.Outcome, Status: a.Status, Images: a.Images, LatencyMS: a.Latency.Milliseconds(), costDoc: costOf(a.Cost), Job: a.Job,
	}
}

// generations lists the newest generations. The query may ask for a span of time (RFC 3339), and for an app's own id of
// its request.
func (h *Handler) generations(w http.ResponseWriter, r *http.Request) {
	p, err := pageOf(r)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	h.Settled(r.Context())
	accounts, err := h.Ledger.Generations(r.Context(), p)
	if err != nil {
		fail(w, http.StatusServiceUnavailable, "the database cannot be read")
		return
	}
	docs := make([]generationDoc, len(accounts))
	for i, acc := range accounts {
		docs[i] = docOf(acc)
	}
	answer(w, map[string][]generationDoc{"generations": docs})
}

func pageOf(r *http.Request) (p ledger.Page, err error) {
	q := r.URL.Query()
	p.RequestID = q.Get("request_id")
	if p.Since, err = timeOf(q, "since"); err != nil {
		return p, err
	}
	if p.Until, err = timeOf(q, "until"); err != nil {
		return p, err
	}
	if p.Limit, err = limitOf(r); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// generation answers all about one.
func (h *Handler) generation(w http.ResponseWriter, r *http.Request) {
	h.Settled(r.Context())
	account, err := h.Ledger.Generation(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		fail(w, http.StatusNotFound, err.Error())
		return
	case err != nil:
		fail(w, http.StatusServiceUnavailable, "the database cannot be read")
		return
	}
	doc := struct {
		generationDoc
		Attempts []attemptDoc `json:"attempts"`
	}{docOf(account), make([]attemptDoc, len(account.Attempts))}
	for i, a := range account.Attempts {
		doc.Attempts[i] = attemptDocOf(a)
	}
	answer(w, doc)
}
