package admin

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	cookieName  = "switchyard_admin"
	sessionLife = 12 * time.Hour
	codeLife    = time.Hour
	maxSessions = 1000 // at once; if there are more, the one that would end first goes
	maxForm     = 16 << 10
	tooSoon     = "Too many wrong tokens. Wait a few seconds, then try again."
)

// How many wrong tokens one address may send, at once and from then on: in the form, into which people type, and in
// headers. Programs that repeat a wrong token in headers must not lock people out of the form.
const (
	formBurst, formEvery     = 5, 5 * time.Second
	headerBurst, headerEvery = 20, time.Second
)

// mark is the SHA-256 of something that lets one in. To look one up tells nothing of the others, and somebody who reads our
// memory cannot log in with what is found there.
type mark [sha256.Size]byte

func markOf(s string) mark { return sha256.Sum256([]byte(s)) }

type session struct {
	who   string
	until time.Time
}

// sessions are the browsers that have logged in, and the codes that let one in without the token. The zero value has none;
// safe for concurrent use.
type sessions struct {
	mu    sync.Mutex
	open  map[mark]session
	codes map[mark]time.Time // :: mark of a code that works once → when it ends
}

// begin opens a session, and returns the text for its cookie.
func (s *sessions) begin(who string, now time.Time) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[mark]session{}
	}
	var first mark
	for m, one := range s.open {
		if !now.Before(one.until) {
			delete(s.open, m)
		} else if held, ok := s.open[first]; !ok || one.until.Before(held.until) {
			first = m
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, first)
	}
	s.open[markOf(id)] = session{who, now.Add(sessionLife)}
	return id
}

// find returns whom the request's cookie belongs to.
func (s *sessions) find(r *http.Request) (who string, ok bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.open[markOf(cookie.Value)]
	if !ok || !time.Now().Before(one.until) {
		return "", false
	}
	return one.who, true
}

func (s *sessions) end(r *http.Request) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, markOf(cookie.Value))
}

// spend uses up a code that works once, and reports whether it was valid.
func (s *sessions) spend(code string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, ok := s.codes[markOf(code)]
	delete(s.codes, markOf(code))
	return ok && now.Before(until)
}

// LoginCode makes a code that lets one browser in, once, within the hour, by /admin/login?code=CODE. A link with the token
// itself would stay in the browser's history.
func (h *Handler) LoginCode() string {
	code := rand.Text()
	s := &h.dash.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codes == nil {
		s.codes = map[mark]time.Time{}
	}
	s.codes[markOf(code)] = time.Now().Add(codeLife)
	return code
}

// guesses slows down, by address, those who try tokens.
type guesses struct {
	burst int
	every time.Duration
	by    *lru.Cache[netip.Prefix, *rate.Limiter]
}

func newGuesses(burst int, every time.Duration) *guesses {
	by, _ := lru.New[netip.Prefix, *rate.Limiter](4096) // fails only for sizes below 1
	return &guesses{burst, every, by}
}

// spent reports whether the address of a request has guessed too often.
func (g *guesses) spent(r *http.Request) bool { return g.of(r).Tokens() < 1 }

// wrong counts a wrong guess.
func (g *guesses) wrong(r *http.Request) { g.of(r).Allow() }

func (g *guesses) of(r *http.Request) *rate.Limiter {
	var from netip.Prefix
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		if addr, err := netip.ParseAddr(host); err == nil {
			bits := 64 // one site may have any number of IPv6 addresses
			if addr = addr.Unmap(); addr.Is4() {
				bits = 32
			}
			from, _ = addr.WithZone("").Prefix(bits)
		}
	}
	fresh := rate.NewLimiter(rate.Every(g.every), g.burst)
	if known, ok, _ := g.by.PeekOrAdd(from, fresh); ok {
		return known
	}
	return fresh
}

// loginView asks for the token.
type loginView struct {
	view
	Next    string // where to go afterwards
	Message string
	Again   bool // the browser did not send its cookie, since a link on another site led here: it must try again
}

func (h *Handler) loginPage(w http.ResponseWriter, r *http.Request) {
	if code := r.URL.Query().Get("code"); code != "" && h.dash.sessions.spend(code, time.Now()) {
		h.welcome(w, r, "dashboard")
		return
	}
	if _, ok := h.who(r); ok {
		toDashboard(w, r)
		return
	}
	h.askToken(w, r, http.StatusOK, "")
}

func (h *Handler) askToken(w http.ResponseWriter, r *http.Request, status int, message string) {
	next := r.FormValue("next")
	if next == "" && r.Method == http.MethodGet {
		next = r.URL.RequestURI()
	}
	v := loginView{view: h.view(r, "", "Log in"), Next: ours(next), Message: message}
	v.Again = r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site"
	show(h, w, page[loginView]{"login", status, v})
}

// login takes the token, once, and gives the browser a cookie in its place.
func (h *Handler) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if h.dash.forms.spent(r) {
		w.Header().Set("Retry-After", "5")
		h.askToken(w, r, http.StatusTooManyRequests, tooSoon)
		return
	}
	if !h.opens(r.PostFormValue("token")) {
		h.dash.forms.wrong(r)
		h.askToken(w, r, http.StatusUnauthorized, "That is not the token.")
		return
	}
	who := "dashboard"
	if name := strings.TrimSpace(r.PostFormValue("name")); name != "" {
		who = "dashboard: " + strings.ToValidUTF8(name[:min(len(name), 64)], "")
	}
	h.welcome(w, r, who)
}

func (h *Handler) welcome(w http.ResponseWriter, r *http.Request, who string) {
	_ = h.Audit.Add(Entry{Actor: from(who, r), Action: ActionLogin, Subject: "dashboard"}) // a full disk must not keep operators out
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: h.dash.sessions.begin(who, time.Now()), Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, ours(r.PostFormValue("next")), http.StatusSeeOther)
}

func (h *Handler) logout(w http.ResponseWriter, r *http.Request) {
	h.dash.sessions.end(r)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/admin/login", http.StatusSeeOther)
}

// ours returns address if it is a page of the dashboard, else that of the dashboard itself: a login must not lead to
// another site.
func ours(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Path != home && !strings.HasPrefix(u.Path, home+"/") || u.Path == home+"/events" {
		return home
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}
