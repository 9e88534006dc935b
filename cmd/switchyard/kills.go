package main

import (
	"fmt"

	"switchyard/admin"
	"switchyard/breaker"
)

// openKills puts the kills of an earlier process in force again, before anything is served. A file that cannot be read is
// an error: nobody would know what it stopped.
func (s *sidecar) openKills(path string) error {
	file := killFile{path}
	kills, err := file.load()
	if err == nil {
		err = s.switches.Restore(kills)
	}
	if err != nil {
		return fmt.Errorf("kill switch: %s: %w; mend the file, or remove it to start with nothing stopped", path, err)
	}
	s.switches.Keeper = file
	return nil
}

// names are what a kill of a scope may name: what the config in force has, and the provider of each native target.
func (s *sidecar) names(scope breaker.Scope) []string {
	f := s.file.Load()
	var names []string
	switch scope {
	case breaker.Provider:
		return f.Providers.Names()
	case breaker.Target:
		names = f.Targets.Names()
		for _, e := range f.Providers {
			names = append(names, nativeName(e.Name))
		}
	case breaker.Route:
		return f.routeNames()
	}
	return names
}

// killFile keeps kills in a file of JSON.
type killFile struct{ path string }

// killDoc is the file.
type killDoc struct {
	Kills []breaker.Kill `json:"kills"`
}

// load is the kills of the file; none if there is no file.
func (k killFile) load() ([]breaker.Kill, error) {
	doc, _, err := readLasting[killDoc](k.path)
	return doc.Kills, err
}

// SaveKills writes the file anew.
func (k killFile) SaveKills(kills []breaker.Kill) error { return writeLasting(k.path, killDoc{kills}) }

var (
	_ breaker.Keeper = killFile{}
	_ admin.Switches = (*breaker.Switches)(nil)
)
