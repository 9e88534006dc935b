package asset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
)

// Stat returns a tenant's file. For a file of another tenant the error is that of one that does not exist.
func (u *Uploads) Stat(tenant, id string) (switchyard.File, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.files[id]
	if f == nil || f.Tenant != tenant || u.expired(f) {
		return switchyard.File{}, missing("file")
	}
	return f.File, nil
}

// Find returns the bytes of a file as well; if tenant is empty, of whichever tenant.
func (u *Uploads) Find(tenant, id string) (switchyard.File, switchyard.Blob, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.files[id]
	if f == nil || tenant != "" && f.Tenant != tenant || u.expired(f) {
		return switchyard.File{}, nil, missing("file")
	}
	return f.File, &kept{u, f.File}, nil
}

// Known reports whether there is a file of that id, whoever's it is.
func (u *Uploads) Known(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.files[id] != nil
}

// expired reports whether a file's time is over; perhaps it has not been swept yet. Requires mu.
func (u *Uploads) expired(f *upload) bool { return !u.now().Before(f.Expires) }

// kept is a file as a blob.
type kept struct {
	store *Uploads
	file  switchyard.File
}

func (k *kept) Len() int64 { return k.file.Size }

func (k *kept) Open() (io.ReadCloser, error) { return k.store.root.Open(k.file.ID) }

// ErrCursor says that List was asked for a page by a cursor that is not one.
var ErrCursor = errors.New("malformed cursor")

// List returns a page of the files that a tenant brought by a dialect, newest first. next is the cursor of the page
// after it; empty if this is the last.
func (u *Uploads) List(tenant, dialect, cursor string, most int) (page []switchyard.File, next string, err error) {
	before := mark{at: 1<<63 - 1}
	if cursor != "" {
		if before, err = parseMark(cursor); err != nil {
			return nil, "", err
		}
	}
	u.mu.Lock()
	for _, f := range u.files {
		if f.Tenant == tenant && f.Dialect == dialect && !u.expired(f) && markOf(f.File).compare(before) < 0 {
			page = append(page, f.File)
		}
	}
	u.mu.Unlock()
	slices.SortFunc(page, func(a, b switchyard.File) int { return markOf(b).compare(markOf(a)) })
	if len(page) > most {
		page = page[:most]
		next = markOf(page[most-1]).String()
	}
	return page, next, nil
}

// mark is a file's place in a list.
type mark struct {
	at int64
	id string
}

func markOf(f switchyard.File) mark { return mark{f.Created.UnixNano(), f.ID} }

func (m mark) compare(o mark) int {
	return cmp.Or(cmp.Compare(m.at, o.at), strings.Compare(m.id, o.id))
}

func (m mark) String() string { return strconv.FormatInt(m.at, 36) + "-" + m.id }

func parseMark(text string) (mark, error) {
	at, id, ok := strings.Cut(text, "-")
	n, err := strconv.ParseInt(at, 36, 64)
	if !ok || err != nil || !IsID(id) {
		return mark{}, ErrCursor
	}
	return mark{n, id}, nil
}

// Delete removes a tenant's file. A request that is being served the file still gets all of it.
func (u *Uploads) Delete(tenant, id string) error {
	u.mu.Lock()
	f := u.files[id]
	err := missing("file")
	if f != nil && f.Tenant == tenant && !u.expired(f) {
		err = u.remove(f)
	}
	u.mu.Unlock()
	return errors.Join(err, u.sync())
}

// remove requires mu. The description goes first: without one, a file does not count as there.
func (u *Uploads) remove(f *upload) error {
	for _, name := range []string{f.ID + docSuffix, f.ID} {
		if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("uploads: %w", err)
		}
	}
	delete(u.files, f.ID)
	u.total -= f.Size + block
	return nil
}

// Sweep removes files whose time is over, uploads that nobody has gone on with for an hour, and what a crash left.
func (u *Uploads) Sweep() error {
	u.mu.Lock()
	var errs []error
	for _, f := range u.files {
		if u.expired(f) {
			errs = append(errs, u.remove(f))
		}
	}
	given := map[string]*pending{} // uploads that this sweep ends
	for id, p := range u.begun {
		if !p.ending && u.now().Sub(p.touched) > abandoned {
			p.ending = true
			given[id] = p
		}
	}
	u.mu.Unlock()
	for id, p := range given {
		u.forget(id, p)
	}
	if err := errors.Join(append(errs, u.sweepStrays())...); err != nil {
		return fmt.Errorf("sweep uploads: %w", err)
	}
	return nil
}

// sweepStrays removes what belongs to no file and to no upload, unless it is young: then it may still be being
// written.
func (u *Uploads) sweepStrays() error {
	infos, err := u.list()
	if err != nil {
		return err
	}
	var errs []error
	for name, info := range infos {
		if u.owned(name) || u.age(info) <= abandoned {
			continue
		}
		if err := u.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (u *Uploads) owned(name string) bool {
	id, _, _ := strings.Cut(name, ".")
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.files[id] != nil || u.begun[id] != nil
}

func (u *Uploads) age(info fs.FileInfo) time.Duration { return u.now().Sub(info.ModTime()) }
