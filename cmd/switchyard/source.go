package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"sync"
)

// defaultConfig is the config file of a command that was not told of another.
const defaultConfig = "config.yaml"

// source is where a config comes from: a file, which may change.
type source struct {
	name   string
	asked  bool // for by its name; else there need not be one
	getenv func(string) (string, bool)

	mu   sync.Mutex // guards text
	text []byte     // as it was last read, good or bad
}

// configSource is the file that a command was told to use, else the default one.
func configSource(e *env, asked string) *source {
	return &source{name: cmp.Or(asked, defaultConfig), asked: asked != "", getenv: e.getenv}
}

// loadConfig reads and checks the file that a command was told to use, else the default one if there is one, else there are the
// defaults.
func loadConfig(e *env, asked string) (*file, error) { return configSource(e, asked).load() }

// load reads and checks the file as it is now.
func (s *source) load() (*file, error) {
	text, err := s.read()
	if err != nil {
		return nil, err
	}
	return load(s.name, text, s.getenv)
}

// read is the file as it is now. One that said something before must not be gone or empty: it may be lost, or just being written, and
// without it everybody would be let in, to the providers themselves.
func (s *source) read() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := len(bytes.TrimSpace(s.text)) > 0
	text, err := os.ReadFile(s.name)
	switch {
	case errors.Is(err, os.ErrNotExist) && !s.asked && !said:
	case err != nil:
		return nil, fmt.Errorf("config: %w", err)
	case said && len(bytes.TrimSpace(text)) == 0:
		return nil, fmt.Errorf("config: %s is empty, and was not before; a config that says nothing is {}", s.name)
	}
	s.text = text
	return text, nil
}

// seen is the file as it was last read.
func (s *source) seen() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}
