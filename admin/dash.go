package admin

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"
)

// home is where the dashboard is.
const home = "/admin/ai-metrics"

//go:embed web
var web embed.FS

// dash is what the dashboard alone needs: templates, assets, and who is logged in.
type dash struct {
	pages    func() map[string]*template.Template // :: name of a page → the page in its frame; made when first asked for
	assets   assets
	sessions sessions
	forms    *guesses // by those who fill in the form
	headers  *guesses // by those who send the token with each request
}

// view is what the frame of every page shows. A page's own figures embed it.
type view struct {
	Title string
	Page  string // which of the sections it belongs to
	Now   time.Time
	Who   string // who is logged in; empty on the login page
	Sections
}

// Sections says which parts of the dashboard there are.
type Sections struct {
	HasBudgets, HasAlerts, HasAudit, HasKills bool
}

// dashboard adds the pages to the routes.
func (h *Handler) dashboard() {
	h.dash = &dash{assets: newAssets(), forms: newGuesses(formBurst, formEvery), headers: newGuesses(headerBurst, headerEvery)}
	h.dash.pages = sync.OnceValue(h.dash.parse)
	h.mux.HandleFunc("GET /{$}", toDashboard)
	h.mux.HandleFunc("GET /admin", toDashboard)
	h.mux.HandleFunc("GET /admin/{$}", toDashboard)
	h.mux.HandleFunc("GET /admin/login", h.local(h.loginPage))
	h.mux.HandleFunc("POST /admin/login", h.local(h.login))
	h.mux.HandleFunc("POST /admin/logout", h.local(h.logout))
	h.mux.HandleFunc("GET /admin/assets/{name}", h.dash.assets.serve)
	h.mux.HandleFunc("GET "+home, h.page(h.overviewPage))
	h.mux.HandleFunc("GET "+home+"/generations", h.page(h.generationsPage))
	h.mux.HandleFunc("GET "+home+"/generations/{id}", h.page(h.generationPage))
	h.mux.HandleFunc("GET "+home+"/generations/{id}/images/{n}", h.page(h.image))
	h.mux.HandleFunc("GET "+home+"/experiments", h.page(h.experimentsPage))
	h.mux.HandleFunc("GET "+home+"/events", h.page(h.events))
	if h.Budgets != nil {
		h.mux.HandleFunc("GET "+home+"/budgets", h.page(h.budgetsPage))
	}
	if h.Alerts != nil {
		h.mux.HandleFunc("GET "+home+"/alerts", h.page(h.alertsPage))
	}
	if h.Audit != nil {
		h.mux.HandleFunc("GET "+home+"/audit", h.page(h.auditPage))
	}
	if h.Kills != nil {
		h.mux.HandleFunc("GET "+home+"/kill", h.page(h.killPage))
		h.mux.HandleFunc("POST "+home+"/kill", h.page(h.killForm))
		h.mux.HandleFunc("POST "+home+"/revive", h.page(h.reviveForm))
	}
}

func toDashboard(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, home, http.StatusSeeOther)
}

// parse makes each page from its own file and the files that all pages share.
func (d *dash) parse() map[string]*template.Template {
	frame := template.Must(template.New("frame").Funcs(words).Funcs(template.FuncMap{"asset": d.assets.url}).
		ParseFS(web, "web/frame.html", "web/parts.html"))
	pages := map[string]*template.Template{}
	for _, name := range []string{"overview", "generations", "generation", "experiments", "budgets", "alerts", "audit", "kill", "login", "trouble"} {
		pages[name] = template.Must(template.Must(frame.Clone()).ParseFS(web, "web/"+name+".html"))
	}
	return pages
}

// view returns the frame of a page of a section.
func (h *Handler) view(r *http.Request, page, title string) view {
	v := view{Title: title, Page: page, Now: time.Now().UTC(), Sections: Sections{
		HasBudgets: h.Budgets != nil, HasAlerts: h.Alerts != nil, HasAudit: h.Audit != nil, HasKills: h.Kills != nil,
	}}
	v.Who, _ = h.who(r)
	return v
}

// page is one answer: the page's name, and what it shows. If the status is 0 it is 200.
type page[T any] struct {
	name   string
	status int
	data   T
}

// show writes a page whole or not at all, so that nobody reads half a figure.
func show[T any](h *Handler, w http.ResponseWriter, p page[T]) {
	var b bytes.Buffer
	if err := h.dash.pages()[p.name].ExecuteTemplate(&b, "frame", p.data); err != nil {
		http.Error(w, "this page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	_, _ = b.WriteTo(w)
}

// trouble is a page that says what is wrong.
type trouble struct {
	view
	Status  int
	Message string
}

func (h *Handler) trouble(w http.ResponseWriter, r *http.Request, status int, format string, args ...any) {
	show(h, w, page[trouble]{"trouble", status, trouble{
		view: h.view(r, "", http.StatusText(status)), Status: status, Message: fmt.Sprintf(format, args...),
	}})
}
