package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"switchyard"
	"switchyard/admin"
	"switchyard/breaker"
	"switchyard/router"
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

// stopped reports whether a target is stopped by hand, its provider, or all.
func (s *sidecar) stopped(t *switchyard.Target) bool {
	_, ok := s.switches.Stopped("", t.Provider, t.Name)
	return ok
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
		for _, r := range f.Routes {
			names = append(names, r.Name)
		}
		names = append(names, router.Default)
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
	text, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var doc killDoc
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields() // of a later version, which may mean more than we would obey
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is damaged: something follows its end")
	}
	return doc.Kills, nil
}

// SaveKills writes the file anew, so that there is the old one or the new one, whenever the machine stops.
func (k killFile) SaveKills(kills []breaker.Kill) error {
	text, err := json.MarshalIndent(killDoc{kills}, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(k.path), ".kills-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(append(text, '\n'))
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), k.path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return err
	}
	dir, err := os.Open(filepath.Dir(k.path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close()) // the name must last, too
}

var (
	_ breaker.Keeper = killFile{}
	_ admin.Switches = (*breaker.Switches)(nil)
)
