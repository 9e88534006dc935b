package asset

import (
	"fmt"
	"io"
	"io/fs"
	"time"

	"switchyard"
)

// Open returns a hosted image as a blob, for an answer that has it inline. It fails with fs.ErrNotExist once the
// image has expired.
func (s *Store) Open(name string) (switchyard.Blob, error) {
	if !nameForm.MatchString(name) {
		return nil, fmt.Errorf("asset: %w", fs.ErrNotExist)
	}
	info, err := s.root.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("asset: %w", err)
	}
	if s.expired(info, time.Now()) {
		return nil, fmt.Errorf("asset: %w", fs.ErrNotExist)
	}
	return &hosted{s, name, info.Size()}, nil
}

// hosted is a file in the folder.
type hosted struct {
	store *Store
	name  string
	size  int64
}

func (h *hosted) Len() int64 { return h.size }

func (h *hosted) Open() (io.ReadCloser, error) { return h.store.root.Open(h.name) }
