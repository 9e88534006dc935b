package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"
)

// What operators do.
const (
	ActionKill     = "kill"
	ActionRevive   = "revive"
	ActionReload   = "reload"
	ActionLogLevel = "log level"
	ActionLogin    = "login"
)

// Entry is one thing that an operator did, or tried to.
type Entry struct {
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"`   // "api" or "cli" with an address, "dashboard", "file", "signal"
	Action  string    `json:"action"`  // one of the Action constants
	Subject string    `json:"subject"` // what it was done to
	Detail  string    `json:"detail,omitempty"`
}

// Audit is the record of what operators did: a file with a line of JSON for each entry. A full file is renamed to the
// older file, in place of the one that was there. Safe for concurrent use; a nil *Audit keeps nothing.
type Audit struct {
	path string
	max  int64

	mu   sync.Mutex // guards the file
	file *os.File
	size int64
}

// maxAudit is how large the file may grow, in bytes.
const maxAudit = 10 << 20

// OpenAudit opens the file, and makes it if there is none. The caller closes it.
func OpenAudit(path string) (*Audit, error) {
	a := &Audit{path: path, max: maxAudit}
	if err := a.open(); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return a, nil
}

// open opens the file to append to it. A line that a crash left unfinished is ended, so that it does not spoil the next.
func (a *Audit) open() (err error) {
	if a.file, err = os.OpenFile(a.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	if a.size, err = a.file.Seek(0, io.SeekEnd); err != nil || a.size == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err = a.file.ReadAt(last, a.size-1); err == nil && last[0] != '\n' {
		err = a.write([]byte("\n"))
	}
	return err
}

// Close closes the file.
func (a *Audit) Close() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}

// Add adds an entry, and returns when it is on disk. If it has no time, it gets the present.
func (a *Audit) Add(e Entry) error {
	if a == nil {
		return nil
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size > 0 && a.size+int64(len(line)) >= a.max {
		if err := a.rotate(); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	if err := errors.Join(a.write(append(line, '\n')), a.file.Sync()); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}

// Reloaded adds a reload of the config, and whether it was refused. If the entry cannot be written it is dropped: the log
// has it, too.
func (a *Audit) Reloaded(actor string, err error) {
	e := Entry{Actor: actor, Action: ActionReload, Subject: "config", Detail: "ok"}
	if err != nil {
		e.Detail = "refused: " + err.Error()
	}
	_ = a.Add(e)
}

// write requires mu, except when the file is being opened.
func (a *Audit) write(b []byte) error {
	n, err := a.file.Write(b)
	a.size += int64(n)
	return err
}

// rotate makes the file the older one. Requires mu.
func (a *Audit) rotate() error {
	if err := os.Rename(a.path, a.older()); err != nil {
		return err
	}
	full := a.file
	if err := a.open(); err != nil {
		a.file = full // go on writing to it, under its new name
		return err
	}
	return full.Close()
}

func (a *Audit) older() string { return a.path + ".1" }

// Latest returns the last n entries, the newest first. It reads the files backwards, and stops when it has enough.
func (a *Audit) Latest(n int) ([]Entry, error) {
	if a == nil {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	entries, err := latest(nil, a.file, n)
	if err != nil || len(entries) == n {
		return entries, err
	}
	older, err := os.Open(a.older())
	if errors.Is(err, fs.ErrNotExist) {
		return entries, nil
	}
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer older.Close()
	return latest(entries, older, n)
}

// latest adds entries from the end of a file, until there are n. It skips a line that is not an entry: a crash has cut it
// off.
func latest(entries []Entry, f *os.File, n int) ([]Entry, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var rest []byte // the end of a line whose beginning has not been read yet
	block := make([]byte, 64<<10)
	for end > 0 && len(entries) < n {
		size := min(end, int64(len(block)))
		end -= size
		if _, err := f.ReadAt(block[:size], end); err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		text := append(bytes.Clone(block[:size]), rest...)
		for len(entries) < n {
			i := bytes.LastIndexByte(text, '\n')
			if i < 0 && end > 0 {
				break
			}
			var e Entry
			if json.Unmarshal(text[i+1:], &e) == nil {
				entries = append(entries, e)
			}
			if text = text[:max(i, 0)]; i < 0 {
				break
			}
		}
		rest = text
	}
	return entries, nil
}
