// Package sqlstore is what ledgers in SQL databases share: the statements, how rows are written and read, and the sums
// that are kept beside them. A statement is one text for all databases, with $1 for the first of its values; Technology
// has what they must be told in different words.
package sqlstore

import (
	"database/sql"
	"errors"
	"time"
)

// Technology is what databases do differently.
type Technology struct {
	Created        func(time.Time) any // value of a column created_at
	Text           func(string) string // makes of a text one that the database can hold; nil if it can hold any
	Entries        string              // the elements of the JSON array $1, as rows k with a column value
	RatingsInOrder string              // column of ratings r that grows in the order in which they are first given
	SameMoment     string              // column of generations g that tells apart those of one moment, in their index's order
	Turn           string              // makes other writers wait until the transaction ends; empty if each transaction does so anyway
}

func (t Technology) text(s string) string {
	if t.Text == nil {
		return s
	}
	return t.Text(s)
}

// Store answers questions. The stores of the technologies embed it, and add how it is opened and how batches are applied.
type Store struct {
	Technology
	Write *sql.DB // for the few statements that write outside of Apply
	Read  *sql.DB // never waits for a writer
}

// Close closes all connections. No call may be under way.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.Read, s.Write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
