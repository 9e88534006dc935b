package proxy

import (
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/router"
)

// What a request was for. The ledger knows the first two.
const (
	KindGeneration  = "generation"
	KindPassthrough = "passthrough"
	KindTicket      = "ticket" // to take one on, or a question about one; the work for it is a generation
	KindReplay      = "replay" // of an answer that was paid for before
	KindPlan        = "plan"   // a dry run
	KindFile        = "file"
)

// Record is all we say about one request, once, when it is over. It never holds a prompt or a key.
type Record struct {
	ID       string // of the generation
	Started  time.Time
	Method   string
	Dialect  string // the app's; empty if nobody's
	Path     string // the provider's, without a query
	Tenant   string
	Key      string // name of the virtual key
	Kind     string // one of the Kind constants; empty if it came to none
	Model    string // as the app named it
	Route    string
	Variant  string // of an experiment; empty outside of them
	Target   string // that answered
	Provider string
	Served   string               // model that answered
	First    string               // target that the plan began with; empty without a plan
	Expected switchyard.Cost      // what that one would have cost
	Attempts []switchyard.Attempt // that are over, as far as the answer waited for them
	Passed   []router.Passed      // targets that were not tried, as far as it came to them
	Open     []switchyard.Attempt // further ones, of a hedge's loser: what it has under way is at what that may cost
	Cost     switchyard.Cost
	Fidelity string
	Cache    string // "hit" or "miss"; empty if none was asked
	Asked    int    // images
	Images   int    // delivered
	Status   int    // HTTP; 0 if the app was not answered
	Bytes    int64  // of the answer
	Latency  time.Duration
	Err      error              // nil if the app got what it asked for
	Ended    switchyard.Outcome // as the ledger's row tells it; empty without one
	Rules    []error            // of rules that could not be worked out for it: *router.RuleError
	Usage    *switchyard.Usage  // of who answered; nil if it counts no tokens
	Trace    TraceID
	Work     bool // for a ticket, when its request had been answered
	Hedged   bool // a second target was asked while the first was at it
	FellBack bool // another target answered than the plan's first
}

// Tried is how many attempts had been begun when the app was answered.
func (r *Record) Tried() int { return len(r.Attempts) + len(r.Open) }

// outcome is how a generation ended whose app is told err: as its last attempt did, or by what it is told if there was none.
func outcome(err error) switchyard.Outcome {
	if err == nil {
		return switchyard.OK
	}
	e := switchyard.AsError(err)
	if e.Outcome != "" {
		return e.Outcome
	}
	return switchyard.OutcomeOf(e.Kind)
}

// counter sees what the app is answered.
type counter struct {
	http.ResponseWriter
	rec *Record
}

func (c *counter) WriteHeader(status int) {
	if c.rec.Status < http.StatusOK {
		c.rec.Status = status
	}
	if status < 200 {
		for _, name := range hidden {
			c.Header().Del(name)
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(p []byte) (int, error) {
	if c.rec.Status == 0 {
		c.rec.Status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.rec.Bytes += int64(n)
	return n, err
}

// ReadFrom lets the connection copy from a file.
func (c *counter) ReadFrom(r io.Reader) (int64, error) {
	if c.rec.Status == 0 {
		c.rec.Status = http.StatusOK
	}
	n, err := io.Copy(c.ResponseWriter, r)
	c.rec.Bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach what is below.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// tell gives the record of the request, which is over, to whoever counts or follows it.
func (q *request) tell() {
	rec := q.rec
	rec.Latency = max(q.now().Sub(rec.Started), 0)
	if q.Observe != nil {
		q.Observe(rec)
	}
	if q.trace != nil {
		q.trace.End(rec)
	}
	fields := []zap.Field{
		zap.String("id", rec.ID), zap.String("method", rec.Method), zap.String("dialect", rec.Dialect),
		zap.String("path", rec.Path), zap.String("tenant", rec.Tenant), zap.String("kind", rec.Kind),
		zap.String("model", rec.Model), zap.String("route", rec.Route), zap.String("variant", rec.Variant), zap.String("target", rec.Target),
		zap.Int("attempts", rec.Tried()), zap.Int("images", rec.Images), zap.String("cost_usd", costText(rec.Cost)),
		zap.String("fidelity", rec.Fidelity), zap.Int("status", rec.Status), zap.Int64("bytes", rec.Bytes),
		zap.Duration("latency", rec.Latency),
	}
	if id := requestID(q.r.Header); id != "" {
		fields = append(fields, zap.String("request_id", id))
	}
	if len(rec.Passed) > 0 {
		fields = append(fields, zap.Stringers("passed_over", rec.Passed))
	}
	fields = q.traced(fields)
	q.logAttempts()
	if rec.Err != nil {
		q.Log.Warn("request", append(fields, zap.Error(rec.Err))...)
		return
	}
	q.Log.Info("request", fields...)
}

// logAttempts tells of each attempt, for who looks closely.
func (q *request) logAttempts() {
	for i := range q.rec.Attempts {
		entry := q.Log.Check(zap.DebugLevel, "attempt")
		if entry == nil {
			return
		}
		a := &q.rec.Attempts[i]
		entry.Write(q.traced([]zap.Field{
			zap.String("id", a.Generation), zap.Int("number", a.Number), zap.Int("part", a.Part), zap.String("target", a.Target),
			zap.String("outcome", string(a.Outcome)), zap.Stringer("stage", a.Stage), zap.Int("status", a.Status), zap.Int("images", a.Images),
			zap.String("charge", string(a.Cost.Charge)), zap.String("cost_usd", costText(a.Cost)), zap.Duration("latency", a.Latency),
			zap.Error(a.Err),
		})...)
	}
}
