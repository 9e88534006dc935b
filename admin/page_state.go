package admin

import (
	"net/http"
	"time"

	"switchyard"
)

// BudgetState is a budget as it stands. One of images has MaxImages, and its money is nothing.
type BudgetState struct {
	Name, Scope, Per string
	Limit            switchyard.Money
	Spent            switchyard.Money
	Reserved         switchyard.Money // by what runs
	MaxImages        int
	Images           int
	HeldImages       int
	Resets           time.Time
	State            string // ok, or what it has come to
}

// share is a part of the budget in per cent, 100 at most.
func (b BudgetState) share(money switchyard.Money, images int) float64 {
	switch {
	case b.MaxImages > 0:
		return min(100*float64(images)/float64(b.MaxImages), 100)
	case b.Limit > 0:
		return min(100*money.Dollars()/b.Limit.Dollars(), 100)
	}
	return 100
}

// SpentShare and HeldShare are what is drawn of it.
func (b BudgetState) SpentShare() float64 { return b.share(b.Spent, b.Images) }

// HeldShare ends where the budget does.
func (b BudgetState) HeldShare() float64 {
	return min(b.share(b.Reserved, b.HeldImages), 100-b.SpentShare())
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

// Mood marks it; the word stands beside.
func (a AlertState) Mood() string {
	switch a.State {
	case "firing":
		return "bad"
	case "pending":
		return "warn"
	case "silenced":
		return "off"
	}
	return "good"
}

type budgetsView struct {
	view
	List []BudgetState
}

func (h *Handler) budgetsPage(w http.ResponseWriter, r *http.Request) {
	show(h, w, page[budgetsView]{"budgets", 0, budgetsView{h.view(r, "budgets", "Budgets"), h.Budgets()}})
}

type alertsView struct {
	view
	List []AlertState
}

func (h *Handler) alertsPage(w http.ResponseWriter, r *http.Request) {
	show(h, w, page[alertsView]{"alerts", 0, alertsView{h.view(r, "alerts", "Alerts"), h.Alerts()}})
}

type auditView struct {
	view
	Blind bool
	List  []Entry
}

func (h *Handler) auditPage(w http.ResponseWriter, r *http.Request) {
	list, err := h.Audit.Latest(200)
	show(h, w, page[auditView]{"audit", 0, auditView{h.view(r, "audit", "Audit"), err != nil, list}})
}
