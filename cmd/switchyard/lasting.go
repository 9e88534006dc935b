package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"switchyard/durable"
)

// readLasting reads a file that writeLasting has written; found is false if there is none.
func readLasting[T any](path string) (doc T, found bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return doc, false, nil
	}
	if err != nil {
		return doc, false, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields() // of a later version, which may mean more than we would obey
	if err := dec.Decode(&doc); err != nil {
		return doc, false, fmt.Errorf("is damaged: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return doc, false, errors.New("is damaged: something follows its end")
	}
	return doc, true, nil
}

// writeLasting writes a file of JSON anew, so that there is the old one or the new one, whenever the machine stops.
func writeLasting[T any](path string, doc T) error {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return durable.Writer{}.Replace(path, durable.Bytes(append(text, '\n')))
}
