package sqlstore

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// The statements that records become. Each gives every column, so that a row is whole even if an earlier record of the same
// subject was destroyed. The epoch is that of the process that opened the row.
var (
	insertAttempt = insert("attempts", "id, generation, epoch, number, part, target, provider, model, started, created_at, latency, stage, "+
		"outcome, status, images, estimate, estimate_basis, cost, basis, charge, job") + ` ON CONFLICT (generation, id) DO `

	openAttempt = insertAttempt + `NOTHING`

	holdAttempt = insertAttempt + `UPDATE SET job = excluded.job`

	settleAttempt = insertAttempt + `UPDATE SET target = excluded.target, provider = excluded.provider, model = excluded.model,
	latency = excluded.latency, stage = excluded.stage, outcome = excluded.outcome, status = excluded.status,
	images = excluded.images, cost = excluded.cost, basis = excluded.basis, charge = excluded.charge,
	job = CASE excluded.job WHEN '' THEN attempts.job ELSE excluded.job END`

	insertGeneration = insert("generations", "id, epoch, request_id, tenant, key_name, kind, dialect, path, model, route, variant, started, "+
		"created_at, latency, outcome, target, provider, served, attempts, asked, delivered, cost, basis, charge, fidelity, prompt, labels, tier, shape, hosted") +
		` ON CONFLICT (id) DO `

	beginGeneration = insertGeneration + `NOTHING`

	endGeneration = insertGeneration + `UPDATE SET request_id = excluded.request_id, tenant = excluded.tenant,
	key_name = excluded.key_name, kind = excluded.kind, dialect = excluded.dialect, path = excluded.path,
	model = excluded.model, route = excluded.route, variant = excluded.variant, latency = excluded.latency,
	outcome = excluded.outcome, target = excluded.target, provider = excluded.provider, served = excluded.served,
	attempts = excluded.attempts, asked = excluded.asked, delivered = excluded.delivered, cost = excluded.cost,
	basis = excluded.basis, charge = excluded.charge, fidelity = excluded.fidelity, prompt = excluded.prompt,
	labels = excluded.labels, tier = excluded.tier, shape = excluded.shape, hosted = excluded.hosted`

	setApplied = `INSERT INTO applied (journal, idx) VALUES ($1, $2) ON CONFLICT (journal) DO UPDATE SET idx = excluded.idx`
)

// Texts returns all statements that Plan uses.
func Texts() []string {
	return []string{openAttempt, holdAttempt, settleAttempt, beginGeneration, endGeneration, addToTarget, addToRoute, setApplied}
}

// insert is an INSERT of as many values as there are columns.
func insert(table, columns string) string {
	marks := make([]string, strings.Count(columns, ",")+1)
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	return "INSERT INTO " + table + " (" + columns + ") VALUES (" + strings.Join(marks, ", ") + ")"
}

// attemptOf returns what a record says of its attempt, as it goes into the row.
func attemptOf(r *ledger.Record) switchyard.Attempt {
	a := r.Attempt
	if r.Kind != ledger.Settled { // under way: its estimate counts in full, in case we die
		a.Outcome = ""
		a.Cost = a.Estimate
		a.Cost.Charge = switchyard.ChargePossible
	}
	return a
}

func (t Technology) attemptValues(a *switchyard.Attempt, epoch string) []any {
	return []any{
		a.ID, a.Generation, epoch, a.Number, a.Part, a.Target, a.Provider, a.Model, nanos(a.Started), t.Created(a.Started),
		int64(a.Latency), int64(a.Stage), string(a.Outcome), a.Status, a.Images, amount(a.Estimate), string(a.Estimate.Basis),
		amount(a.Cost), string(a.Cost.Basis), string(a.Cost.Charge), a.Job,
	}
}

// generationOf returns what a record says of its generation, as it goes into the row.
func generationOf(r *ledger.Record) switchyard.Generation {
	g := r.Generation
	if r.Kind == ledger.Begun {
		g.Outcome = ""
	}
	return g
}

func (t Technology) generationValues(g *switchyard.Generation, epoch string) []any {
	return []any{
		g.ID, epoch, g.RequestID, g.Tenant, g.Key, g.Kind, g.Dialect, g.Path, g.Model, g.Route, g.Variant,
		nanos(g.Started), t.Created(g.Started), int64(g.Latency), string(g.Outcome), g.Target, g.Provider, g.Served,
		g.Attempts, g.Asked, g.Delivered, amount(g.Cost), string(g.Cost.Basis), string(g.Cost.Charge), g.Fidelity, g.Prompt,
		t.labels(g.Labels), g.Tier, g.Shape, strings.Join(g.Hosted, " "),
	}
}

// labels are a JSON object.
func (t Technology) labels(m map[string]string) string {
	if len(m) == 0 {
		return "{}"
	}
	if t.Text != nil {
		held := make(map[string]string, len(m))
		for k, v := range m {
			held[t.Text(k)] = t.Text(v)
		}
		m = held
	}
	b, _ := json.Marshal(m) // strings: cannot fail
	return string(b)
}

// amount is NULL for a price that nobody knows, so that no SUM takes it for zero.
func amount(c switchyard.Cost) any {
	if c.Basis == switchyard.BasisUnknown {
		return nil
	}
	return int64(c.Amount)
}

// nanos returns the nanoseconds since 1970. A time thousands of years away becomes the smallest or the largest number: before
// everything, or after it.
func nanos(t time.Time) int64 {
	switch seconds := t.Unix(); {
	case seconds < 0:
		return 0
	case seconds >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}
