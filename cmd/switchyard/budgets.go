package main

import (
	"context"
	"fmt"
	"time"

	"switchyard/config"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/router"
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
	}
}

// has reports whether the file knows what a budget is over. Tenants that no key names are known by what apps send.
func (f *file) has(kind, name string) bool {
	switch kind {
	case "provider":
		return f.Providers.Find(name) != nil
	case "target":
		return f.Targets.Find(name) != nil
	case "route":
		for _, r := range f.Routes {
			if r.Name == name {
				return true
			}
		}
		return name == router.Default
	case "key":
		for _, k := range f.Keys {
			if k.Name == name {
				return true
			}
		}
		return false
	}
	return true
}

// booksPatience is how long a config waits for the ledger to be complete, which its budgets begin with.
const booksPatience = 30 * time.Second

// books are what the ledger says was spent, once all that has been written is in it.
func (st *stores) books(ctx context.Context, kind string, since, until time.Time) (map[string]limit.Spent, error) {
	ctx, cancel := context.WithTimeout(ctx, booksPatience)
	defer cancel()
	if err := st.applier.Flush(ctx); err != nil {
		return nil, err
	}
	spent, err := st.store.Spent(ctx, ledger.Dimension(kind), since, until)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	out := map[string]limit.Spent{}
	for name, one := range spent {
		out[name] = limit.Spent(one)
	}
	return out, nil
}
