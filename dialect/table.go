package dialect

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"switchyard"
)

// Table is what is known of a dialect's models. It does not change.
type Table struct {
	rows []*switchyard.Model
	byID map[string]*switchyard.Model // :: id or alias → row
}

// ParseTable reads a models.yaml: a list of switchyard.Model, every row with a source and a date. Unknown fields, rows without
// a form, repeated ids and successors that are no rows are errors; all of them are reported at once.
func ParseTable(text []byte) (*Table, error) {
	t := &Table{byID: map[string]*switchyard.Model{}}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&t.rows); err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	var errs []error
	for _, m := range t.rows {
		if m.Life.State == "" {
			m.Life.State = switchyard.Alive
		}
		m.Can.Images = cmp.Or(m.Can.Images, 1)
		errs = append(errs, t.index(m)...)
	}
	for _, m := range t.rows {
		if s := m.Life.Successor; s != "" && t.byID[s] == nil {
			errs = append(errs, fmt.Errorf("models: %s: successor %s is no row", m.ID, s))
		}
	}
	return t, errors.Join(errs...)
}

// index enters a row by its id and its aliases, and returns what is wrong with it.
func (t *Table) index(m *switchyard.Model) (errs []error) {
	if m.Source == "" || m.Date == "" || m.Form == "" {
		errs = append(errs, fmt.Errorf("models: %s: source, date and form are needed", m.ID))
	}
	for _, id := range append([]string{m.ID}, m.Aliases...) {
		if t.byID[id] != nil {
			errs = append(errs, fmt.Errorf("models: %s stands twice", id))
		}
		t.byID[id] = m
	}
	return errs
}

// Embedded returns a function that returns the table in text. It is read at the first call, for most commands never need it. It
// must be right: the tests of each dialect read it.
func Embedded(text []byte) func() *Table {
	return sync.OnceValue(func() *Table {
		t, err := ParseTable(text)
		if err != nil {
			panic(err)
		}
		return t
	})
}

// With returns the table with rows added, which replace those of the same id.
func (t *Table) With(rows []*switchyard.Model) *Table {
	c := &Table{rows: slices.Concat(t.rows, rows), byID: map[string]*switchyard.Model{}}
	for _, m := range c.rows {
		for _, id := range append([]string{m.ID}, m.Aliases...) {
			c.byID[id] = m // the last one counts
		}
	}
	c.rows = slices.DeleteFunc(c.rows, func(m *switchyard.Model) bool { return c.byID[m.ID] != m })
	return c
}

// Rows returns all models, in the table's order.
func (t *Table) Rows() []*switchyard.Model { return t.rows }

// Find returns the row of an id or alias; nil if there is none.
func (t *Table) Find(id string) *switchyard.Model {
	return t.byID[strings.TrimPrefix(id, "models/")]
}

// Anything is the id of the row that says what is assumed of models that are in no row.
const Anything = "*"

// Assume returns the row of an id, or else that of Anything; nil if there is none.
func (t *Table) Assume(id string) *switchyard.Model {
	if m := t.Find(id); m != nil {
		return m
	}
	return t.byID[Anything]
}

// Living returns the model that answers for id at that time: its own row, or that of the first successor that is alive. It is
// nil if id is not in the table, or if it is dead and has no living successor.
func (t *Table) Living(id string, at time.Time) *switchyard.Model {
	m := t.Find(id)
	for range t.rows { // a ring of successors ends here
		if m == nil || !m.Life.DeadAt(at) {
			return m
		}
		if m.Life.Successor == "" {
			return nil
		}
		m = t.byID[m.Life.Successor]
	}
	return nil
}
