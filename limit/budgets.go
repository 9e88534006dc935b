package limit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"switchyard"
)

// Spent is what a subject has spent in a window of time.
type Spent struct {
	Money   switchyard.Money // known amounts, possible ones included
	Images  int
	Unknown int // attempts that cost an amount which nobody knows
}

// Books tell what was spent before a budget began to count, by attempts that started at since or later, and before until: by each key,
// tenant, provider, target or route (kind), or by all of them under the empty name. What still runs counts at its estimate, without images:
// those are known when it ends.
type Books func(ctx context.Context, kind string, since, until time.Time) (map[string]Spent, error)

// Budgets keep spending within bounds. The estimate of a request is reserved before it leaves, and its real cost is booked when it has
// ended, so that requests at the same time cannot spend the same money. They outlive reloads. The zero value has none. On a nil *Budgets,
// which has none either, only Reserve and Resume may be called. All methods may be called at once.
type Budgets struct {
	mu   sync.Mutex // guards all below
	list []*purse
	open map[*reservation]struct{} // what is under way
}

// purse is a budget with the accounts of whoever spends from it.
type purse struct {
	Budget
	kind, one string
	window    *window
}

// window is the calendar window that a budget is in, the same for all subjects.
type window struct {
	from, until time.Time
	accounts    map[string]*account // :: subject → what it has spent in this window; the empty one is for all
}

// account is one subject's account in one window. When the window has ended it stays as it is, for those who still have something reserved
// in it.
type account struct {
	spent    Spent
	reserved Spent
}

// reservation is a request under way.
type reservation struct {
	Spending
	started time.Time
	places  []place
}

// place is an account that a reservation is in, with the way to it.
type place struct {
	purse   *purse
	subject string
	account *account
}

// Configure puts budgets in force. One that stays the same in name, scope and window keeps its accounts; a new one begins
// with what the books say, and settles what is under way as every other. If they cannot be read, everything stays as it was.
func (b *Budgets) Configure(ctx context.Context, list []Budget, now time.Time, books Books) error {
	old, added, underWay := b.swap(list)
	for _, p := range added {
		from, _ := p.calendar(now)
		spent, err := books(ctx, p.kind, from, now)
		if err != nil {
			b.mu.Lock()
			b.list = old
			b.mu.Unlock()
			return fmt.Errorf("budget %q: what has been spent: %w", p.Name, err)
		}
		b.mu.Lock()
		for subject, s := range spent {
			if subject == "" && p.kind != overAll || p.one != "" && p.one != subject {
				continue
			}
			p.account(subject, now).spent.add(s, 1)
		}
		for _, r := range underWay {
			if _, open := b.open[r]; open && r.started.Before(now) {
				r.resume(p, now)
			}
		}
		b.mu.Unlock()
	}
	return nil
}

// swap puts list in force, and returns the purses of before, those of list that are new, and the requests that these do not know of.
func (b *Budgets) swap(list []Budget) (old, added []*purse, underWay []*reservation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	next := make([]*purse, 0, len(list))
	for _, budget := range list {
		p := &purse{Budget: budget, window: &window{}}
		p.kind, p.one = budget.One()
		same := slices.IndexFunc(b.list, func(o *purse) bool {
			return o.Name == p.Name && o.Scope == p.Scope && o.Per == p.Per && o.Timezone == p.Timezone
		})
		if same >= 0 {
			p.window = b.list[same].window
		} else {
			added = append(added, p)
		}
		next = append(next, p)
	}
	old, b.list = b.list, next
	return old, added, slices.Collect(maps.Keys(b.open))
}

// Reserve takes what a request will cost out of every budget that it falls under, or out of none. If err is nil, the
// caller must call settle once it knows what the request did cost; more calls do nothing. Otherwise err is a
// *switchyard.Error of kind OverBudget with the time until the window ends. It wraps ErrLimited if the target is to be
// passed over; if it does not, the request is to end.
func (b *Budgets) Reserve(s Spending, now time.Time) (settle func(switchyard.Cost, int), err error) {
	if b == nil {
		return func(switchyard.Cost, int) {}, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &reservation{Spending: s, started: now}
	for _, p := range b.list {
		a := p.of(&s, now)
		if a == nil {
			continue
		}
		r.places = append(r.places, place{p, p.subject(&s), a})
		if err := p.refusal(a, &s, now); err != nil {
			r.tidy()
			return nil, err
		}
	}
	for _, h := range r.places {
		h.account.reserved.add(worth(&s), 1)
	}
	return b.hold(r), nil
}

// Resume is Reserve for a request that an earlier process sent, and whose estimate the books counted: it is settled as
// every other, and never refused, since it has been paid for.
func (b *Budgets) Resume(s Spending, started, now time.Time) (settle func(switchyard.Cost, int)) {
	if b == nil {
		return func(switchyard.Cost, int) {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &reservation{Spending: s, started: started}
	for _, p := range b.list {
		r.resume(p, now)
	}
	return b.hold(r)
}

// resume reserves in a purse what its books have counted as if it were lost.
func (r *reservation) resume(p *purse, now time.Time) {
	a := p.of(&r.Spending, now)
	if a == nil || r.started.Before(p.window.from) {
		return
	}
	lost := r.Estimate
	lost.Charge = switchyard.ChargePossible
	a.spent.add(charged(lost, 0), -1)
	a.reserved.add(worth(&r.Spending), 1)
	r.places = append(r.places, place{p, p.subject(&r.Spending), a})
}

// hold keeps a reservation until the returned function is called. Requires mu.
func (b *Budgets) hold(r *reservation) func(switchyard.Cost, int) {
	if b.open == nil {
		b.open = map[*reservation]struct{}{}
	}
	b.open[r] = struct{}{}
	return func(cost switchyard.Cost, images int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, open := b.open[r]; !open {
			return
		}
		delete(b.open, r)
		for _, h := range r.places {
			h.account.reserved.add(worth(&r.Spending), -1)
			h.account.spent.add(charged(cost, images), 1)
		}
		r.tidy()
	}
}

// tidy removes the accounts of a reservation that have nothing in them.
func (r *reservation) tidy() {
	for _, h := range r.places {
		h.purse.tidy(h.subject, h.account)
	}
}

// worth returns what a request costs if all goes well.
func worth(s *Spending) Spent {
	w := Spent{Images: s.Images}
	if s.Estimate.Basis != switchyard.BasisUnknown {
		w.Money = s.Estimate.Amount
	}
	return w
}

// charged returns what an attempt has cost.
func charged(cost switchyard.Cost, images int) Spent {
	switch {
	case cost.Charge == switchyard.ChargeNone || cost.Charge == "":
		return Spent{Images: images}
	case cost.Basis == switchyard.BasisUnknown:
		return Spent{Images: images, Unknown: 1}
	}
	return Spent{Money: cost.Amount, Images: images}
}

func (s *Spent) add(o Spent, times int) {
	s.Money += o.Money * switchyard.Money(times)
	s.Images += o.Images * times
	s.Unknown += o.Unknown * times
}

func (p *purse) subject(s *Spending) string { return s.subject(p.kind) }

// of returns the account that a request would be paid from; nil if the budget is not over it.
func (p *purse) of(s *Spending, now time.Time) *account {
	subject := p.subject(s)
	if p.kind != overAll && subject == "" || p.one != "" && p.one != subject {
		return nil
	}
	return p.account(subject, now)
}

// stepBack is how far a clock may be set back before a window that has begun is left. If a clock that was far ahead is set right, its
// window would otherwise last until the time in the future at which it ends.
const stepBack = time.Hour

// account is a subject's, of the present window.
func (p *purse) account(subject string, now time.Time) *account {
	w := p.window
	if !now.Before(w.until) || w.from.Sub(now) > stepBack {
		w.from, w.until = p.calendar(now)
		w.accounts = map[string]*account{}
	}
	a := w.accounts[subject]
	if a == nil {
		a = &account{}
		w.accounts[subject] = a
	}
	return a
}

// tidy removes an account that has nothing in it, or names that come and go would pile up. The number of accounts with money in them is
// bounded by the money.
func (p *purse) tidy(subject string, a *account) {
	if w := p.window; w.accounts[subject] == a && *a == (account{}) {
		delete(w.accounts, subject)
	}
}

// refusal returns why a request may not leave; nil if it may.
func (p *purse) refusal(a *account, s *Spending, now time.Time) error {
	unpriced, taken := s.Estimate.Basis == switchyard.BasisUnknown, a.spent.Money+a.reserved.Money
	var why string
	switch {
	case p.USD > 0 && unpriced && p.Unknown == PassOver:
		// Not the budget's end, but the target's lack of a price: another one may serve.
		return p.passed(s, 0, "the price is not known")
	case p.USD > 0 && unpriced && taken >= p.USD:
		why = fmt.Sprintf("$%v of $%v are spent, and $%v reserved", a.spent.Money, p.USD, a.reserved.Money)
	case p.USD > 0 && taken+s.Estimate.Amount > p.USD:
		why = fmt.Sprintf("$%v of $%v are spent, and $%v reserved, which leaves too little for $%v",
			a.spent.Money, p.USD, a.reserved.Money, s.Estimate.Amount)
	case p.Images > 0 && a.spent.Images+a.reserved.Images+s.Images > p.Images:
		why = fmt.Sprintf("%d of %d images are made, and %d reserved, which leaves too few for %d",
			a.spent.Images, p.Images, a.reserved.Images, s.Images)
	default:
		return nil
	}
	left := p.window.until.Sub(now)
	if p.atLimit() == PassOver {
		return p.passed(s, left, why)
	}
	return &switchyard.Error{
		Kind: switchyard.OverBudget, Stage: switchyard.Unsent, RetryAfter: left,
		Err: fmt.Errorf("budget %q: %s", p.Name, why),
	}
}

func (p *purse) passed(s *Spending, after time.Duration, why string) error {
	return &switchyard.Error{
		Kind: switchyard.OverBudget, Stage: switchyard.Unsent, RetryAfter: after, Target: s.Target,
		Err: fmt.Errorf("%w: budget %q: %s", ErrLimited, p.Name, why),
	}
}

// BudgetState is how a budget stands with one of those that spend from it.
type BudgetState struct {
	Budget
	Subject  string // who spends, such as "acme"; empty for all
	Spent    Spent
	Reserved Spent     // by requests under way
	Resets   time.Time // when the window ends
}

// Used is the share of the budget that is spent or reserved, of its money or its images, whichever is more.
func (s *BudgetState) Used() float64 {
	used := 0.0
	if s.USD > 0 {
		used = float64(s.Spent.Money+s.Reserved.Money) / float64(s.USD)
	}
	if s.Images > 0 {
		used = max(used, float64(s.Spent.Images+s.Reserved.Images)/float64(s.Budget.Images))
	}
	return used
}

// States returns how all budgets stand, in the order of the file, then by subject. A budget that nobody has spent from has a state only if
// it is over one subject, or over all.
func (b *Budgets) States(now time.Time) []BudgetState {
	b.mu.Lock()
	defer b.mu.Unlock()
	var states []BudgetState
	for _, p := range b.list {
		one := p.account(p.one, now) // and the window is the present one
		from := len(states)
		for subject, a := range p.window.accounts {
			if a != one || p.kind == overAll || p.one != "" {
				states = append(states, BudgetState{p.Budget, subject, a.spent, a.reserved, p.window.until})
			}
		}
		slices.SortFunc(states[from:], func(x, y BudgetState) int { return cmp.Compare(x.Subject, y.Subject) })
	}
	return states
}
