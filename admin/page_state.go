package admin

import (
	"cmp"
	"net/http"
	"slices"
)

// moods are in the order in which they are shown, the worst first.
var moods = map[string]int{"bad": 0, "warn": 1, "off": 2, "good": 3}

// worstFirst sorts a list by mood. Elements of the same mood stay in their order.
func worstFirst[T interface{ Mood() string }](list []T) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(moods[a.Mood()], moods[b.Mood()]) })
	return list
}

// Mood is how pages mark the alert; the word for its state always stands beside the mark.
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
	show(h, w, page[budgetsView]{"budgets", 0, budgetsView{h.view(r, "budgets", "Budgets"), worstFirst(h.Budgets())}})
}

type alertsView struct {
	view
	Loud, Quiet []AlertState
}

func (h *Handler) alertsPage(w http.ResponseWriter, r *http.Request) {
	list := worstFirst(h.Alerts())
	loud := slices.IndexFunc(list, func(a AlertState) bool { return a.Mood() == "good" })
	if loud < 0 {
		loud = len(list)
	}
	show(h, w, page[alertsView]{"alerts", 0, alertsView{h.view(r, "alerts", "Alerts"), list[:loud], list[loud:]}})
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
