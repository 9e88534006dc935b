package main

import (
	"errors"

	"switchyard"
	"switchyard/config"
)

// checkPrice is what is wrong with the price at path. One that names nothing at all is a slip and not a gift: what is
// free says so.
func checkPrice(doc *config.Document, path string, p *switchyard.Price) error {
	const empty = "names no unit: want for example {image: 0.04}; what is free is {image: 0}"
	switch {
	case doc.Empty(path):
		return errors.New(empty)
	case doc.Empty(config.Key(path, "edit")):
		return errors.New("edit: " + empty)
	}
	return p.Validate()
}
