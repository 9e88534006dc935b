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

// Stat is a tenant's file. A stranger's is none.
func (u *Uploads) Stat(tenant, id string) (switchyard.File, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.files[id]
	if f == nil || f.Tenant != tenant || u.expired(f) {
		return switchyard.File{}, missing("file")
	}
	return f.File, nil
}

// Find is the bytes of a file as well; of whatever tenant, if that is empty.
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

// expired reports whether a file's time is over; the sweep may not have come by yet. Requires mu.
func (u *Uploads) expired(f *upload) bool { return !u.now().Before(f.Expires) }

// kept is a file as a blob.
type kept struct {
	store *Uploads
	file  switchyard.File
}

func (k *kept) Len() int64 { return k.file.Size }

func (k *kept) Open() (io.ReadCloser, error) { return k.store.root.Open(k.file.ID) }

// ErrCursor is asking for a page that is none.
var ErrCursor = errors.New("malformed cursor")

// List is a page of the files that a tenant brought by a dialect, newest first. next is the cursor of the one after it;
// empty if this is the last.
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

// Delete removes a tenant's file. Who is being served it gets the whole of it all the same.
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

// remove requires mu. The description goes first: a file without one is none.
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
	given := map[string]*pending{} // up to us
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

// sweepStrays removes what belongs to no file and to no upload. The young may yet be written.
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
