package admin

import (
	"encoding/json"
	"net/http"
	"time"
)

// budgetDoc is a budget as JSON. What it does not limit is left out.
type budgetDoc struct {
	Name           string      `json:"name"`
	Scope          string      `json:"scope"`
	Per            string      `json:"per"`
	State          string      `json:"state"` // ok, warning or spent
	LimitUSD       json.Number `json:"limit_usd,omitempty"`
	SpentUSD       json.Number `json:"spent_usd"`
	ReservedUSD    json.Number `json:"reserved_usd"` // by what runs
	LimitImages    int         `json:"limit_images,omitempty"`
	Images         int         `json:"images"`
	ReservedImages int         `json:"reserved_images"`
	Resets         time.Time   `json:"resets"`
}

// budgets lists how each stands.
func (h *Handler) budgets(w http.ResponseWriter, _ *http.Request) {
	list := []budgetDoc{}
	if h.Budgets != nil {
		for _, b := range h.Budgets() {
			list = append(list, budgetDoc{
				Name: b.Name, Scope: b.Scope, Per: b.Per, State: b.State,
				SpentUSD: json.Number(b.Spent.String()), ReservedUSD: json.Number(b.Reserved.String()),
				LimitImages: b.MaxImages, Images: b.Images, ReservedImages: b.HeldImages, Resets: b.Resets.UTC(),
			})
			if b.Limit > 0 {
				list[len(list)-1].LimitUSD = json.Number(b.Limit.String())
			}
		}
	}
	answer(w, map[string][]budgetDoc{"budgets": list})
}
