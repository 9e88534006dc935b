package ticket

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"switchyard"
	"switchyard/durable"
)

// inRow is how large a request's body may be that is kept in its row; larger ones are files.
const inRow = 64 << 10

// bodies keeps what apps sent, until the tickets are done: what was accepted is begun by another process if this one ends.
// So are, in the same folder, the ends that were set aside.
type bodies struct {
	dir   string
	files durable.Writer
}

// save puts a body on disk. row is what belongs into the row; nil if the body is in a file.
func (b bodies) save(id string, body switchyard.Blob) (row []byte, err error) {
	r, err := body.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if body.Len() <= inRow {
		row := make([]byte, body.Len())
		_, err := io.ReadFull(r, row)
		return row, err
	}
	if b.dir == "" {
		return nil, fmt.Errorf("body of %d bytes: %w", body.Len(), ErrTooLarge)
	}
	return nil, b.write(id, func(f *os.File) error {
		_, err := io.Copy(f, r)
		return err
	})
}

func (b bodies) write(id string, fill durable.Fill) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	return b.files.Create(b.path(id), fill)
}

// drop forgets a file, if there is one.
func (b bodies) drop(id string) {
	if b.dir != "" {
		_ = os.Remove(b.path(id)) // if this fails, the next start sweeps it
	}
}

func (b bodies) path(id string) string { return filepath.Join(b.dir, id) }

// sweep removes the files of tickets that are not open: a crash may have come between the row and the file.
func (b bodies) sweep(open map[string]bool) error {
	files, err := os.ReadDir(b.dir)
	if b.dir == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		if !open[f.Name()] {
			b.drop(f.Name())
		}
	}
	return err
}

// Body returns what the app sent for a ticket that is not done, and its size in bytes. The caller closes it. The error is ErrNotFound if
// there is no such ticket, and fs.ErrNotExist if its body is gone.
func (s *Store) Body(ctx context.Context, id string) (body io.ReadCloser, size int64, err error) {
	var row []byte
	err = s.db.QueryRowContext(ctx, `SELECT body FROM tickets WHERE id = ?`, id).Scan(&row)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("ticket %s: body: %w", id, err)
	}
	if row != nil {
		return io.NopCloser(bytes.NewReader(row)), int64(len(row)), nil
	}
	f, err := os.Open(s.bodies.path(id))
	if err != nil {
		return nil, 0, fmt.Errorf("ticket %s: body: %w", id, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// sweepBodies removes all files that open tickets do not need.
func (s *Store) sweepBodies(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, `SELECT id, body IS NULL FROM tickets WHERE state <> 'done'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	open := map[string]bool{} // :: name of a file → whether it is needed
	for rows.Next() {
		var id string
		var file bool
		if err := rows.Scan(&id, &file); err != nil {
			return err
		}
		open[id], open[id+endSuffix] = file, true
	}
	return errors.Join(rows.Err(), s.bodies.sweep(open))
}

// At returns a reader of what the app sent for a ticket that is not done. It holds nothing between reads.
func (s *Store) At(id string) io.ReaderAt { return stored{s, id} }

type stored struct {
	*Store
	id string
}

// ReadAt reads from anywhere in the body.
func (b stored) ReadAt(p []byte, off int64) (int, error) {
	var row []byte
	var file bool
	err := b.db.QueryRowContext(context.Background(), `SELECT body IS NULL, substr(body, ?, ?) FROM tickets WHERE id = ?`,
		off+1, len(p), b.id).Scan(&file, &row) // a part of NULL is NULL, too
	if err != nil {
		return 0, fmt.Errorf("ticket %s: body: %w", b.id, err)
	}
	if file {
		return b.readFile(p, off)
	}
	n := copy(p, row)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b stored) readFile(p []byte, off int64) (int, error) {
	f, err := os.Open(b.bodies.path(b.id))
	if err != nil {
		return 0, fmt.Errorf("ticket %s: body: %w", b.id, err)
	}
	defer f.Close()
	return f.ReadAt(p, off)
}
