package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"regexp"

	"switchyard/ledger"
	"switchyard/ledger/internal/sqlstore"
)

// numbered finds the placeholders of the statements. Each statement uses each of them once, in order, so ? says the same.
// That is quicker: for each one with a number the driver asks SQLite for its name, which takes a quarter of the time of an
// insert.
var numbered = regexp.MustCompile(`\$\d+`)

// prepare prepares the statements of Apply, once, on the one writing connection.
func prepare(ctx context.Context, db *sql.DB) (map[string]*sql.Stmt, error) {
	prepared := map[string]*sql.Stmt{}
	for _, text := range sqlstore.Texts() {
		st, err := db.PrepareContext(ctx, numbered.ReplaceAllString(text, "?"))
		if err != nil {
			return nil, err
		}
		prepared[text] = st
	}
	return prepared, nil
}

// Apply carries out a batch in one transaction.
func (s *Store) Apply(ctx context.Context, b ledger.Batch) error {
	if s.prepared == nil {
		return errors.New("the database is open for reading")
	}
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	// Only the transaction ends with ctx: for each statement with a context that can end, the driver starts a goroutine to
	// watch for that, which takes longer than the statement.
	one := context.WithoutCancel(ctx)
	begun := map[string]*sql.Stmt{} // the prepared statements that the transaction uses already
	err = s.Plan(one, tx, b, func(text string, values []any) error {
		if begun[text] == nil {
			begun[text] = tx.StmtContext(one, s.prepared[text])
		}
		_, err := begun[text].ExecContext(one, values...)
		return err
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}
