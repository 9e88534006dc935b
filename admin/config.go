package admin

import (
	"encoding/json"
	"net/http"
	"time"

	"switchyard/config"
)

// Config is the config in force, as /api/config answers it.
type Config struct {
	Loaded time.Time     `json:"loaded"` // when it came into force
	Values []config.Leaf `json:"values"` // defaults included; secrets are masked
	// Other are the paths of secrets that are not what the caller thinks: the mark that it sent is not theirs. No mark
	// is ever sent out.
	Other []string `json:"other,omitempty"`
}

// config answers the config in force. A POST brings marks of secrets, by path, and is also told which of these secrets
// have another mark.
func (h *Handler) config(w http.ResponseWriter, r *http.Request) {
	c := h.Config()
	if r.Method == http.MethodPost {
		var marks map[string]string // :: path → mark
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&marks); err != nil {
			fail(w, http.StatusBadRequest, "want an object of paths and marks")
			return
		}
		for _, l := range c.Values {
			if mark, asked := marks[l.Path]; asked && l.Mark() != mark {
				c.Other = append(c.Other, l.Path)
			}
		}
	}
	answer(w, c)
}
