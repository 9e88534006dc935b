package admin_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var token = url.Values{"token": {"admin-token"}}

func TestNobodyWithoutToken(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{
		"/admin/ai-metrics", "/admin/ai-metrics/generations", "/admin/ai-metrics/generations/x", "/admin/ai-metrics/generations/x/images/1",
		"/admin/ai-metrics/experiments",
		"/admin/ai-metrics/events", "/admin/ai-metrics/kill?scope=all", "/api/ledger", "/api/status", "/api/kill",
	} {
		w := d.ask(http.MethodGet, path, nil)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" || strings.Contains(w.Body.String(), "flux") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/admin/ai-metrics/kill", "/admin/ai-metrics/revive"} {
		form := url.Values{"scope": {"provider"}, "name": {"fal"}, "reason": {"x"}}
		if w := d.ask(http.MethodPost, path, form); w.Code != http.StatusUnauthorized || len(d.switches.List()) != 0 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	d.cookie = &http.Cookie{Name: "switchyard_admin", Value: "guess"}
	if w := d.ask(http.MethodGet, "/admin/ai-metrics", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("with a made-up cookie: %d", w.Code)
	}
}

func TestBearer(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/admin/ai-metrics", "/api/status"} {
		if w := d.ask(http.MethodGet, path, nil, "Authorization", "Bearer admin-token", "Host", "anything.example"); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	status := 0
	for range 30 {
		status = d.ask(http.MethodGet, "/api/status", nil, "Authorization", "Bearer guess").Code
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("30 guesses end in %d", status)
	}
	if w := d.ask(http.MethodGet, "/api/status", nil, "Authorization", "Bearer admin-token"); w.Code != http.StatusTooManyRequests {
		t.Errorf("the next guess is answered: %d", w.Code) // else guessing would go on at full speed
	}
	d.login() // whose guesses are counted apart
}

func TestCookie(t *testing.T) {
	d := newDesk(t)
	d.login()
	c := d.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Secure || c.MaxAge != 12*60*60 || len(c.Value) < 26 {
		t.Errorf("%+v", c)
	}
	r := httptest.NewRequest(http.MethodPost, "https://127.0.0.1/admin/login", strings.NewReader(token.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if cookies := w.Result().Cookies(); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("over TLS: %v", cookies)
	}
	if w := d.ask(http.MethodPost, "/admin/login", token, "X-Forwarded-Proto", "https"); w.Result().Cookies()[0].Secure {
		t.Error("anybody may say that it is TLS")
	}
	for _, path := range []string{"/admin/ai-metrics", "/api/status"} {
		if w := d.ask(http.MethodGet, path, nil); w.Code != http.StatusOK {
			t.Errorf("%s with a session: %d", path, w.Code)
		}
	}
}

func TestSessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.login()
		time.Sleep(12*time.Hour - time.Second)
		d.page("/admin/ai-metrics")
		time.Sleep(time.Second)
		if w := d.ask(http.MethodGet, "/admin/ai-metrics", nil); w.Code != http.StatusUnauthorized {
			t.Errorf("after 12 hours: %d", w.Code)
		}
		d.login()
		if w := d.ask(http.MethodPost, "/admin/logout", url.Values{}); w.Code != http.StatusSeeOther || w.Result().Cookies()[0].MaxAge >= 0 {
			t.Errorf("logout: %d %v", w.Code, w.Header())
		}
		if w := d.ask(http.MethodGet, "/admin/ai-metrics", nil); w.Code != http.StatusUnauthorized {
			t.Errorf("after leaving: %d", w.Code)
		}
	})
}

func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		wrong := url.Values{"token": {"guess"}}
		for i := range 7 {
			want := http.StatusUnauthorized
			if i >= 5 {
				want = http.StatusTooManyRequests
			}
			if w := d.ask(http.MethodPost, "/admin/login", wrong); w.Code != want {
				t.Errorf("guess %d: %d", i, w.Code)
			}
		}
		if w := d.ask(http.MethodPost, "/admin/login", token); w.Code != http.StatusTooManyRequests {
			t.Errorf("the right one at once: %d", w.Code)
		}
		time.Sleep(5 * time.Second)
		d.login()
		if w := d.ask(http.MethodPost, "/admin/login", url.Values{"token": {""}}); w.Code != http.StatusUnauthorized {
			t.Errorf("nothing is the token: %d", w.Code)
		}
	})
}

func TestLoginCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		code := d.LoginCode()
		if w := d.ask(http.MethodGet, "/admin/login?code="+code, nil); w.Code != http.StatusSeeOther || len(w.Result().Cookies()) != 1 {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		if w := d.ask(http.MethodGet, "/admin/login?code="+code, nil); w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
			t.Errorf("it opens twice: %d %v", w.Code, w.Header())
		}
		late := d.LoginCode()
		time.Sleep(time.Hour)
		for _, code := range []string{late, "guess", ""} {
			if w := d.ask(http.MethodGet, "/admin/login?code="+code, nil); w.Code != http.StatusOK || len(w.Result().Cookies()) != 0 {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		}
	})
}

// TestNext: a login leads to the page that was asked for, and nowhere else.
func TestNext(t *testing.T) {
	d := newDesk(t)
	for next, want := range map[string]string{
		"/admin/ai-metrics/generations?range=7d": "/admin/ai-metrics/generations?range=7d",
		"":                                       "/admin/ai-metrics",
		"https://evil.example/":                  "/admin/ai-metrics",
		"//evil.example/admin/ai-metrics":        "/admin/ai-metrics",
		`/\evil.example`:                         "/admin/ai-metrics",
		"/admin/ai-metricsX":                     "/admin/ai-metrics",
		"/admin/ai-metrics/events":               "/admin/ai-metrics",
		"javascript:alert(1)":                    "/admin/ai-metrics",
		"https:/admin/ai-metrics/x":              "/admin/ai-metrics",
		"/admin/ai-metrics/generations/%0a":      "/admin/ai-metrics/generations/%0A",
	} {
		w := d.ask(http.MethodPost, "/admin/login", url.Values{"token": {"admin-token"}, "next": {next}})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
	d.has(d.ask(http.MethodGet, "/admin/ai-metrics/generations?range=7d", nil).Body.String(), `name="next" value="/admin/ai-metrics/generations?range=7d"`)
	again := d.ask(http.MethodGet, "/admin/ai-metrics", nil, "Sec-Fetch-Site", "cross-site").Body.String()
	d.has(again, `http-equiv="refresh"`) // the browser holds its cookie back when another page led here
}

// TestHosts: a page whose own name has been made to point here reads nothing.
func TestHosts(t *testing.T) {
	d := newDesk(t)
	d.login()
	for host, want := range map[string]int{
		"127.0.0.1:9090": 200, "localhost:9090": 200, "[::1]:9090": 200, "10.1.2.3": 200, "dash.localhost": 200,
		"switchyard.corp.example": 200, "SWITCHYARD.corp.example.:9090": 200,
		"evil.example": 403, "127.0.0.1.evil.example": 403, "localhost.evil.example:9090": 403, "": 403,
	} {
		if w := d.ask(http.MethodGet, "/admin/ai-metrics", nil, "Host", host); w.Code != want {
			t.Errorf("%q: %d", host, w.Code)
		}
		if w := d.ask(http.MethodGet, "/api/status", nil, "Host", host); (w.Code == 200) != (want == 200) {
			t.Errorf("API, %q: %d", host, w.Code)
		}
	}
	if w := d.ask(http.MethodPost, "/admin/login", token, "Host", "evil.example"); w.Code != http.StatusForbidden {
		t.Errorf("login by another name: %d", w.Code)
	}
}

// TestOtherPages: forms of other pages are refused, whoever is logged in.
func TestOtherPages(t *testing.T) {
	d := newDesk(t)
	d.login()
	form := url.Values{"scope": {"provider"}, "name": {"fal"}, "reason": {"x"}}
	for _, path := range []string{"/admin/ai-metrics/kill", "/admin/ai-metrics/revive", "/admin/login", "/admin/logout", "/api/reload"} {
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
			if w := d.ask(http.MethodPost, path, form, header...); w.Code != http.StatusForbidden {
				t.Errorf("%s %v: %d", path, header, w.Code)
			}
		}
	}
	if len(d.switches.List()) != 0 {
		t.Error("killed")
	}
	if w := d.ask(http.MethodPost, "/admin/ai-metrics/kill", form, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusSeeOther {
		t.Errorf("our own form: %d", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	d := newDesk(t)
	d.login()
	w := d.ask(http.MethodGet, "/admin/ai-metrics", nil)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	_, rest, _ := strings.Cut(w.Body.String(), `href="/admin/assets/dash.`)
	name, _, _ := strings.Cut(rest, `"`)
	w = d.ask(http.MethodGet, "/admin/assets/dash."+name, nil)
	if w.Code != 200 || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Body.String(), ":root") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/admin/assets/dash.css", "/admin/assets/frame.html", "/admin/assets/..%2fdash.go"} {
		if w := d.ask(http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
