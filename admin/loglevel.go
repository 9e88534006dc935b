package admin

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// LogLevel is the level of the log; a *zap.AtomicLevel is one. Both methods may be called at any time.
type LogLevel interface {
	String() string
	UnmarshalText(name []byte) error
}

// LogLevels returns the names of the levels.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

// levelDoc is what /api/log-level takes and answers.
type levelDoc struct {
	Level   string `json:"level"`
	Warning string `json:"warning,omitempty"` // what went wrong besides; the level is set all the same
}

func (h *Handler) logLevel(w http.ResponseWriter, _ *http.Request) {
	answer(w, levelDoc{Level: h.Level.String()})
}

// putLogLevel changes the level. It stays until it is changed again, or until a reload brings another level than the
// config has now.
func (h *Handler) putLogLevel(w http.ResponseWriter, r *http.Request) {
	level, err := readLevel(http.MaxBytesReader(w, r.Body, 4<<10))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	before := h.Level.String()
	if err := h.Level.UnmarshalText([]byte(level)); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	err = h.Audit.Add(Entry{Actor: actorOf(r), Action: ActionLogLevel, Subject: level, Detail: "was " + before})
	answer(w, levelDoc{Level: level, Warning: warning(err)})
}

func readLevel(body io.Reader) (string, error) {
	doc, err := readOne[struct {
		Level string `json:"level"`
	}](body, `{"level":"debug"}`)
	if err != nil {
		return "", err
	}
	if !slices.Contains(LogLevels(), doc.Level) {
		return "", fmt.Errorf("level: want one of %s, got %q", strings.Join(LogLevels(), ", "), doc.Level)
	}
	return doc.Level, nil
}
