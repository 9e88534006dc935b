package admin

import (
	"net/http"
	"time"
)

// AlertState is how an alert stands now.
type AlertState struct {
	Name    string    `json:"name"`
	Rule    string    `json:"rule"`
	State   string    `json:"state"` // ok, pending, firing or silenced
	Since   time.Time `json:"since"`
	Value   float64   `json:"value"`
	Message string    `json:"message"`
}

func (h *Handler) alerts(w http.ResponseWriter, _ *http.Request) {
	list := []AlertState{}
	if h.Alerts != nil {
		list = append(list, h.Alerts()...)
	}
	answer(w, map[string][]AlertState{"alerts": list})
}
