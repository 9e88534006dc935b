// Package asset keeps files in folders, each under a name that nobody can guess. A Store keeps the images that we host for apps,
// Uploads the files that apps bring.
//
// A folder is the whole state, so a restart forgets nothing. A file is whole from the moment it has its name, is served to whoever
// knows the name, and is gone when its time is over; an image also when room is needed, and a file when its app deletes it.
package asset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"switchyard"
	"switchyard/durable"
)

// The errors of Put.
var (
	ErrType     = errors.New("not a PNG, JPEG, WebP or GIF image") // SVG is refused, too: it may hold scripts
	ErrTooLarge = errors.New("larger than allowed")
)

// Config is where images are kept and for how long.
type Config struct {
	Dir      string        // made if it does not exist; nothing else may live there
	TTL      time.Duration // 0: 24 h
	Max      int64         // bytes of all images together; 0: 10 GiB
	MaxImage int64         // bytes of one; 0: 64 MiB
	Every    time.Duration // pause between sweeps; 0: 1 min

	fsync func(*os.File) error // as in durable.Writer, for tests
}

// Store keeps and serves images. Many goroutines may use it. The owner calls Run, and Close after all else.
type Store struct {
	ttl, every    time.Duration
	max, maxImage int64
	root          *os.Root // no name leads out of it
	writing       chan struct{}
	buffers       sync.Pool // of *[256 << 10]byte
	fresh         fresh
	files         durable.Writer

	sweeping sync.Mutex // one sweep at a time; guards total
	total    int64      // bytes of all images
}

// New opens the folder and counts what is in it.
func New(c Config) (*Store, error) {
	s := &Store{writing: make(chan struct{}, atOnce), ttl: c.TTL, every: c.Every, max: c.Max, maxImage: c.MaxImage}
	s.files = durable.Writer{Perm: 0o640, Sync: c.fsync}
	if s.ttl <= 0 {
		s.ttl = 24 * time.Hour
	}
	if s.every <= 0 {
		s.every = time.Minute
	}
	if s.max <= 0 {
		s.max = 10 << 30
	}
	if s.maxImage <= 0 {
		s.maxImage = 64 << 20
	}
	if err := os.MkdirAll(c.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("assets: %w", err)
	}
	s.root = root
	files, err := s.list()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("assets: %w", err), root.Close())
	}
	for _, f := range files {
		s.total += f.Size()
	}
	return s, nil
}

// TTL returns how long an image is kept, unless room is needed before.
func (s *Store) TTL() time.Duration { return s.ttl }

// Close lets go of the folder.
func (s *Store) Close() error { return s.root.Close() }

// extensions and mimes are the types that are hosted. A browser runs nothing in them.
var (
	extensions = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
	mimes      = map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif"}
	nameForm   = regexp.MustCompile(`^[a-z2-7]{26}\.(png|jpg|webp|gif)$`)
)

// atOnce is how many images are written at the same time: more would not make a disk faster.
const atOnce = 8

// Put keeps an image and returns its name. Its type is found by its first bytes, whatever anybody declared. The file is on disk
// when Put returns: the picture has been paid for, and the app may be given the name right away.
func (s *Store) Put(ctx context.Context, image switchyard.Blob) (name string, err error) {
	if image.Len() > s.maxImage {
		return "", fmt.Errorf("asset of %d bytes: %w", image.Len(), ErrTooLarge)
	}
	r, err := image.Open()
	if err != nil {
		return "", fmt.Errorf("asset: %w", err)
	}
	defer r.Close()
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return "", fmt.Errorf("asset: %w", ctx.Err())
	}
	ext, whole, err := sniff(r)
	if err != nil {
		return "", fmt.Errorf("asset: %w", err)
	}
	name = newID() + ext
	err = s.files.Replace(filepath.Join(s.root.Name(), name), func(f *os.File) error {
		size, err := s.copy(ctx, f, whole)
		if err == nil && size != image.Len() {
			err = fmt.Errorf("%d of %d bytes", size, image.Len())
		}
		return err
	})
	if err != nil {
		_ = s.root.Remove(name) // nobody is told the name
		return "", fmt.Errorf("asset: %w", err)
	}
	s.cool(s.fresh.add(name, image.Len()))
	_ = s.count(image.Len()) // what cannot be swept now is swept, or told of, later; this image is there
	return name, nil
}

// sniff tells the extension for an image's type by its first bytes, and returns the whole of it.
func sniff(r io.Reader) (ext string, whole io.Reader, err error) {
	head := make([]byte, 32)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", nil, err
	}
	head = head[:n]
	ext, ok := extensions[switchyard.Sniff(head)]
	if !ok {
		return "", nil, ErrType
	}
	return ext, io.MultiReader(bytes.NewReader(head), r), nil
}

// copy writes in large pieces, which cost file systems far less than small ones.
func (s *Store) copy(ctx context.Context, f *os.File, r io.Reader) (int64, error) {
	buf, ok := s.buffers.Get().(*[256 << 10]byte)
	if !ok {
		buf = new([256 << 10]byte)
	}
	defer s.buffers.Put(buf)
	var n int64
	for ctx.Err() == nil {
		m, err := io.ReadFull(r, buf[:])
		if n += int64(m); n > s.maxImage { // the Blob gave a wrong length
			return n, ErrTooLarge
		}
		if _, err := f.Write(buf[:m]); err != nil {
			return n, err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, ctx.Err()
}

// count counts a new image, and makes room if there is too much now.
func (s *Store) count(size int64) error {
	s.sweeping.Lock()
	s.total += size
	over := s.total > s.max
	s.sweeping.Unlock()
	if !over {
		return nil
	}
	_, err := s.Sweep(time.Now())
	return err
}

// list returns all images.
func (s *Store) list() ([]fs.FileInfo, error) {
	var files []fs.FileInfo
	err := s.each(func(f fs.FileInfo) {
		if nameForm.MatchString(f.Name()) {
			files = append(files, f)
		}
	})
	return files, err
}

// each visits the plain files of the folder.
func (s *Store) each(visit func(fs.FileInfo)) error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		f, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			continue
		}
		if err != nil {
			return err
		}
		if f.Mode().IsRegular() {
			visit(f)
		}
	}
	return nil
}

// Path returns the path of the address at which a name is served.
func Path(name string) string { return Prefix + name }

// NameIn returns the name in the path of a hosted image's address, whatever comes before our part of the path; empty if there is
// none.
func NameIn(path string) string {
	_, name, ok := strings.Cut(path, Prefix)
	if !ok || !nameForm.MatchString(name) {
		return ""
	}
	return name
}

// TypeOf returns the type of an image by its name.
func TypeOf(name string) string { return mimes[filepath.Ext(name)] }
