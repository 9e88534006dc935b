package main

import (
	"errors"

	"switchyard"
	"switchyard/config"
)

// checkPrice is what is wrong with the price at path. One that names nothing at all, or nothing but what edits cost, is a
// slip and not a gift: what is free says so.
func checkPrice(doc *config.Document, path string, p *switchyard.Price) error {
	const empty = "names no unit: want for example {image: 0.04}; what is free is {image: 0}"
	switch edit := config.Key(path, "edit"); {
	case doc.Empty(edit):
		return errors.New("edit: " + empty)
	case doc.Empty(path, "edit"):
		return errors.New(empty)
	}
	return p.Validate()
}
