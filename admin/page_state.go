package admin

import "net/http"

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
