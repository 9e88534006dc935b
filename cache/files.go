package cache

import (
	"bufio"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"switchyard/durable"
)

// head is the first line of a file; the answer's body follows.
type head struct {
	Request string      `json:"request"`
	Expires time.Time   `json:"expires"`
	Status  int         `json:"status"`
	Header  http.Header `json:"header"`
	Length  int64       `json:"length"`
	Made    Made        `json:"made"`
}

func (r *Replies) path(key Sum) string { return filepath.Join(r.dir, hex.EncodeToString(key[:])) }

// save writes an answer to its file. One under a key is found there even if the machine dies as soon as save returns; a
// shared one may be lost then, and nobody counts on it.
func (r *Replies) save(ask Ask, reply *Reply) error {
	body, err := reply.Body.Open()
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer body.Close()
	line, err := r.headLine(ask, reply)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	put := r.files.Place
	if ask.kind == keyed {
		put = r.files.Replace
	}
	err = put(r.path(ask.key), func(f *os.File) error {
		err := fill(f, line, body, reply.Body.Len())
		return errors.Join(err, os.Chtimes(f.Name(), time.Time{}, r.now())) // Sweep goes by our clock
	})
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if r.total.Add(int64(len(line))+reply.Body.Len()) > r.max {
		_ = r.Sweep() // what cannot be swept now is swept, or reported, later; this answer is there
	}
	return nil
}

// headLine is a file's head, small enough for load.
func (r *Replies) headLine(ask Ask, reply *Reply) ([]byte, error) {
	line, err := json.Marshal(head{
		Request: hex.EncodeToString(ask.request[:]), Expires: r.now().Add(cmp.Or(ask.ttl, r.ttl)), Status: reply.Status, Header: reply.Header,
		Length: reply.Body.Len(), Made: reply.Made,
	})
	if err == nil && len(line) >= maxHead {
		err = fmt.Errorf("an answer's head has %d bytes, more than %d", len(line), maxHead)
	}
	return append(line, '\n'), err
}

// fill writes a head, and a body that must be as long as it says.
func fill(w io.Writer, line []byte, body io.Reader, length int64) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	n, err := io.Copy(w, body)
	if err == nil && n != length {
		err = fmt.Errorf("an answer of %d bytes has %d", length, n)
	}
	return err
}

// touch keeps a file for longer than others when room is made.
func (r *Replies) touch(key Sum) { _ = os.Chtimes(r.path(key), time.Time{}, r.now()) }

// load returns the answer in a key's file, and the request that it answers; nil if there is none, or none any more.
func (r *Replies) load(key Sum) (request Sum, reply *Reply, err error) {
	f, err := os.Open(r.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return request, nil, nil
	}
	if err != nil {
		return request, nil, fmt.Errorf("cache: %w", err)
	}
	defer f.Close()
	h, off, err := readHead(f)
	info, statErr := f.Stat()
	if err != nil || statErr != nil || info.Size() != off+h.Length || r.now().After(h.Expires) {
		return request, nil, nil // half a file counts as none
	}
	if _, err := hex.Decode(request[:], []byte(h.Request)); err != nil {
		return request, nil, nil
	}
	if r.hosts != nil && slices.ContainsFunc(h.Made.Hosted, func(name string) bool { return !r.hosts(name) }) {
		return request, nil, nil
	}
	return request, &Reply{h.Status, h.Header, &section{path: r.path(key), off: off, n: h.Length}, h.Made}, nil
}

// maxHead bounds a head. It has room for all headers that a provider may send, however JSON spells them, and ours.
const maxHead = 1 << 20

func readHead(f io.Reader) (h head, length int64, err error) {
	line, err := bufio.NewReader(io.LimitReader(f, maxHead)).ReadBytes('\n')
	if err != nil {
		return h, 0, err
	}
	return h, int64(len(line)), json.Unmarshal(line, &h)
}

// section is an answer's body in its file. Once opened, it stays readable when the file is removed.
type section struct {
	path   string
	off, n int64
}

func (s *section) Len() int64 { return s.n }

func (s *section) Open() (io.ReadCloser, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if _, err := f.Seek(s.off, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Sweep removes what has expired, and of the rest what was written, or shared, longest ago, if there is too much.
func (r *Replies) Sweep() error {
	r.sweeping.Lock()
	defer r.sweeping.Unlock()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if r.expired(info) {
			_ = os.Remove(filepath.Join(r.dir, info.Name()))
			continue
		}
		files, total = append(files, info), total+info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	limit := total
	if total > r.max {
		limit = r.max - r.max/10 // so that not every answer has to sweep
	}
	for _, info := range files {
		if total <= limit {
			break
		}
		_ = os.Remove(filepath.Join(r.dir, info.Name()))
		total -= info.Size()
	}
	r.total.Store(total)
	r.forget()
	return nil
}

// forget ends the lines whose answers have been removed.
func (r *Replies) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, lines := range r.lines {
		for _, l := range lines {
			if _, err := os.Stat(r.path(l.key)); err != nil {
				l.kept = false
			}
		}
		r.tidy(key)
	}
}

// abandoned is the age at which a temporary file is certain not to be written any more.
const abandoned = time.Hour

func (r *Replies) expired(info fs.FileInfo) bool {
	if durable.Temporary(info.Name()) {
		return r.now().Sub(info.ModTime()) > abandoned
	}
	f, err := os.Open(filepath.Join(r.dir, info.Name()))
	if err != nil {
		return false
	}
	defer f.Close()
	h, _, err := readHead(f)
	return err != nil || r.now().After(h.Expires)
}
