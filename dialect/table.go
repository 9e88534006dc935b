package dialect

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"switchyard"
)

// Table is what is known of a dialect's models. It does not change.
type Table struct {
	rows []*switchyard.Model
	byID map[string]*switchyard.Model // :: id or alias → row
}

// NewTable makes a table of rows. Of two with the same id the last one counts.
func NewTable(rows []*switchyard.Model) *Table {
	t := &Table{byID: map[string]*switchyard.Model{}}
	for _, m := range rows {
		for _, id := range append([]string{m.ID}, m.Aliases...) {
			t.byID[id] = m
		}
	}
	t.rows = slices.DeleteFunc(slices.Clone(rows), func(m *switchyard.Model) bool { return t.byID[m.ID] != m })
	return t
}

// Embedded returns a function that returns the table in a models.json, a list of switchyard.Model, which it reads at the first call: most
// commands never need it. People write models.yaml, which would take ten times as long to read; the tests of each dialect write the
// one from the other, and see that both say the same.
func Embedded(models []byte) func() *Table {
	return sync.OnceValue(func() *Table {
		var rows []*switchyard.Model
		if err := json.Unmarshal(models, &rows); err != nil {
			panic(err)
		}
		return NewTable(rows)
	})
}

// With returns the table with rows added, which replace those of the same id.
func (t *Table) With(rows []*switchyard.Model) *Table { return NewTable(slices.Concat(t.rows, rows)) }

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
