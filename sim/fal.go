package sim

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fal speaks fal's three hosts: run, where an app waits; queue, where it asks again; and rest, for uploads. Files are
// on a fourth, the CDN.
type fal struct {
	p      *Provider
	cdn    *Site
	signer falSigner

	mu    sync.Mutex
	jobs  map[string]*falJob // :: request id → job; guarded by mu
	order []string           // ids, oldest first
}

func newFal(w *World, cdn *Site) *fal {
	return &fal{p: w.Fal, cdn: cdn, jobs: map[string]*falJob{}, signer: newFalSigner()}
}

// uuid is a random identifier of version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// app is the first two segments of a path, three with a namespace, and the rest.
func splitApp(path string) (app, rest string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	n := 2
	if parts[0] == "workflows" || parts[0] == "comfy" {
		n = 3
	}
	n = min(n, len(parts))
	return strings.Join(parts[:n], "/"), strings.Join(parts[n:], "/")
}

func (f *fal) admit(x *exchange) bool {
	scheme, token, _ := strings.Cut(x.r.Header.Get("Authorization"), " ")
	if (scheme == "Key" || scheme == "Bearer") && slices.Contains(f.p.keys, token) {
		return true
	}
	f.denied(x)
	return false
}

func (f *fal) denied(x *exchange) {
	app, _ := splitApp(x.r.URL.Path)
	x.json(http.StatusUnauthorized, plainJSON, obj{"detail": "Cannot access application \"" + app + "\". Authentication is required to access this application."})
}

// down is an error of fal's infrastructure, whose type is also in a header.
func down(status int, kind, text string) answer {
	return answer{status, map[string]string{"X-Fal-Error-Type": kind}, obj{"detail": text, "error_type": kind}}
}

func (f *fal) overloaded(x *exchange) {
	x.send(down(http.StatusServiceUnavailable, "runner_scheduling_failure", "Failed to schedule the request on a runner"))
}

// limited has no hint when to come back.
func (f *fal) limited(x *exchange) {
	a := down(http.StatusTooManyRequests, "concurrent_requests_limit", "Concurrent requests limit reached. Please try again later.")
	a.header["X-Fal-Needs-Retry"] = "1"
	if x.b.RetryAfter > 0 {
		a.header["Retry-After"] = strconv.Itoa(int((x.b.RetryAfter + time.Second - 1) / time.Second))
	}
	x.send(a)
}

func (f *fal) broke(x *exchange) {
	x.json(http.StatusForbidden, plainJSON, obj{"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."})
}

func (f *fal) failed(x *exchange) { x.send(falFailure()) }

func falFailure() answer {
	return answer{
		http.StatusInternalServerError,
		map[string]string{"X-Fal-Retryable": "true"},
		obj{"detail": list{problem("internal_server_error", "Internal server error", list{"body"}, nil)}},
	}
}

// find returns the endpoint that a path names; if there is none, it answers with a 404.
func (f *fal) find(x *exchange, path string) (falModel, bool) {
	id := strings.Trim(path, "/")
	m, ok := f.model(id)
	if ok && !matches(x.b.Gone, id) {
		return m, true
	}
	app, rest := splitApp(path)
	known := slices.ContainsFunc(falModels, func(m falModel) bool { a, _ := splitApp(m.id); return a == app })
	if known && !matches(x.b.Gone, id) {
		x.json(http.StatusNotFound, plainJSON, obj{"detail": "Path /" + rest + " not found"})
		return m, false
	}
	x.json(http.StatusNotFound, plainJSON, obj{"detail": "Application \"" + strings.TrimPrefix(app, "fal-ai/") + "\" not found"})
	return m, false
}

// serveRun answers while the app waits.
func (f *fal) serveRun(x *exchange) {
	x.w.Header().Set("X-Fal-Request-Id", uuid())
	if !f.admit(x) {
		return
	}
	if x.r.Method != http.MethodPost {
		x.json(http.StatusMethodNotAllowed, plainJSON, obj{"detail": "Method Not Allowed"})
		return
	}
	path, stream := strings.CutSuffix(x.r.URL.Path, "/stream")
	m, ok := f.find(x, path)
	if !ok {
		return
	}
	in, bad := f.read(x, m)
	if bad == nil {
		bad = in.resolve(x)
	}
	if bad != nil {
		x.send(*bad)
		return
	}
	x.generate(m.id, in.n, func() {
		a := f.make(x, in, time.Now())
		x.made = a.status == http.StatusOK
		if stream && x.made {
			for k, v := range a.header {
				x.w.Header().Set(k, v)
			}
			draft := obj{"images": list{obj{"url": inlineURI("jpeg", Picture(in.size, "jpeg", Art{Provider: "fal", Prompt: in.prompt, Index: DraftIndex}))}}}
			x.events("text/event-stream", unnamed(list{draft, a.body}))
			return
		}
		x.send(a)
	})
}
