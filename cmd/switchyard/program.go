package main

import (
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
		Config:    admin.ConfigStatus{File: s.name, Loaded: f.loaded.UTC(), Waiting: f.pending},
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
