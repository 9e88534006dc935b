package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"switchyard/admin"
	"switchyard/alert"
	"switchyard/proxy"
	"switchyard/ticket/hook"
)

// alerts are the rules in force, and how each stands.
//
// A message is sent once, whenever the process dies: it is written to the file together with the states that it tells of,
// then into the deliveries, which take an ID only once, and then taken out of the file. What a process that died has left in
// the file is put into the deliveries by the next one.
type alerts struct {
	rules atomic.Pointer[[]*alert.Rule]
	known atomic.Pointer[[]alert.State] // for readers; the same as doc's
	ticks <-chan time.Time              // when to look, for tests; nil: each alertEvery

	mu    sync.Mutex // guards the next three, and is held while one looks
	path  string
	doc   alertDoc
	blind bool // the ledger could not be read

	seen   seen
	untold untold
}

// alertDoc is the file.
type alertDoc struct {
	States []alert.State `json:"states"`
	Outbox []outgoing    `json:"outbox"`
}

// outgoing is a message that is not with the deliveries yet.
type outgoing struct {
	ID   string `json:"id"`
	To   string `json:"to"`
	Body []byte `json:"body"`
}

// alertEvery is how often the conditions are looked at.
const alertEvery = 15 * time.Second

// use puts the rules of a config in force.
func (a *alerts) use(rules []*alert.Rule) { a.rules.Store(&rules) }

// observe learns what the ledger's sums do not have.
func (a *alerts) observe(rec *proxy.Record) { a.seen.observe(rec) }

// openAlerts goes on where an earlier process was. A file that cannot be read is no reason not to serve: an alert that
// fires then may be told a second time.
func (s *sidecar) openAlerts(path string) {
	a := &s.alerts
	a.mu.Lock()
	defer a.mu.Unlock()
	a.path = path
	doc, _, err := readLasting[alertDoc](path)
	if err != nil {
		s.log.Error("alerts: what was known of them is lost", zap.Error(err))
	} else {
		a.doc = doc
	}
	a.known.Store(&a.doc.States)
	s.alertMetrics()
}

// watchAlerts looks until ctx ends.
func (s *sidecar) watchAlerts(ctx context.Context) {
	ticks := s.alerts.ticks
	if ticks == nil {
		tick := time.NewTicker(alertEvery)
		defer tick.Stop()
		ticks = tick.C
	}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks:
			s.lookAtAlerts(ctx, now)
		}
	}
}

// lookAtAlerts works all conditions out, and has sent what is due.
func (s *sidecar) lookAtAlerts(ctx context.Context, now time.Time) {
	a := &s.alerts
	a.mu.Lock()
	defer a.mu.Unlock()
	readings, err := s.readAlerts(ctx, *a.rules.Load(), now)
	if ctx.Err() != nil {
		return
	}
	if err != nil && !a.blind { // once, however long it lasts
		s.log.Warn("alerts: those that rest on the ledger stay as they are", zap.Error(err))
	}
	a.blind = err != nil
	next, notices := alert.Advance(a.doc.States, readings, now.UTC())
	changed := !alert.Same(a.doc.States, next)
	a.doc.States = next
	a.known.Store(&next)
	s.logAlerts(notices)
	a.doc.Outbox = append(a.doc.Outbox, s.messages(notices)...)
	if changed {
		s.keepAlerts()
	}
	s.sendAlerts(ctx)
}

func (s *sidecar) logAlerts(notices []alert.Notice) {
	for _, n := range notices {
		log := s.log.Warn
		if n.State.Phase == alert.Resolved {
			log = s.log.Info
		}
		log("alert", zap.String("alert", n.State.Name), zap.String("state", string(n.State.Phase)),
			zap.String("rule", n.State.Rule), zap.String("message", n.State.Message))
	}
}

// messages are the notices as the receivers want them. One without a webhook wants none.
func (s *sidecar) messages(notices []alert.Notice) []outgoing {
	var list []outgoing
	for _, m := range alert.Group(notices) {
		r := s.file.Load().Notify.Find(m.To)
		if r == nil || r.Webhook.IsZero() {
			continue
		}
		body, err := m.Encode(r.Format)
		if err != nil {
			s.log.Error("alerts: not sent", zap.String("to", m.To), zap.Error(err))
			continue
		}
		list = append(list, outgoing{m.ID, m.To, body})
	}
	return list
}

// keepAlerts writes the file. Without it an alert may be told twice, which is better than not at all. Requires alerts.mu.
func (s *sidecar) keepAlerts() {
	if err := writeLasting(s.alerts.path, s.alerts.doc); err != nil {
		s.log.Error("alerts: a restart would forget how they stand", zap.Error(err))
	}
}

// sendAlerts hands the outbox to the deliveries. What they cannot take now, they are given at the next look. Requires
// alerts.mu.
func (s *sidecar) sendAlerts(ctx context.Context) {
	a := &s.alerts
	if len(a.doc.Outbox) == 0 {
		return
	}
	var notices []hook.Notice
	for _, m := range a.doc.Outbox {
		notices = append(notices, hook.Notice{ID: m.ID, Ticket: "alerts to " + m.To, Dialect: alertDialect, URL: receiverScheme + m.To, Event: "alert", Body: m.Body})
	}
	if err := s.insertNotices(ctx, notices); err != nil {
		s.log.Error("alerts: not sent yet", zap.Error(err))
		return
	}
	a.doc.Outbox = nil
	s.keepAlerts()
}

func (s *sidecar) insertNotices(ctx context.Context, notices []hook.Notice) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := s.hooks.Insert(ctx, tx, notices...); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.hooks.Wake()
	return nil
}

// alertDialect marks the notices of alerts among those of tickets, and receiverScheme their addresses: the database holds
// the receiver's name, and its address, which is a secret, is taken from the config in force when the message leaves.
const (
	alertDialect   = "switchyard"
	receiverScheme = "notify://"
)

// cutReceiver is the receiver that such an address names.
func cutReceiver(address string) (name string, ours bool) {
	return strings.CutPrefix(address, receiverScheme)
}

// errNoReceiver is a receiver that a reload has taken out.
var errNoReceiver = errors.New("no such receiver in the config any more")

// poster sends what Hooks deliver.
type poster struct{ side *sidecar }

func (p poster) Post(ctx context.Context, address string, header http.Header, body []byte) (int, time.Duration, error) {
	name, ours := cutReceiver(address)
	if !ours {
		return p.side.fetcher.Post(ctx, address, header, body)
	}
	r := p.side.file.Load().Notify.Find(name)
	if r == nil || r.Webhook.IsZero() {
		return 0, 0, errNoReceiver
	}
	status, wait, err := p.side.fetcher.Post(ctx, r.Webhook.Reveal(), header, body)
	if err == nil && status/100 == 2 {
		p.side.alerts.untold.arrived(name)
	}
	return status, wait, err
}

// alertStates are the alerts as the admin side shows them.
func (s *sidecar) alertStates() []admin.AlertState {
	list := []admin.AlertState{}
	for _, st := range s.alerts.states() {
		list = append(list, admin.AlertState{Name: st.Name, Rule: st.Rule, State: string(st.Phase), Since: st.Since, Value: st.Value, Message: st.Message})
	}
	return list
}

func (a *alerts) states() []alert.State {
	if known := a.known.Load(); known != nil {
		return *known
	}
	return nil
}

// firing names the alerts that fire, in words.
func (a *alerts) firing() []string {
	var list []string
	for _, st := range a.states() {
		if st.Phase == alert.Firing {
			list = append(list, st.Name+": "+st.Message)
		}
	}
	return slices.Clip(list)
}
