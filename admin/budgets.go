package admin

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"switchyard"
)

// BudgetState is how a budget stands now. A limit that it does not have is zero, and left out of the JSON.
type BudgetState struct {
	Name           string    `json:"name"`
	Scope          string    `json:"scope"`
	Per            string    `json:"per"`
	State          string    `json:"state"` // ok, warning or spent
	Limit          USD       `json:"limit_usd,omitzero"`
	Spent          USD       `json:"spent_usd"`
	Reserved       USD       `json:"reserved_usd"` // by requests under way
	LimitImages    int       `json:"limit_images,omitempty"`
	Images         int       `json:"images"`
	ReservedImages int       `json:"reserved_images"`
	Resets         time.Time `json:"resets"` // in UTC
}

// USD is money that is written in JSON as a number of dollars.
type USD struct{ switchyard.Money }

// MarshalJSON writes the exact amount.
func (u USD) MarshalJSON() ([]byte, error) { return []byte(u.String()), nil }

// budgets lists how each stands.
func (h *Handler) budgets(w http.ResponseWriter, _ *http.Request) {
	list := []BudgetState{}
	if h.Budgets != nil {
		list = append(list, h.Budgets()...)
	}
	answer(w, map[string][]BudgetState{"budgets": list})
}

// share returns a part of the budget in per cent, 100 at most: of its money or of its images, whichever is more.
func (b BudgetState) share(money switchyard.Money, images int) float64 {
	if b.Limit.Money <= 0 && b.LimitImages <= 0 {
		return 100
	}
	most := 0.0
	if b.Limit.Money > 0 {
		most = 100 * money.Dollars() / b.Limit.Dollars()
	}
	if b.LimitImages > 0 {
		most = max(most, 100*float64(images)/float64(b.LimitImages))
	}
	return min(most, 100)
}

// SpentShare is the part that is spent, in per cent.
func (b BudgetState) SpentShare() float64 { return b.share(b.Spent.Money, b.Images) }

// HeldShare is the part that is reserved, in per cent; together with SpentShare it is 100 at most.
func (b BudgetState) HeldShare() float64 {
	return b.share(b.Spent.Money+b.Reserved.Money, b.Images+b.ReservedImages) - b.SpentShare()
}

// Mood is how pages mark the budget; the word for its state always stands beside the mark.
func (b BudgetState) Mood() string {
	switch {
	case b.spent():
		return "bad"
	case b.State != "ok":
		return "warn"
	}
	return "good"
}

// Whose says in words who spends from the budget; empty if everybody does.
func (b BudgetState) Whose() string {
	what, who, _ := strings.Cut(b.Scope, ":")
	if who == "" {
		return ""
	}
	return what + " " + who
}

// mostNamed is how many budgets a line names.
const mostNamed = 3

// spentWords returns one line that names the budgets that are spent; empty if none is.
func spentWords(list []BudgetState) string {
	var names []string
	for _, b := range list {
		if !b.spent() {
			continue
		}
		name := b.Name
		if whose := b.Whose(); whose != "" {
			name += " of " + whose
		}
		names = append(names, name)
	}
	n := len(names)
	switch {
	case n == 0:
		return ""
	case n == 1:
		return "Budget " + names[0] + " is spent"
	case n > mostNamed:
		names = append(names[:mostNamed], fmt.Sprintf("and %d more", n-mostNamed))
	}
	return fmt.Sprintf("%d budgets are spent: %s", n, strings.Join(names, ", "))
}

func (b BudgetState) spent() bool { return b.State != "ok" && b.SpentShare() >= 100 }
