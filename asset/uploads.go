package asset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchyard"
	"switchyard/durable"
)

// The errors of Uploads. For a file or an upload that is not there the error is fs.ErrNotExist.
var (
	ErrFull  = errors.New("no room for files") // all files together; ErrTooLarge: one file
	ErrParts = errors.New("a part is missing")
)

// UploadsConfig is where apps' files are kept and for how long.
type UploadsConfig struct {
	Dir     string           // made if it does not exist; nothing else may live there
	TTL     time.Duration    // 0: 24 h
	Max     int64            // bytes of all files together; 0: 10 GiB
	MaxFile int64            // bytes of one; 0: 64 MiB
	Now     func() time.Time // nil: time.Now
}

// Uploads keeps the files that apps bring. A file is whole, on disk and described when anybody is told of it, and it
// never changes. When there is no room new files are refused: the old ones were promised their time.
//
// The folder holds all there is to know: ID is a file, and ID.json says what it is; UPLOAD.begun is an upload under way,
// and UPLOAD.part1 a part of it. Many goroutines may use it, but only one process. The owner calls Run, and Close after
// everything else.
type Uploads struct {
	ttl          time.Duration
	max, maxFile int64
	now          func() time.Time
	root         *os.Root
	buffers      sync.Pool // of *[256 << 10]byte

	mu    sync.Mutex          // guards the rest
	files map[string]*upload  // :: id → whole file
	begun map[string]*pending // :: id of an upload under way → the upload
	total int64               // bytes of all files, and block for each
}

// upload is a file and whose it is, as it is written in the folder.
type upload struct {
	Tenant string `json:"tenant"`
	switchyard.File
}

// pending is an upload under way.
type pending struct {
	upload
	touched time.Time
	parts   map[int]int64 // :: number → bytes
	ending  bool          // it is being made a file, or swept: it takes no more parts
}

// block is what a file counts for besides its bytes. Without it there would be room for any number of empty files, which
// take room on disk, and in memory, where all descriptions are.
const block = 64 << 10

var (
	idForm   = regexp.MustCompile(`^[a-z2-7]{26}$`)
	partForm = regexp.MustCompile(`^([a-z2-7]{26})\.part([0-9]{1,5})$`)
	fileForm = regexp.MustCompile(`^[a-z2-7]{26}(\.json|\.begun|\.part[0-9]{1,5})?$`)
)

const (
	docSuffix   = ".json"
	begunSuffix = ".begun"
)

// IsID reports whether a text may be the id of a file here.
func IsID(text string) bool { return idForm.MatchString(text) }

// NewUploads opens the folder and reads what is in it.
func NewUploads(c UploadsConfig) (*Uploads, error) {
	u := &Uploads{ttl: c.TTL, max: c.Max, maxFile: c.MaxFile, now: c.Now, files: map[string]*upload{}, begun: map[string]*pending{}}
	if u.ttl <= 0 {
		u.ttl = 24 * time.Hour
	}
	if u.max <= 0 {
		u.max = 10 << 30
	}
	if u.maxFile <= 0 {
		u.maxFile = 64 << 20
	}
	if u.now == nil {
		u.now = time.Now
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	root, err := os.OpenRoot(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("uploads: %w", err)
	}
	u.root = root
	if err := u.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("uploads: %w", err), root.Close())
	}
	return u, nil
}

// Close lets go of the folder.
func (u *Uploads) Close() error { return u.root.Close() }

// load reads the folder. What is not whole is left to the sweep.
func (u *Uploads) load() error {
	infos, err := u.list()
	if err != nil {
		return err
	}
	for name := range infos {
		if id, ok := strings.CutSuffix(name, docSuffix); ok {
			u.loadFile(id, infos[id])
		}
	}
	for name, info := range infos {
		if id, ok := strings.CutSuffix(name, begunSuffix); ok {
			u.loadBegun(id, info)
		}
	}
	for name, info := range infos {
		match := partForm.FindStringSubmatch(name)
		if match == nil || u.begun[match[1]] == nil {
			continue
		}
		p := u.begun[match[1]]
		n, _ := strconv.Atoi(match[2])
		p.parts[n] = info.Size()
		if info.ModTime().After(p.touched) {
			p.touched = info.ModTime()
		}
		u.total += info.Size() + block
	}
	return nil
}

func (u *Uploads) loadFile(id string, info fs.FileInfo) {
	var doc upload
	if info == nil || u.readDoc(id+docSuffix, &doc) != nil || doc.ID != id || doc.Size != info.Size() {
		return
	}
	u.files[id] = &doc
	u.total += doc.Size + block
}

func (u *Uploads) loadBegun(id string, info fs.FileInfo) {
	p := &pending{touched: info.ModTime(), parts: map[int]int64{}}
	if u.readDoc(id+begunSuffix, &p.upload) != nil || u.files[p.ID] != nil { // not readable, or already a file when the process ended
		return
	}
	u.begun[id] = p
	u.total += block
}

func (u *Uploads) readDoc(name string, doc *upload) error {
	text, err := u.root.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, doc)
}

// list returns the files of the folder that are ours, by name.
func (u *Uploads) list() (map[string]fs.FileInfo, error) {
	entries, err := fs.ReadDir(u.root.FS(), ".")
	if err != nil {
		return nil, err
	}
	infos := map[string]fs.FileInfo{}
	for _, e := range entries {
		if !fileForm.MatchString(e.Name()) && !durable.Temporary(e.Name()) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // gone meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			infos[e.Name()] = info
		}
	}
	return infos, nil
}

// Run sweeps at once and then every so often, until ctx ends. report gets each failure; it may be nil.
func (u *Uploads) Run(ctx context.Context, report func(error)) {
	repeat(ctx, time.Minute, report, u.Sweep)
}
