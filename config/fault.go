package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Pos is a place in a file, for people: lines and columns count from 1. The zero Pos is nowhere.
type Pos struct {
	File string
	Line int
	Col  int
}

// String is file:line:col.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Fault is one thing wrong with a file.
type Fault struct {
	Pos  Pos
	Path string // such as providers.google.limit.rate; empty for the whole file
	Err  error
}

// Error is file:line:col: path: message.
func (f *Fault) Error() string {
	var s string
	if f.Pos != (Pos{}) {
		s = f.Pos.String() + ": "
	}
	if f.Path != "" {
		s += f.Path + ": "
	}
	return s + f.Err.Error()
}

func (f *Fault) Unwrap() error { return f.Err }

// Errors are all the faults of a file, in its order.
type Errors []*Fault

// Error returns a line for each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As see every fault.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, f := range e {
		errs[i] = f
	}
	return errs
}

// Join returns all faults of several reports, in the file's order, each once; nil if there are none. Errors that are no
// faults of this package are kept, with no position.
func Join(errs ...error) error {
	var all Errors
	for _, err := range errs {
		all = append(all, faults(err)...)
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *Fault) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return slices.CompactFunc(all, func(a, b *Fault) bool { return a.Error() == b.Error() })
}

// Besides returns later, faults of values that were decoded, without those of a value that told says could not be read:
// what stands in its place is not the file's.
func (d *Document) Besides(told, later error) error {
	return slices.DeleteFunc(faults(later), func(f *Fault) bool {
		n := d.nodes[f.Path]
		return n != nil && n.Kind != yaml.MappingNode && // a mapping is read in spite of an unknown key
			slices.ContainsFunc(faults(told), func(t *Fault) bool { return t.Path == f.Path })
	})
}

func faults(err error) Errors {
	switch e := err.(type) { //nolint:errorlint // the tree of joined errors is walked node by node
	case nil:
		return nil
	case *Fault:
		return Errors{e}
	case interface{ Unwrap() []error }:
		var all Errors
		for _, inner := range e.Unwrap() {
			all = append(all, faults(inner)...)
		}
		return all
	}
	return Errors{{Err: err}}
}

// Locate gives the errors of a Validate method their place in the file. By our convention each of the joined errors
// begins with the path of what is wrong, such as "breaker.cooldown: ". prefix is the path of what was validated, such
// as "providers.google", or empty. An error that names no path gets the place of prefix.
func (d *Document) Locate(prefix string, err error) error {
	return Join(d.locate(prefix, err)...)
}

// pathLike is what the beginning of a message must look like to be taken for a path; a sentence has spaces.
var pathLike = regexp.MustCompile(`^[A-Za-z_][\w-]*(\.[\w-]+|\[\d+\]|\["[^"]*"\])*$`)

func (d *Document) locate(prefix string, err error) []error {
	if err == nil {
		return nil
	}
	switch e := err.(type) { //nolint:errorlint // the tree of joined errors is walked node by node
	case *Fault:
		return []error{e}
	case interface{ Unwrap() []error }:
		var all []error
		for _, inner := range e.Unwrap() {
			all = append(all, d.locate(prefix, inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		// "providers.google: " around joined errors: each of them is below that path.
		inner := e.Unwrap()
		head, around := strings.CutSuffix(err.Error(), ": "+errorText(inner))
		if _, many := inner.(interface{ Unwrap() []error }); many && around && pathLike.MatchString(head) {
			return d.locate(join(prefix, head), inner)
		}
	}
	if head, _, ok := strings.Cut(err.Error(), ": "); ok && pathLike.MatchString(head) {
		path := join(prefix, head)
		return []error{&Fault{d.At(path), path, &said{strings.TrimPrefix(err.Error(), head+": "), err}}}
	}
	return []error{&Fault{d.At(prefix), prefix, err}}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// said is an error without the path that its text began with.
type said struct {
	text string
	err  error
}

func (s *said) Error() string { return s.text }
func (s *said) Unwrap() error { return s.err }
