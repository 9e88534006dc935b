package admin

import (
	"net/http"
	"time"

	"switchyard"
)

// BudgetState is a budget as it stands. A limit that it does not have is zero, and left out of the JSON.
type BudgetState struct {
	Name           string    `json:"name"`
	Scope          string    `json:"scope"`
	Per            string    `json:"per"`
	State          string    `json:"state"` // ok, warning or spent
	Limit          USD       `json:"limit_usd,omitzero"`
	Spent          USD       `json:"spent_usd"`
	Reserved       USD       `json:"reserved_usd"` // by what runs
	LimitImages    int       `json:"limit_images,omitempty"`
	Images         int       `json:"images"`
	ReservedImages int       `json:"reserved_images"`
	Resets         time.Time `json:"resets"` // in UTC
}

// USD is money that JSON tells as a number of dollars.
type USD struct{ switchyard.Money }

// MarshalJSON is exact.
func (u USD) MarshalJSON() ([]byte, error) { return []byte(u.String()), nil }

// budgets lists how each stands.
func (h *Handler) budgets(w http.ResponseWriter, _ *http.Request) {
	list := []BudgetState{}
	if h.Budgets != nil {
		list = append(list, h.Budgets()...)
	}
	answer(w, map[string][]BudgetState{"budgets": list})
}

// share is a part of the budget in per cent, 100 at most.
func (b BudgetState) share(money switchyard.Money, images int) float64 {
	switch {
	case b.LimitImages > 0:
		return min(100*float64(images)/float64(b.LimitImages), 100)
	case b.Limit.Money > 0:
		return min(100*money.Dollars()/b.Limit.Dollars(), 100)
	}
	return 100
}

// SpentShare and HeldShare are what is drawn of it.
func (b BudgetState) SpentShare() float64 { return b.share(b.Spent.Money, b.Images) }

// HeldShare ends where the budget does.
func (b BudgetState) HeldShare() float64 {
	return min(b.share(b.Reserved.Money, b.ReservedImages), 100-b.SpentShare())
}

// Mood marks it; the word stands beside.
func (b BudgetState) Mood() string {
	switch {
	case b.spent():
		return "bad"
	case b.SpentShare()+b.HeldShare() >= 80:
		return "warn"
	}
	return "good"
}

func (b BudgetState) spent() bool { return b.State != "" && b.State != "ok" && b.SpentShare() >= 100 }
