package main

import (
	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/limit"
	"switchyard/router"
)

// standing is how providers, targets and budgets stand: what has been learned of them, and what an operator has decided. It
// outlives reloads, for the names that stay.
type standing struct {
	switches   breaker.Switches
	breakers   breaker.Registry
	limits     limit.Registry
	budgets    limit.Budgets
	deaths     router.Deaths
	statistics router.Statistics
	pace       router.Pace
	watch      admin.Watch
}

// loadOf is how many requests a target works on, or has in line.
func (st *standing) loadOf(t *switchyard.Target) int {
	load := st.limits.Load(limit.Name{Scope: limit.Target, Name: t.Name})
	return load.InFlight + load.Waiting
}

// stopped reports whether a target is stopped by hand, its provider, or all.
func (st *standing) stopped(t *switchyard.Target) bool {
	_, ok := st.switches.Stopped("", t.Provider, t.Name)
	return ok
}
