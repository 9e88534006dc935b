package cache

import (
	"bufio"
	"cmp"
	"crypto/rand"
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
	"strings"
	"time"
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

const tempPrefix = ".tmp-"

func (r *Replies) path(key Sum) string { return filepath.Join(r.dir, hex.EncodeToString(key[:])) }

// save writes an answer to its file, and syncs it: an app with a key may come back after a crash.
func (r *Replies) save(f *Flight, reply *Reply) (*Reply, error) {
	body, err := reply.Body.Open()
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	defer body.Close()
	line, err := json.Marshal(head{
		Request: hex.EncodeToString(f.request[:]), Expires: r.now().Add(f.ttl), Status: reply.Status, Header: reply.Header,
		Length: reply.Body.Len(), Made: reply.Made,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	temp, err := os.CreateTemp(r.dir, tempPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	_, err = temp.Write(append(line, '\n'))
	if err == nil {
		_, err = io.Copy(temp, body)
	}
	err = errors.Join(err, os.Chtimes(temp.Name(), time.Time{}, r.now()), temp.Sync(), temp.Close()) // Sweep goes by our clock
	if err == nil {
		err = os.Rename(temp.Name(), r.path(f.key))
	}
	if err != nil {
		_ = os.Remove(temp.Name())
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err := r.count(int64(len(line)) + reply.Body.Len()); err != nil {
		return nil, err
	}
	kept := *reply
	kept.Body = &section{path: r.path(f.key), off: int64(len(line)) + 1, n: reply.Body.Len()}
	return &kept, nil
}

// count counts a new file, and makes room if there is too much now.
func (r *Replies) count(size int64) error {
	if r.total.Add(size) <= r.max {
		return nil
	}
	return r.Sweep()
}

// load is the answer in a key's file, and the request it is to; nil if there is none, or none any more.
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
		return request, nil, nil // half a file is none
	}
	if _, err := hex.Decode(request[:], []byte(h.Request)); err != nil {
		return request, nil, nil
	}
	return request, &Reply{h.Status, h.Header, &section{path: r.path(key), off: off, n: h.Length}, h.Made}, nil
}

// maxHead bounds what is read as a head.
const maxHead = 64 << 10

func readHead(f io.Reader) (h head, length int64, err error) {
	line, err := bufio.NewReader(io.LimitReader(f, maxHead)).ReadBytes('\n')
	if err != nil {
		return h, 0, err
	}
	return h, int64(len(line)), json.Unmarshal(line, &h)
}

// take is load for an answer that is told once: nobody finds it any more. Requires mu.
func (r *Replies) take(key Sum) (*Reply, error) {
	_, reply, err := r.load(key)
	if reply == nil || err != nil {
		return nil, err
	}
	s := reply.Body.(*section)
	s.path, s.once = filepath.Join(r.dir, tempPrefix+rand.Text()), true
	if err := os.Rename(r.path(key), s.path); err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	return reply, nil
}

func (r *Replies) taken(key Sum) (*Reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reply, err := r.take(key)
	if reply == nil && err == nil {
		err = ErrReleased
	}
	return reply, err
}

// section is an answer's body in its file. Once opened, it stays readable when the file is removed.
type section struct {
	path   string
	off, n int64
	once   bool // the file goes when it is opened
}

func (s *section) Len() int64 { return s.n }

func (s *section) Open() (io.ReadCloser, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if s.once {
		_ = os.Remove(s.path)
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
	return nil
}

// abandoned is the age at which a temporary file has nobody who still writes it.
const abandoned = time.Hour

func (r *Replies) expired(info fs.FileInfo) bool {
	if strings.HasPrefix(info.Name(), tempPrefix) {
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
