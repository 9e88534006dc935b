package asset

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"switchyard"
)

func newID() string { return strings.ToLower(rand.Text()) } // 130 random bits in base32

func missing(what string) error { return fmt.Errorf("%s: %w", what, fs.ErrNotExist) }

// Put keeps a file whose bytes are all there. about is what the app says of it; Put fills in the rest.
func (u *Uploads) Put(ctx context.Context, tenant string, about switchyard.File, r io.Reader) (switchyard.File, error) {
	w, err := u.write(ctx, r)
	if err != nil {
		return switchyard.File{}, err
	}
	return u.keep(named(tenant, about), w)
}

// Begin announces a file. It returns the file's id and the upload's, by which anybody who knows it may bring the bytes.
func (u *Uploads) Begin(tenant string, about switchyard.File) (id, uploadID string, err error) {
	p := &pending{upload: named(tenant, about), touched: u.now(), parts: map[int]int64{}}
	uploadID = newID()
	if err := u.reserve(block); err != nil {
		return "", "", err
	}
	if err := errors.Join(u.writeDoc(uploadID+begunSuffix, p.upload), u.sync()); err != nil {
		u.release(block)
		return "", "", fmt.Errorf("uploads: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.begun[uploadID] = p
	return p.ID, uploadID, nil
}

// named gives a file its id. Long texts are cut: they are all in memory.
func named(tenant string, about switchyard.File) upload {
	about.ID, about.Name, about.Type = newID(), clip(about.Name), clip(about.Type)
	return upload{tenant, about}
}

const maxText = 255

func clip(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// Fill brings all bytes of an upload at once, which ends it.
func (u *Uploads) Fill(ctx context.Context, uploadID string, r io.Reader) (switchyard.File, error) {
	if !u.touch(uploadID) {
		return switchyard.File{}, missing("upload")
	}
	w, err := u.write(ctx, r)
	if err != nil {
		return switchyard.File{}, err
	}
	p := u.take(uploadID)
	if p == nil { // another call has ended it
		u.discard(w)
		return switchyard.File{}, missing("upload")
	}
	return u.end(uploadID, p, w)
}

// maxPart is the highest number of a part, the usual one of uploads in parts.
const maxPart = 10_000

// Part brings a part of an upload, in any order; a part that comes again replaces the first. It returns the part's tag.
func (u *Uploads) Part(ctx context.Context, uploadID string, n int, r io.Reader) (etag string, err error) {
	if n < 1 || n > maxPart || !u.touch(uploadID) {
		return "", missing("upload")
	}
	w, err := u.write(ctx, r)
	if err != nil {
		return "", err
	}
	if err := errors.Join(u.place(uploadID, n, w), u.sync()); err != nil {
		return "", err
	}
	return w.md5, nil
}

// place makes written bytes a part.
func (u *Uploads) place(uploadID string, n int, w written) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.begun[uploadID]
	if p == nil || p.ending {
		u.drop(w)
		return missing("upload")
	}
	sum := w.size - p.parts[n]
	for _, size := range p.parts {
		sum += size
	}
	if sum > u.maxFile {
		u.drop(w)
		return fmt.Errorf("file in parts: %w", ErrTooLarge)
	}
	if err := u.root.Rename(w.temp, partName(uploadID, n)); err != nil {
		u.drop(w)
		return fmt.Errorf("uploads: %w", err)
	}
	if old, again := p.parts[n]; again {
		u.total -= old + block
	}
	p.parts[n], p.touched = w.size, u.now()
	return nil
}

func partName(uploadID string, n int) string { return uploadID + ".part" + strconv.Itoa(n) }

// Finish makes a file of the parts with these numbers, in order of the numbers, which ends the upload. Parts that are
// not named are left out.
func (u *Uploads) Finish(ctx context.Context, uploadID string, numbers []int) (switchyard.File, error) {
	p := u.take(uploadID)
	if p == nil {
		return switchyard.File{}, missing("upload")
	}
	numbers = slices.Compact(slices.Sorted(slices.Values(numbers)))
	names := make([]string, len(numbers))
	for i, n := range numbers {
		if _, ok := p.parts[n]; !ok {
			u.giveBack(p)
			return switchyard.File{}, fmt.Errorf("part %d: %w", n, ErrParts)
		}
		names[i] = partName(uploadID, n)
	}
	parts := &joined{root: u.root, names: names}
	defer parts.Close()
	w, err := u.write(ctx, parts)
	if err != nil {
		u.giveBack(p)
		return switchyard.File{}, err
	}
	return u.end(uploadID, p, w)
}

// end makes a file of an upload that has been taken. If that fails the upload goes on.
func (u *Uploads) end(uploadID string, p *pending, w written) (switchyard.File, error) {
	f, err := u.keep(p.upload, w)
	if err != nil {
		u.giveBack(p)
		return f, err
	}
	u.forget(uploadID, p)
	return f, nil
}

func (u *Uploads) touch(uploadID string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.begun[uploadID]
	if p == nil || p.ending {
		return false
	}
	p.touched = u.now()
	return true
}

// take returns the upload to a caller that ends it: after that nobody else can. It is nil if there is none.
func (u *Uploads) take(uploadID string) *pending {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := u.begun[uploadID]
	if p == nil || p.ending {
		return nil
	}
	p.ending = true
	return p
}

func (u *Uploads) giveBack(p *pending) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p.ending = false
}

// forget removes an upload that has been taken.
func (u *Uploads) forget(uploadID string, p *pending) {
	freed := int64(block)
	for n, size := range p.parts {
		_ = u.root.Remove(partName(uploadID, n)) // what stays is swept
		freed += size + block
	}
	_ = u.root.Remove(uploadID + begunSuffix)
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.begun, uploadID)
	u.total -= freed
}

// keep gives a written file its name and its description. From then on the file exists.
func (u *Uploads) keep(f upload, w written) (switchyard.File, error) {
	f.Size, f.SHA256, f.MD5 = w.size, w.sha256, w.md5
	f.Created = u.now()
	f.Expires = f.Created.Add(u.ttl)
	err := u.root.Rename(w.temp, f.ID)
	if err == nil {
		w.temp = f.ID
		err = u.writeDoc(f.ID+docSuffix, f)
	}
	if err == nil {
		err = u.sync()
	}
	if err != nil {
		_ = u.root.Remove(f.ID + docSuffix)
		u.discard(w)
		return switchyard.File{}, fmt.Errorf("uploads: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files[f.ID] = &f
	return f.File, nil
}
