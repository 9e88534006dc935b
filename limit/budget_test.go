package limit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/limit"
)

var noon = time.Date(2026, 11, 24, 12, 30, 0, 0, time.UTC)

const cents = switchyard.Dollar / 100

func budget(change func(*limit.Budget)) limit.Budget {
	var b limit.Budget
	b.SetDefaults()
	b.Name, b.Scope, b.USD = "daily", "all", switchyard.Dollar
	if change != nil {
		change(&b)
	}
	return b
}

func nothing(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
	return nil, nil
}

func configured(t *testing.T, books limit.Books, list ...limit.Budget) *limit.Budgets {
	t.Helper()
	b := &limit.Budgets{}
	if err := b.Configure(t.Context(), list, noon, books); err != nil {
		t.Fatal(err)
	}
	return b
}

func estimate(m switchyard.Money) switchyard.Cost {
	return switchyard.Cost{Amount: m, Basis: switchyard.BasisEstimate}
}

func paid(m switchyard.Money) switchyard.Cost {
	return switchyard.Cost{Amount: m, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled}
}

var free = switchyard.Cost{Charge: switchyard.ChargeNone}

// TestBudgetHolds has many requests spend at once: never more than the budget has.
func TestBudgetHolds(t *testing.T) {
	b := configured(t, nothing, budget(nil))
	var made sync.Map
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			settle, err := b.Reserve(limit.Spending{Estimate: estimate(4 * cents), Images: 1}, noon)
			if err == nil {
				made.Store(i, true)
				settle(paid(4*cents), 1)
			} else if e := switchyard.AsError(err); e.Kind != switchyard.OverBudget || errors.Is(err, limit.ErrLimited) {
				t.Errorf("refused with %v", err)
			}
		})
	}
	all.Wait()
	n := 0
	made.Range(func(any, any) bool { n++; return true })
	if n != 25 {
		t.Errorf("%d requests of 4 cents got through on a budget of $1", n)
	}
	if s := b.States(noon); len(s) != 1 || s[0].Spent.Money != switchyard.Dollar || s[0].Reserved != (limit.Spent{}) || s[0].Used() != 1 {
		t.Errorf("states are %+v", s)
	}
}

// TestBudgetSettles books what requests did cost, and gives back what they did not.
func TestBudgetSettles(t *testing.T) {
	b := configured(t, nothing, budget(nil))
	spend := func(e, c switchyard.Cost) error {
		settle, err := b.Reserve(limit.Spending{Estimate: e, Images: 1}, noon)
		if err == nil {
			settle(c, 1)
			settle(c, 1) // does nothing
		}
		return err
	}
	for range 10 {
		if err := spend(estimate(90*cents), free); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(spend(estimate(50*cents), paid(60*cents)), spend(estimate(40*cents), paid(30*cents))); err != nil {
		t.Fatal(err)
	}
	err := spend(estimate(11*cents), free)
	if e := switchyard.AsError(err); err == nil || e.RetryAfter != 11*time.Hour+30*time.Minute || e.Stage != switchyard.Unsent {
		t.Errorf("11 cents of 10: %v, after %v", err, switchyard.AsError(err).RetryAfter)
	} else if !strings.Contains(err.Error(), `budget "daily": $0.9 of $1 are spent, and $0 reserved, which leaves too little for $0.11`) {
		t.Errorf("it is told %v", err)
	}
	possible := paid(10 * cents)
	possible.Charge = switchyard.ChargePossible
	if err := spend(estimate(10*cents), possible); err != nil {
		t.Error(err)
	}
	if err := spend(estimate(1), free); err == nil {
		t.Error("a possible charge does not count")
	}
	if err := spend(estimate(0), free); err != nil {
		t.Errorf("what costs nothing needs no money: %v", err)
	}
}

// TestBudgetSubjects keeps apart whom a budget is over.
func TestBudgetSubjects(t *testing.T) {
	for _, c := range []struct {
		scope string
		fits  limit.Spending // from which the budget is spent
		other limit.Spending // which has nothing to do with it
	}{
		{"key:web", limit.Spending{Key: "web"}, limit.Spending{Key: "app"}},
		{"key", limit.Spending{Key: "web"}, limit.Spending{Key: "app"}},
		{"tenant", limit.Spending{Tenant: "acme"}, limit.Spending{Tenant: "other"}},
		{"provider:fal", limit.Spending{Provider: "fal"}, limit.Spending{Provider: "google"}},
		{"target:flux", limit.Spending{Target: "flux"}, limit.Spending{Target: "sdxl"}},
		{"route:pro", limit.Spending{Route: "pro"}, limit.Spending{Route: ""}},
	} {
		t.Run(c.scope, func(t *testing.T) {
			b := configured(t, nothing, budget(func(b *limit.Budget) { b.Scope = c.scope }))
			c.fits.Estimate, c.other.Estimate = estimate(60*cents), estimate(60*cents)
			if _, err := b.Reserve(c.fits, noon); err != nil {
				t.Fatal(err)
			}
			_, err := b.Reserve(c.fits, noon)
			passed := strings.HasPrefix(c.scope, "provider") || strings.HasPrefix(c.scope, "target")
			if err == nil || errors.Is(err, limit.ErrLimited) != passed {
				t.Errorf("over its budget: %v", err)
			}
			if _, err := b.Reserve(c.other, noon); err != nil {
				t.Errorf("another: %v", err)
			}
		})
	}
}

// TestBudgetOfOthers: who has no name, or another than the budget's, spends nothing from it, however much.
func TestBudgetOfOthers(t *testing.T) {
	for scope, s := range map[string]limit.Spending{"key": {}, "tenant:acme": {Tenant: "other"}} {
		b := configured(t, nothing, budget(func(b *limit.Budget) { b.Scope = scope }))
		s.Estimate = estimate(switchyard.Dollar)
		for range 2 {
			if _, err := b.Reserve(s, noon); err != nil {
				t.Errorf("%s: %v", scope, err)
			}
		}
		b.Resume(s, noon, noon)(paid(switchyard.Dollar), 1)
	}
}

// TestBudgetAllOrNone leaves the other budgets alone when one of them refuses.
func TestBudgetAllOrNone(t *testing.T) {
	b := configured(t, nothing, budget(nil), budget(func(b *limit.Budget) { b.Name, b.Scope, b.USD, b.Images = "few", "provider:fal", 0, 2 }))
	for _, n := range []int{2, 1} {
		_, err := b.Reserve(limit.Spending{Provider: "fal", Estimate: estimate(cents), Images: n}, noon)
		if (err == nil) != (n == 2) || err != nil && !strings.Contains(err.Error(), `budget "few": 0 of 2 images are made, and 2 reserved, which leaves too few for 1`) {
			t.Errorf("%d images: %v", n, err)
		}
	}
	if s := b.States(noon); s[0].Reserved.Money != cents || s[1].Reserved.Images != 2 || s[1].Used() != 1 {
		t.Errorf("states are %+v", s)
	}
}

func TestBudgetUnknown(t *testing.T) {
	unknown := switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargeSettled}
	b := configured(t, nothing, budget(nil))
	if _, err := b.Reserve(limit.Spending{Estimate: unknown}, noon); !errors.Is(err, limit.ErrLimited) {
		t.Errorf("a target without a price is not passed over: %v", err)
	}
	b = configured(t, nothing, budget(func(b *limit.Budget) { b.Unknown = limit.Allow }))
	settle, err := b.Reserve(limit.Spending{Estimate: unknown, Images: 1}, noon)
	if err != nil {
		t.Fatal(err)
	}
	settle(unknown, 1)
	if s := b.States(noon); s[0].Spent != (limit.Spent{Images: 1, Unknown: 1}) {
		t.Errorf("states are %+v", s)
	}
	settle, _ = b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, noon)
	if _, err := b.Reserve(limit.Spending{Estimate: unknown}, noon); err == nil {
		t.Error("what has no price goes on when all the money is reserved")
	}
	settle(paid(switchyard.Dollar), 1)
	if _, err := b.Reserve(limit.Spending{Estimate: unknown}, noon); err == nil {
		t.Error("what has no price goes on when the money is at its end")
	}
	for _, what := range []string{limit.PassOver, limit.Allow} {
		b = configured(t, nothing, budget(func(b *limit.Budget) { b.USD, b.Images, b.Unknown = 0, 2, what }))
		if _, err := b.Reserve(limit.Spending{Estimate: unknown, Images: 2}, noon); err != nil {
			t.Errorf("a budget of images asks for a price: %v", err)
		}
	}
}

// TestBudgetWindows begins anew with each, in the calendar of the budget's own zone.
func TestBudgetWindows(t *testing.T) {
	for _, c := range []struct{ per, zone, resets string }{
		{"hour", "", "2026-11-24T13:00:00Z"},
		{"hour", "Asia/Kolkata", "2026-11-24T12:30:00Z"}, // half an hour off
		{"day", "", "2026-11-25T00:00:00Z"},
		{"day", "America/New_York", "2026-11-25T05:00:00Z"},
		{"month", "", "2026-12-01T00:00:00Z"},
	} {
		now := noon.Add(-1)
		b := &limit.Budgets{}
		list := []limit.Budget{budget(func(b *limit.Budget) { b.Per, b.Timezone = c.per, c.zone })}
		if err := b.Configure(t.Context(), list, now, nothing); err != nil {
			t.Fatal(err)
		}
		settle, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, now)
		if err != nil {
			t.Fatal(err)
		}
		resets := b.States(now)[0].Resets
		if got := resets.UTC().Format(time.RFC3339); got != c.resets {
			t.Errorf("%s in %q: the window ends at %s, want %s", c.per, c.zone, got, c.resets)
		}
		if _, err := b.Reserve(limit.Spending{Estimate: estimate(1)}, resets.Add(-1)); err == nil {
			t.Errorf("%s in %q: there is money before the window ends", c.per, c.zone)
		}
		next, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, resets)
		if err != nil {
			t.Errorf("%s in %q: there is none in the next window: %v", c.per, c.zone, err)
			continue
		}
		next(free, 0)
		settle(paid(switchyard.Dollar), 1) // of the window in which it began
		if s := b.States(resets)[0]; s.Spent != (limit.Spent{}) || s.Reserved != (limit.Spent{}) {
			t.Errorf("%s in %q: the next window is %+v", c.per, c.zone, s)
		}
	}
}

// TestBudgetMidnightSkipped: where clocks are put forward at midnight, the day begins at one o'clock, and the one before it lasts
// until then.
func TestBudgetMidnightSkipped(t *testing.T) {
	for zone, midnight := range map[string]string{
		"America/Santiago": "2026-09-06T04:00:00Z",
		"America/Havana":   "2026-03-08T05:00:00Z",
		"Africa/Cairo":     "2026-04-23T22:00:00Z",
		"Atlantic/Azores":  "2026-03-29T01:00:00Z",
	} {
		begins, err := time.Parse(time.RFC3339, midnight)
		if err != nil {
			t.Fatal(err)
		}
		b := configured(t, nothing, budget(func(b *limit.Budget) { b.Timezone = zone }))
		for _, c := range []struct {
			at     time.Time
			resets time.Duration // from begins on
			taken  bool          // whether there is money yet
		}{
			{begins.Add(-time.Minute), 0, true},
			{begins.Add(-1), 0, false},
			{begins, 23 * time.Hour, true},
			{begins.Add(time.Minute), 23 * time.Hour, false},
		} {
			settle, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, c.at)
			if (err == nil) != c.taken {
				t.Errorf("%s: at %v: %v", zone, c.at.Sub(begins), err)
			}
			if err == nil {
				settle(paid(switchyard.Dollar), 1)
			}
			if got := b.States(c.at)[0].Resets; !got.Equal(begins.Add(c.resets)) {
				t.Errorf("%s: at %v the window ends at %v", zone, c.at.Sub(begins), got.Sub(begins))
			}
		}
	}
}

// TestBudgetClockPutRight: a window that the clock ran into while it was far ahead is over when it has been put right; one that a
// small step back leaves goes on.
func TestBudgetClockPutRight(t *testing.T) {
	b := configured(t, nothing, budget(nil))
	spend := func(now time.Time) error {
		settle, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, now)
		if err == nil {
			settle(paid(switchyard.Dollar), 1)
		}
		return err
	}
	midnight := noon.Add(12 * time.Hour)
	for _, c := range []struct {
		at    time.Time
		taken bool
	}{
		{noon.AddDate(10, 0, 0), true},
		{noon, true},
		{midnight.Add(time.Second), true},
		{midnight.Add(-time.Second), false},
		{midnight.Add(time.Minute), false},
	} {
		if err := spend(c.at); (err == nil) != c.taken {
			t.Errorf("at %v: %v", c.at, err)
		}
	}
}

// TestBudgetEndsLate: what ends after its window leaves the account of the present one alone.
func TestBudgetEndsLate(t *testing.T) {
	b := configured(t, nothing, budget(nil))
	late, err := b.Reserve(limit.Spending{Estimate: estimate(cents)}, noon)
	if err != nil {
		t.Fatal(err)
	}
	tomorrow := noon.Add(24 * time.Hour)
	settle, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, tomorrow)
	if err != nil {
		t.Fatal(err)
	}
	settle(paid(switchyard.Dollar), 1)
	late(free, 0)
	if _, err := b.Reserve(limit.Spending{Estimate: estimate(1)}, tomorrow); err == nil {
		t.Error("what the present window has spent is forgotten")
	}
}

// TestBudgetChanged: what was counted for another scope or window is of no use, so the books are asked.
func TestBudgetChanged(t *testing.T) {
	for what, change := range map[string]func(*limit.Budget){
		"name":     func(b *limit.Budget) { b.Name = "other" },
		"scope":    func(b *limit.Budget) { b.Scope = "tenant" },
		"per":      func(b *limit.Budget) { b.Per = limit.PerMonth },
		"timezone": func(b *limit.Budget) { b.Timezone = "Asia/Kolkata" },
	} {
		asked := false
		books := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
			asked = true
			return nil, nil
		}
		b := configured(t, nothing, budget(nil))
		if err := b.Configure(t.Context(), []limit.Budget{budget(change)}, noon, books); err != nil || !asked {
			t.Errorf("with another %s it goes on from what it had: %v", what, err)
		}
	}
}

// TestBudgetStates tells of each who has spent, by name, and of those alone.
func TestBudgetStates(t *testing.T) {
	books := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
		return map[string]limit.Spent{"d": {Images: 1}, "b": {Money: 10 * cents}, "a": {Money: 20 * cents}, "c": {Images: 4}, "": {Money: cents}}, nil
	}
	b := configured(t, books, budget(func(b *limit.Budget) { b.Scope, b.Images = "tenant", 8 }))
	if _, err := b.Reserve(limit.Spending{Tenant: "b", Estimate: estimate(30 * cents), Images: 1}, noon); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range b.States(noon) {
		got = append(got, fmt.Sprint(s.Subject, " ", s.Used()))
	}
	if want := "[a 0.2 b 0.4 c 0.5 d 0.125]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}

// TestBudgetBooks begins with what was spent before, once, and takes back what an earlier process had under way.
func TestBudgetBooks(t *testing.T) {
	asked := 0
	books := func(_ context.Context, kind string, since, until time.Time) (map[string]limit.Spent, error) {
		asked++
		if kind != "tenant" || !since.Equal(noon.Truncate(24*time.Hour)) || !until.Equal(noon) {
			t.Errorf("the books are asked for %s since %v until %v", kind, since, until)
		}
		return map[string]limit.Spent{"acme": {Money: 90 * cents, Images: 3}, "other": {Money: cents}, "": {Money: switchyard.Dollar}}, nil
	}
	list := []limit.Budget{budget(func(b *limit.Budget) { b.Scope = "tenant:acme" })}
	b := configured(t, books, list...)
	acme := limit.Spending{Tenant: "acme", Estimate: estimate(20 * cents), Images: 1}
	if _, err := b.Reserve(acme, noon); err == nil {
		t.Error("what was spent before does not count")
	}
	settle := b.Resume(acme, noon.Add(-time.Minute), noon)
	settle(paid(15*cents), 1)
	b.Resume(acme, noon.Add(-24*time.Hour), noon)(paid(switchyard.Dollar), 1) // of an earlier window
	list[0].USD = 2 * switchyard.Dollar
	if err := b.Configure(t.Context(), list, noon, books); err != nil || asked != 1 {
		t.Errorf("configured anew: %v, and the books were asked %d times", err, asked)
	}
	if s := b.States(noon); len(s) != 1 || s[0].Spent != (limit.Spent{Money: 85 * cents, Images: 4}) || s[0].Reserved != (limit.Spent{}) {
		t.Errorf("states are %+v", s)
	}
}

// TestBudgetBeginsAmongRequests: a budget that begins while requests are under way counts each once. The books have those that began before
// at their estimate, and what they come to takes its place.
func TestBudgetBeginsAmongRequests(t *testing.T) {
	b := configured(t, nothing)
	reserve := func(cost switchyard.Money, at time.Time) func(switchyard.Cost, int) {
		settle, err := b.Reserve(limit.Spending{Tenant: "acme", Estimate: estimate(cost), Images: 1}, at)
		if err != nil {
			t.Error(err)
		}
		return settle
	}
	before := func(cost switchyard.Money) func(switchyard.Cost, int) { return reserve(cost, noon.Add(-time.Minute)) }
	ok, failed, runs, ended := before(4*cents), before(5*cents), before(7*cents), before(3*cents)
	resumed := b.Resume(limit.Spending{Tenant: "acme", Estimate: estimate(2 * cents), Images: 1}, noon.Add(-time.Hour), noon)
	early := b.Resume(limit.Spending{Tenant: "acme", Estimate: estimate(switchyard.Dollar), Images: 1}, noon.Add(-24*time.Hour), noon)
	var during func(switchyard.Cost, int)
	books := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
		during = reserve(cents, noon.Add(-time.Second))
		ended(paid(3*cents), 1)
		return map[string]limit.Spent{"acme": {Money: 30 * cents, Images: 2}}, nil // 12 of them spent, 18 under way
	}
	list := []limit.Budget{budget(func(b *limit.Budget) { b.Scope = "tenant" })}
	if err := b.Configure(t.Context(), list, noon, books); err != nil {
		t.Fatal(err)
	}
	if s := b.States(noon)[0]; s.Spent != (limit.Spent{Money: 12 * cents, Images: 2}) || s.Reserved != (limit.Spent{Money: 19 * cents, Images: 5}) {
		t.Errorf("at first %+v, reserved %+v", s.Spent, s.Reserved)
	}
	ok(paid(3*cents), 1)
	failed(switchyard.Cost{Charge: switchyard.ChargeNone}, 0)
	resumed(paid(2*cents), 1)
	early(paid(switchyard.Dollar), 1)
	during(paid(cents), 1)
	if s := b.States(noon)[0]; s.Spent != (limit.Spent{Money: 18 * cents, Images: 5}) || s.Reserved != (limit.Spent{Money: 7 * cents, Images: 1}) {
		t.Errorf("at last %+v, reserved %+v", s.Spent, s.Reserved)
	}
	runs(paid(7*cents), 1)
}

// TestBudgetBooksOfNobody leaves out what was spent without the one whom a budget is over.
func TestBudgetBooksOfNobody(t *testing.T) {
	books := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
		return map[string]limit.Spent{"": {Money: switchyard.Dollar}}, nil
	}
	b := configured(t, books, budget(func(b *limit.Budget) { b.Scope = "tenant" }))
	if s := b.States(noon); len(s) != 0 {
		t.Errorf("states are %+v", s)
	}
}

// TestBudgetBooksUnreadable keeps the budgets in force.
func TestBudgetBooksUnreadable(t *testing.T) {
	b := configured(t, nothing, budget(nil))
	settle, _ := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, noon)
	closed := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
		return nil, errors.New("closed")
	}
	other := budget(func(b *limit.Budget) { b.Name = "other" })
	if err := b.Configure(t.Context(), []limit.Budget{other}, noon, closed); err == nil || !strings.Contains(err.Error(), `budget "other"`) {
		t.Errorf("the error is %v", err)
	}
	settle(paid(switchyard.Dollar), 1)
	if _, err := b.Reserve(limit.Spending{Estimate: estimate(1)}, noon); err == nil {
		t.Error("the old budget is gone")
	}
}

// TestBudgetForgets does not keep accounts of whoever has spent nothing.
func TestBudgetForgets(t *testing.T) {
	b := configured(t, nothing, budget(func(b *limit.Budget) { b.Scope = "tenant" }))
	for i := range 100 {
		settle, err := b.Reserve(limit.Spending{Tenant: fmt.Sprint(i), Estimate: estimate(cents)}, noon)
		if err != nil {
			t.Fatal(err)
		}
		settle(free, 0)
	}
	if s := b.States(noon); len(s) != 0 {
		t.Errorf("%d accounts are kept", len(s))
	}
}

// TestBudgetForgetsRefused: a stranger can make up as many names as they like.
func TestBudgetForgetsRefused(t *testing.T) {
	b := configured(t, nothing, budget(func(b *limit.Budget) { b.Scope = "tenant" }), budget(func(b *limit.Budget) { b.Name = "all" }))
	if _, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Dollar)}, noon); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := b.Reserve(limit.Spending{Tenant: fmt.Sprint(i), Estimate: estimate(cents)}, noon); err == nil {
			t.Fatal("the money of all is not at its end")
		}
	}
	if s := b.States(noon); len(s) != 1 {
		t.Errorf("%d accounts are kept of whoever was refused", len(s)-1)
	}
}

// TestBudgetResumesImages: books have no images of what runs, so nothing is to be taken back of them; an unknown amount is.
func TestBudgetResumesImages(t *testing.T) {
	books := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) {
		return map[string]limit.Spent{"": {Unknown: 1}}, nil
	}
	b := configured(t, books, budget(func(b *limit.Budget) { b.USD, b.Images = 0, 4 }))
	unknown := switchyard.Cost{Basis: switchyard.BasisUnknown, Charge: switchyard.ChargePossible}
	settle := b.Resume(limit.Spending{Estimate: unknown, Images: 4}, noon, noon)
	if _, err := b.Reserve(limit.Spending{Estimate: estimate(cents), Images: 1}, noon); err == nil {
		t.Error("the images of a job that runs may be made once more")
	}
	settle(unknown, 4)
	if _, err := b.Reserve(limit.Spending{Estimate: estimate(cents), Images: 1}, noon); err == nil {
		t.Error("the images of a job that ran may be made once more")
	}
	if s := b.States(noon); s[0].Spent != (limit.Spent{Images: 4, Unknown: 1}) {
		t.Errorf("spent %+v", s[0].Spent)
	}
}

// TestBudgetAdds goes through random lives: what is spent is the sum of what was settled, and nothing stays reserved.
func TestBudgetAdds(t *testing.T) {
	b := configured(t, nothing, budget(func(b *limit.Budget) { b.USD = 1000 * switchyard.Dollar }))
	random := rand.New(rand.NewPCG(1, 2))
	var want limit.Spent
	var open []func(switchyard.Cost, int)
	for range 5000 {
		settle, err := b.Reserve(limit.Spending{Estimate: estimate(switchyard.Money(random.Int64N(1e8))), Images: 1}, noon)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, settle)
		if random.IntN(2) == 0 {
			continue
		}
		i := random.IntN(len(open))
		cost := paid(switchyard.Money(random.Int64N(1e8)))
		open[i](cost, 1)
		want.Money, want.Images = want.Money+cost.Amount, want.Images+1
		open = append(open[:i], open[i+1:]...)
	}
	for _, settle := range open {
		settle(free, 0)
	}
	if s := b.States(noon); s[0].Spent != want || s[0].Reserved != (limit.Spent{}) {
		t.Errorf("the budget stands at %+v, reserved %+v, want %+v", s[0].Spent, s[0].Reserved, want)
	}
}

func TestBudgetValidate(t *testing.T) {
	for want, change := range map[string]func(*limit.Budget){
		"usd: must not be negative, got -1":                 func(b *limit.Budget) { b.USD = -switchyard.Dollar },
		"images: must not be negative":                      func(b *limit.Budget) { b.Images = -1 },
		"usd: a budget needs usd or images":                 func(b *limit.Budget) { b.USD = 0 },
		"scope: want all, key":                              func(b *limit.Budget) { b.Scope = "planet" },
		"scope: all takes no name":                          func(b *limit.Budget) { b.Scope = "all:x" },
		`scope: "key:" names no key`:                        func(b *limit.Budget) { b.Scope = "key:" },
		`per: want one of ["hour" "day" "month"]`:           func(b *limit.Budget) { b.Per = "year" },
		"at_limit: want one of":                             func(b *limit.Budget) { b.AtLimit = "explode" },
		"unknown: want one of":                              func(b *limit.Budget) { b.Unknown = "refuse" },
		"warn_at: want a share above 0":                     func(b *limit.Budget) { b.WarnAt = 80 },
		"warn_at: want a share above 0, at most 1, got 0":   func(b *limit.Budget) { b.WarnAt = 0 },
		"warn_at: want a share above 0, at most 1, got NaN": func(b *limit.Budget) { b.WarnAt = math.NaN() },
		`timezone: no such zone "Moon/Base"`:                func(b *limit.Budget) { b.Timezone = "Moon/Base" },
		"name: is missing":                                  func(b *limit.Budget) { b.Name = "" },
	} {
		b := budget(change)
		if err := b.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, change := range []func(*limit.Budget){
		nil,
		func(b *limit.Budget) { b.Scope, b.USD, b.Images, b.WarnAt = "key:web-pro", 0, 1, 1 },
		func(b *limit.Budget) { b.Scope = "key" },
		func(b *limit.Budget) { b.Scope = "tenant" },
		func(b *limit.Budget) { b.Scope = "provider:fal" },
		func(b *limit.Budget) { b.Scope = "target" },
		func(b *limit.Budget) { b.Scope = "route:pro" },
	} {
		if b := budget(change); b.Validate() != nil {
			t.Error(b.Validate())
		}
	}
}

func BenchmarkReserve(b *testing.B) {
	var budgets limit.Budgets
	if err := budgets.Configure(b.Context(), []limit.Budget{{Name: "all", Scope: "all", USD: 1e18, Per: limit.PerDay}}, noon, nothing); err != nil {
		b.Fatal(err)
	}
	s := limit.Spending{Tenant: "acme", Provider: "fal", Estimate: estimate(cents), Images: 1}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			settle, err := budgets.Reserve(s, noon)
			if err != nil {
				b.Error(err)
				return
			}
			settle(paid(0), 1)
		}
	})
}
