package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"switchyard/config"
	"switchyard/ledger"
	"switchyard/limit"
)

// budgets are those of the file: "budgets:", and the one that a key may have of its own.
func (f *file) budgets() []limit.Budget {
	list := append([]limit.Budget(nil), f.Budgets...)
	for _, k := range f.Keys {
		if k.Budget != nil {
			b := *k.Budget
			b.Name, b.Scope = "key:"+k.Name, "key:"+k.Name
			list = append(list, b)
		}
	}
	return list
}

// checkBudgets finds what no budget shows by itself.
func (f *file) checkBudgets(fault faultFunc, within withinFunc) {
	names := map[string]bool{}
	for i := range f.Budgets {
		b, at := &f.Budgets[i], config.Index("budgets", i)
		within(at, b.Validate())
		f.checkWindow(fault, at, b)
		if names[b.Name] {
			fault(at+".name", "%q stands twice", b.Name)
		}
		names[b.Name] = true
		if kind, name := b.One(); name != "" && !f.has(kind, name) {
			fault(at+".scope", "no %s %q", kind, name)
		}
	}
	for i, k := range f.Keys {
		if k.Budget == nil {
			continue
		}
		at := config.Index("keys", i) + ".budget"
		if k.Budget.Name != "" || k.Budget.Scope != "" {
			fault(at, "is the key's own, and has neither name nor scope")
		}
		if names["key:"+k.Name] { // after a reload both would count in one account
			fault(at, "is called %q, as one in budgets is", "key:"+k.Name)
		}
		b := *k.Budget
		b.Name, b.Scope = k.Name, "key:"+k.Name
		within(at, b.Validate())
		f.checkWindow(fault, at, &b)
	}
}

// checkWindow wants the ledger to keep what a budget has to know after a restart.
func (f *file) checkWindow(fault faultFunc, at string, b *limit.Budget) {
	window := map[string]time.Duration{limit.PerHour: time.Hour, limit.PerDay: 24 * time.Hour, limit.PerMonth: 31 * 24 * time.Hour}[b.Per]
	if kept := f.Store.Retention; kept > 0 && kept < window {
		fault(at+".per", "a %s, of which store.retention keeps %s: what was spent before would not count after a restart", b.Per, config.FormatDuration(kept))
	}
}

// has reports whether the file knows what a budget is over. Without keys, tenants are known by what apps send.
func (f *file) has(kind, name string) bool {
	switch kind {
	case "provider":
		return f.Providers.Find(name) != nil
	case "target":
		return f.Targets.Find(name) != nil
	case "route":
		return slices.Contains(f.routeNames(), name)
	case "key":
		return slices.ContainsFunc(f.Keys, func(k keyFile) bool { return k.Name == name })
	case "tenant":
		return len(f.Keys) == 0 || slices.ContainsFunc(f.Keys, func(k keyFile) bool { return k.virtual().Tenant == name })
	}
	return true
}

// How long a config waits for what its budgets begin with: for the ledger to be complete, and for it to add up a month.
const (
	booksPatience   = 30 * time.Second
	readingPatience = 5 * time.Minute
)

// books are what the ledger says was spent, once all that has been written is in it. They are for the budgets of one config, and
// answer each question once: a hundred keys may have a budget each, and to add up a large ledger's month takes seconds.
func (st *stores) books() limit.Books {
	type question struct {
		kind         string
		since, until int64
	}
	answers := map[question]map[string]limit.Spent{}
	return func(ctx context.Context, kind string, since, until time.Time) (map[string]limit.Spent, error) {
		q := question{kind, since.UnixNano(), until.UnixNano()}
		if spent, asked := answers[q]; asked {
			return spent, nil
		}
		spent, err := st.spent(ctx, ledger.Dimension(kind), since, until)
		if err == nil {
			answers[q] = spent
		}
		return spent, err
	}
}

func (st *stores) spent(ctx context.Context, kind ledger.Dimension, since, until time.Time) (map[string]limit.Spent, error) {
	complete, cancel := context.WithTimeout(ctx, booksPatience)
	defer cancel()
	if err := st.applier.Flush(complete); err != nil {
		return nil, err
	}
	ctx, cancel = context.WithTimeout(ctx, readingPatience)
	defer cancel()
	spent, err := st.store.Spent(ctx, kind, since, until)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	out := map[string]limit.Spent{}
	for name, one := range spent {
		out[name] = limit.Spent(one)
	}
	return out, nil
}
