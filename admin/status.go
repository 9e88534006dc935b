package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"switchyard/breaker"
	"switchyard/ledger"
)

// Status is what /api/status answers: how the program stands just now, and what it has spent today (UTC).
type Status struct {
	Status    string           `json:"status"` // as in Health
	Version   string           `json:"version"`
	Started   time.Time        `json:"started"`
	Uptime    int64            `json:"uptime_s"`
	Ready     bool             `json:"ready"` // whether new requests are welcome
	Config    ConfigStatus     `json:"config"`
	Providers []ProviderStatus `json:"providers"`
	Targets   []TargetStatus   `json:"targets"` // "native:X" is provider X with whatever model a request names
	Kills     []breaker.Kill   `json:"kills"`
	Problems  []string         `json:"problems"`
	Timestamp time.Time        `json:"timestamp"`
}

// ConfigStatus tells which config is in force.
type ConfigStatus struct {
	File    string    `json:"file"` // empty: the defaults
	Loaded  time.Time `json:"loaded"`
	Refused string    `json:"refused,omitempty"` // why a later config is not in force
	Waiting []string  `json:"waiting,omitempty"` // settings of the file that take effect only with a restart
}

// ProviderStatus is a provider of the config.
type ProviderStatus struct {
	Provider string `json:"provider"`
	Dialect  string `json:"dialect"`
	Enabled  bool   `json:"enabled"` // by the config
	ProviderHealth
	Busy
	Today *Today `json:"today"` // null if the database cannot be read
}

// Busy is how many requests are under way at a place.
type Busy struct {
	InFlight int `json:"in_flight"`
	Waiting  int `json:"waiting"` // in line for a limit
}

// Today is what a provider has done since midnight, UTC.
type Today struct {
	Attempts int         `json:"attempts"`
	OK       int         `json:"ok"`
	Neither  int         `json:"neither"` // filtered, refused for what they asked, or canceled: they are in no share of success
	Images   int         `json:"images"`
	Cost     json.Number `json:"cost_usd"`     // known amounts, settled and possible
	Possible json.Number `json:"possible_usd"` // the part of it that may not have been charged
	Unknown  int         `json:"unknown"`      // attempts whose price nobody knows; they are not in cost_usd
	Mean     int64       `json:"latency_mean_ms"`
}

// TargetStatus is a target, with its breaker.
type TargetStatus struct {
	Target   string `json:"target"`
	Provider string `json:"provider"`
	Model    string `json:"model,omitempty"`
	Enabled  bool   `json:"enabled"` // by the config
	Busy
	Breaker   breaker.Phase `json:"breaker"`
	Since     time.Time     `json:"since,omitzero"`      // when the breaker came into this phase
	NotBefore time.Time     `json:"not_before,omitzero"` // when it may be tried again; left out if now
	Succeeded int           `json:"succeeded"`           // in the breaker's window
	Failed    int           `json:"failed"`
}

// status answers what the program knows of itself, and adds what the ledger says.
func (h *Handler) status(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	s, health := h.Program(), h.Health()
	s.Status, s.Timestamp, s.Uptime = health.Status, now.UTC(), int64(now.Sub(s.Started)/time.Second)
	s.Problems = append([]string{}, health.Problems...)
	s.Kills = append([]breaker.Kill{}, h.Kills.List()...)
	h.Settled(r.Context())
	totals, err := h.Ledger.Totals(r.Context(), now.UTC().Truncate(24*time.Hour), now)
	if err != nil {
		s.Problems = append(s.Problems, "the database cannot be read")
	}
	for i := range s.Providers {
		p := &s.Providers[i]
		p.ProviderHealth = health.Providers[p.Provider]
		if err == nil {
			p.Today = today(totals, p.Provider)
		}
	}
	states := map[string]breaker.State{}
	for _, b := range h.Breakers() {
		states[b.Target] = b
	}
	for i := range s.Targets {
		s.Targets[i].tell(states[s.Targets[i].Target], now)
	}
	answer(w, s)
}

// today returns a provider's part of the totals.
func today(totals []ledger.Total, provider string) *Today {
	for _, t := range totals {
		if t.Provider == provider {
			return &Today{
				t.Attempts, t.OK, t.Neither, t.Images, json.Number(t.Cost.String()), json.Number(t.Possible.String()), t.Unknown,
				t.Mean.Milliseconds(),
			}
		}
	}
	return &Today{Cost: "0", Possible: "0"}
}

// tell takes over the state of a breaker; the zero State is that of a breaker that was never asked.
func (t *TargetStatus) tell(b breaker.State, now time.Time) {
	t.Breaker, t.Since, t.Succeeded, t.Failed = b.Phase, b.Since.UTC(), b.Counts.Succeeded, b.Counts.Failed
	if b.Phase == "" {
		t.Breaker = breaker.Closed
	}
	if b.Since.IsZero() {
		t.Since = b.Since
	}
	if b.Wait > 0 {
		t.NotBefore = now.Add(b.Wait).UTC().Truncate(time.Millisecond)
	}
}
