package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"switchyard/admin"
	"switchyard/limit"
)

// program is what the sidecar says of itself: the config in force, and how busy everybody is.
func (s *sidecar) program() admin.Status {
	f, loads := s.file.Load(), s.limits.Loads()
	busy := func(scope limit.Scope, name string) admin.Busy {
		load := loads[limit.Name{Scope: scope, Name: name}]
		return admin.Busy{InFlight: load.InFlight, Waiting: load.Waiting}
	}
	st := admin.Status{
		Version: version, Started: s.started.UTC(), Ready: s.unready() == nil,
		Config:    admin.ConfigStatus{File: f.name, Loaded: f.loaded.UTC(), Waiting: f.pending},
		Providers: []admin.ProviderStatus{}, Targets: []admin.TargetStatus{},
	}
	if text := s.refused.Load(); text != nil {
		st.Config.Refused = *text
	}
	for _, e := range f.Providers {
		p := e.Value
		st.Providers = append(st.Providers, admin.ProviderStatus{
			Provider: e.Name, Dialect: p.Dialect, Enabled: p.Enabled, Busy: busy(limit.Provider, e.Name),
		})
		native := nativeName(e.Name)
		st.Targets = append(st.Targets, admin.TargetStatus{
			Target: native, Provider: e.Name, Enabled: p.Enabled, Busy: busy(limit.Target, native),
		})
	}
	for _, e := range f.Targets {
		t := e.Value
		p := f.Providers.Find(t.Provider)
		st.Targets = append(st.Targets, admin.TargetStatus{
			Target: e.Name, Provider: t.Provider, Model: t.Model, Enabled: t.Enabled && p.Enabled, Busy: busy(limit.Target, e.Name),
		})
	}
	return st
}

// health is what is wrong with the sidecar, and with the providers that it depends on.
func (s *sidecar) health() admin.Health {
	var problems []string
	f := s.file.Load()
	if text := s.refused.Load(); text != nil {
		problems = append(problems, "the latest config was refused: "+*text)
	}
	if len(f.pending) > 0 {
		problems = append(problems, "these wait for a restart: "+strings.Join(f.pending, ", "))
	}
	problems = append(problems, s.alerts.untold.problems(f)...)
	problems = append(problems, s.unwritten()...)
	problems = append(problems, s.transports.problems(f.Providers)...)
	_, refusing := s.journal.State()
	h := s.watch.Health(admin.Scene{
		Providers: f.targetsOf(), Breakers: s.breakers.States(), Kills: s.switches.List(),
		Problems: problems, Refusing: refusing != nil, Now: time.Now(),
	})
	h.Alerts = s.alerts.firing()
	return h
}

// unready is why new requests are not welcome; nil if they are. A load balancer keeps them away then; nobody need restart us,
// since the journal finds out by itself when it can be written again. Health says more.
func (s *sidecar) unready() error {
	if !s.ready.Load() {
		return errors.New("starting, or draining")
	}
	if _, err := s.journal.State(); err != nil {
		return errors.New("the journal cannot be written")
	}
	return nil
}

// unwritten says since when the journal or the database cannot be written; nothing if both can.
func (s *sidecar) unwritten() (problems []string) {
	if since, err := s.applier.State(); err != nil {
		problems = append(problems, "the database has not taken anything since "+since.UTC().Format(time.RFC3339))
	}
	if since, err := s.journal.State(); err != nil {
		problems = append(problems, fmt.Sprintf("nothing is taken on: the journal has not been written since %s: %v", since.UTC().Format(time.RFC3339), err))
	}
	return problems
}
