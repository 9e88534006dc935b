package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
	"switchyard/ledger"
)

const listed = 50 // generations on one page

type generationsView struct {
	view
	span
	Blind  bool
	Rows   []ledger.Account
	Find   string // an app's own id: only requests that came with it are listed
	First  bool   // the newest are on this page
	Older  string // query for the next, older page; empty on the last
	Newest string // query for the first page
}

func (h *Handler) generationsPage(w http.ResponseWriter, r *http.Request) {
	v := generationsView{view: h.view(r, "generations", "Generations")}
	var err error
	if v.span, err = spanOf(r.URL.Query(), v.Now); err != nil {
		h.trouble(w, r, http.StatusBadRequest, "%v", err)
		return
	}
	q := r.URL.Query()
	if v.Find = strings.TrimSpace(q.Get("find")); v.Find != "" {
		if _, err := h.Ledger.Generation(r.Context(), v.Find); err == nil { // what was typed is the id of a generation
			http.Redirect(w, r, home+"/generations/"+url.PathEscape(v.Find), http.StatusSeeOther)
			return
		}
	}
	p := ledger.Page{Span: ledger.Span{Since: v.Since, Until: v.Until}, RequestID: v.Find, Limit: listed + 1}
	if p.After, err = cursorOf(q.Get(older)); err != nil {
		h.trouble(w, r, http.StatusBadRequest, "%v", err)
		return
	}
	rows, err := h.Ledger.Generations(r.Context(), p)
	v.Blind, v.Rows, v.First = err != nil, rows[:min(listed, len(rows))], p.After == ledger.Cursor{}
	q.Del(older)
	v.Newest = "?" + q.Encode()
	if len(rows) > listed {
		last := rows[listed-1].Generation
		q.Set(older, strconv.FormatInt(last.Started.UnixNano(), 10)+"-"+last.ID)
		v.Older = "?" + q.Encode()
	}
	show(h, w, page[generationsView]{"generations", 0, v})
}

// older is the parameter of an address that names the last generation of the page before: when it started, and its
// id.
const older = "older"

func cursorOf(text string) (c ledger.Cursor, err error) {
	if text == "" {
		return c, nil
	}
	at, id, _ := strings.Cut(text, "-")
	nanos, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return c, errors.New("older: want what the link to older ones says")
	}
	return ledger.Cursor{Started: time.Unix(0, nanos).UTC(), ID: id}, nil
}

// story is everything about one generation.
type story struct {
	view
	ledger.Account
	Rule     string        // of the route; empty if it has none, or is not in the config any more
	Length   time.Duration // from its start to the end of whatever ended last
	Attempts []chapter
	Pictures pictures
	Fidelity []note
	Labels   []label
}

// chapter is an attempt with its place in time, in per cent of the whole.
type chapter struct {
	switchyard.Attempt
	Offset  time.Duration
	X, W    float64
	Running bool
}

// note is one kind of difference between what was asked for and what was given.
type note struct{ What, Detail string }

type label struct{ Name, Value string }

func (h *Handler) generationPage(w http.ResponseWriter, r *http.Request) {
	h.Settled(r.Context())
	account, ok := h.account(w, r)
	if !ok {
		return
	}
	s := tell(h.view(r, "generations", "Generation"), account)
	s.Rule = h.Rules()[account.Generation.Route]
	s.Pictures = h.pictures(account.Generation.Hosted)
	show(h, w, page[story]{"generation", 0, s})
}

// account returns the generation that the request's address names. If there is none it has answered what is wrong,
// and ok is false.
func (h *Handler) account(w http.ResponseWriter, r *http.Request) (account ledger.Account, ok bool) {
	account, err := h.Ledger.Generation(r.Context(), r.PathValue("id"))
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		h.trouble(w, r, http.StatusNotFound, "There is no such generation. It may be older than what the ledger keeps.")
	case err != nil:
		h.trouble(w, r, http.StatusServiceUnavailable, "The ledger cannot be read.")
	}
	return account, err == nil
}

func tell(v view, account ledger.Account) story {
	s := story{view: v, Account: account, Length: account.Generation.Latency}
	start := account.Generation.Started
	for _, a := range account.Attempts {
		c := chapter{Attempt: a, Offset: max(a.Started.Sub(start), 0), Running: a.Outcome == ""}
		if c.Running {
			c.Latency = max(v.Now.Sub(a.Started), 0)
		}
		s.Length = max(s.Length, c.Offset+c.Latency)
		s.Attempts = append(s.Attempts, c)
	}
	for i := range s.Attempts {
		c := &s.Attempts[i]
		whole := max(s.Length.Seconds(), 1e-9)
		c.X, c.W = 100*c.Offset.Seconds()/whole, max(100*c.Latency.Seconds()/whole, 0.5)
		c.X = min(c.X, 99.5)
	}
	for part := range strings.SplitSeq(account.Generation.Fidelity, "; ") {
		if what, detail, ok := strings.Cut(part, "="); ok {
			s.Fidelity = append(s.Fidelity, note{what, strings.ReplaceAll(detail, ",", ", ")})
		}
	}
	for name, value := range account.Generation.Labels {
		s.Labels = append(s.Labels, label{name, value})
	}
	slices.SortFunc(s.Labels, func(a, b label) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Tried returns how many targets were tried, the one that answered included.
func (s story) Tried() int {
	most := 0
	for _, a := range s.Attempts {
		most = max(most, a.Number)
	}
	return most
}

// Hashed reports whether only the SHA-256 of the prompt is kept.
func (s story) Hashed() bool {
	return len(s.Generation.Prompt) == 64 && strings.Trim(s.Generation.Prompt, "0123456789abcdef") == ""
}
