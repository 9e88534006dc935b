package hook_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard/fetch"
	"switchyard/ticket/hook"
)

type report struct {
	notice hook.Notice
	err    error
}

func TestSomeAnswersEndADeliveryForGood(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, in request) {
		switch in.path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/moved":
			w.Header().Set("Location", "/ok")
			w.WriteHeader(http.StatusFound)
		}
	})
	_, port, _ := strings.Cut(r.allow, ":")
	for name, address := range map[string]string{
		"status 410": r.address + "/gone?sig=xyzzy", "status 302": r.address + "/moved?sig=xyzzy",
		fetch.ErrBlocked.Error(): "http://localhost:" + port + "/xyzzy", fetch.ErrURL.Error(): "ftp://xyzzy",
	} {
		t.Run(name, func(t *testing.T) {
			db, reports := fresh(t), make(chan report, 10)
			h := hooks(t, db, r, func(c *hook.Config) {
				c.Policy = func(n hook.Notice) hook.Policy {
					p := quick(n)
					p.RedirectEnd = true
					return p
				}
				c.Report = func(n hook.Notice, err error) { reports <- report{n, err} }
			})
			stop := run(t, h)
			bad := r.notice("a1")
			bad.URL = address
			insert(t, db, h, bad, r.notice("a2"))
			got := await(t, reports)
			if got.notice.ID != "a1" || !strings.Contains(got.err.Error(), name) || strings.Contains(got.err.Error(), "xyzzy") {
				t.Errorf("got %+v", got)
			}
			for r.next(t).id() != "a2" { // which does not wait for ever
			}
			stop()
			if s := stats(t, h); s != (hook.Stats{Attempts: 2, Delivered: 1, GivenUp: 1}) || len(reports) != 0 {
				t.Errorf("got %+v", s)
			}
		})
	}
}

func TestARedirectIsNotFollowedButRetriedWhereThePolicySaysSo(t *testing.T) {
	first := true
	r := receive(t, func(w http.ResponseWriter, _ request) {
		if first {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		}
		first = false
	})
	db := fresh(t)
	h := hooks(t, db, r, nil)
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	for range 2 {
		if got := r.next(t).path; got != "/a1" {
			t.Errorf("got %s", got)
		}
	}
	stop()
	if s := stats(t, h); s.Delivered != 1 || s.Attempts != 2 {
		t.Errorf("got %+v", s)
	}
}

func TestAFailureIsRetriedWhereARedirectEndsIt(t *testing.T) {
	first := true
	r := receive(t, func(w http.ResponseWriter, _ request) {
		if first {
			w.WriteHeader(http.StatusInternalServerError)
		}
		first = false
	})
	db := fresh(t)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Policy = func(n hook.Notice) hook.Policy {
			p := quick(n)
			p.RedirectEnd = true
			return p
		}
	})
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	if got := r.ids(t, 2); got != "a1 a1" {
		t.Errorf("got %s", got)
	}
	stop()
	if s := stats(t, h); s.Delivered != 1 || s.Attempts != 2 {
		t.Errorf("got %+v", s)
	}
}

func TestADeliveryIsGivenUpAfterItsAttempts(t *testing.T) {
	r := receive(t, func(w http.ResponseWriter, _ request) { w.WriteHeader(http.StatusTeapot) })
	db, reports := fresh(t), make(chan report, 10)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Policy = func(hook.Notice) hook.Policy { return hook.Policy{Attempts: 3} }
		c.Report = func(n hook.Notice, err error) { reports <- report{n, err} }
	})
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	if got := await(t, reports); got.notice.ID != "a1" || string(got.notice.Body) != `{"id": "a1"}` || !strings.Contains(got.err.Error(), "status 418") {
		t.Errorf("got %+v", got)
	}
	stop()
	if s := stats(t, h); s != (hook.Stats{Attempts: 3, GivenUp: 1}) || len(r.got) != 3 {
		t.Errorf("got %+v, %d requests", s, len(r.got))
	}
}

func TestAHangingReceiverIsLeftAlone(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	r := receive(t, func(http.ResponseWriter, request) { <-hang })
	db, reports := fresh(t), make(chan report, 1)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Policy = func(hook.Notice) hook.Policy { return hook.Policy{Timeout: 500 * time.Millisecond, Attempts: 2} }
		c.Report = func(n hook.Notice, err error) { reports <- report{n, err} }
	})
	run(t, h)
	insert(t, db, h, r.notice("a1"))
	if got := r.ids(t, 2); got != "a1 a1" {
		t.Errorf("got %s", got)
	}
	if got := await(t, reports); !errors.Is(got.err, context.DeadlineExceeded) {
		t.Errorf("got %v", got.err)
	}
}

// poster answers without a network. Its zero value delivers.
type poster struct {
	retryAfter map[string]time.Duration // :: address → what the receiver asks for, with a 503
	got        chan string
}

func (p *poster) Post(_ context.Context, address string, _ http.Header, _ []byte) (int, time.Duration, error) {
	if p.got == nil {
		return http.StatusOK, 0, nil
	}
	p.got <- address
	return http.StatusServiceUnavailable, p.retryAfter[address], nil
}

func TestAReceiverMayAskForTime(t *testing.T) {
	db, r := fresh(t), &receiver{}
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	p := &poster{got: make(chan string, 10), retryAfter: map[string]time.Duration{
		"none": 0, "less": time.Second, "more": 3 * time.Minute, "endless": 1 << 60,
	}}
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Post, c.Now = p, func() time.Time { return now }
		c.Policy = func(hook.Notice) hook.Policy { return hook.Policy{Attempts: 2, Backoff: hook.Exponential(time.Minute)} }
	})
	stop := run(t, h)
	for address := range p.retryAfter {
		n := r.notice(address)
		n.URL, n.Ticket = address, address
		insert(t, db, h, n)
	}
	for range p.retryAfter {
		await(t, p.got)
	}
	stop()
	for address, want := range map[string]time.Duration{"none": time.Minute, "less": time.Minute, "more": 3 * time.Minute, "endless": time.Hour} {
		var due int64
		if err := db.QueryRowContext(t.Context(), `SELECT due FROM ticket_notices WHERE id = ?`, address).Scan(&due); err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(due - now.UnixNano()); got != want {
			t.Errorf("%s: due in %v, want %v", address, got, want)
		}
	}
}

func TestDefaultPolicy(t *testing.T) {
	for _, tc := range []struct {
		dialect, event string
		attempts       int
		sum            time.Duration
		redirectEnd    bool
	}{
		{"fal", "completed", 11, 7161 * time.Second, true},
		{"replicate", "completed", 6, 62 * time.Second, false},
		{"replicate", "output", 1, 0, false},
		{"another", "", 11, 7161 * time.Second, false},
	} {
		p := hook.DefaultPolicy(hook.Notice{Dialect: tc.dialect, Event: tc.event})
		var sum time.Duration
		for i := 1; i < p.Attempts; i++ {
			sum += p.Backoff(i)
		}
		if p.Attempts != tc.attempts || sum != tc.sum || p.RedirectEnd != tc.redirectEnd || p.Timeout != 15*time.Second {
			t.Errorf("%s %s: got %+v, %v", tc.dialect, tc.event, p, sum)
		}
	}
	if got := hook.Exponential(time.Second)(1 << 40); got != time.Hour {
		t.Errorf("the longest wait is %v", got)
	}
}

func TestRiverIsQuietUnlessSomethingIsWrong(t *testing.T) {
	r, db := receive(t, ok), fresh(t)
	var log bytes.Buffer
	hang := make(chan struct{})
	defer close(hang)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Sign = func(n hook.Notice, at time.Time) http.Header {
			if n.ID == "b1" {
				panic("no key")
			}
			return sign(n, at)
		}
	})
	stop := run(t, h)
	insert(t, db, h, r.notice("a1"))
	r.next(t)
	stop()
	if log.Len() != 0 {
		t.Errorf("got %s", log.String())
	}
	stop = run(t, h) // a second time
	insert(t, db, h, r.notices("b1", "c1")...)
	r.next(t)
	stop()
	if !strings.Contains(log.String(), "no key") || strings.Contains(log.String(), "xyzzy") {
		t.Errorf("got %s", log.String())
	}
}

// TestAReceiverThatHangsHoldsUpNobodyElse: it has its share of the workers, and no more.
func TestAReceiverThatHangsHoldsUpNobodyElse(t *testing.T) {
	release := make(chan struct{})
	hangs := receive(t, func(http.ResponseWriter, request) { <-release })
	defer close(release)
	answers := receive(t, ok)
	db := fresh(t)
	h := hooks(t, db, answers, func(c *hook.Config) {
		c.Workers = 4
		client := fetch.New(fetch.Config{Allow: []string{hangs.allow, answers.allow}})
		t.Cleanup(client.Close)
		c.Post = client
	})
	for i := range 20 {
		n := hangs.notice(fmt.Sprintf("h%d", i))
		n.Ticket = n.ID
		insert(t, db, h, n)
	}
	defer run(t, h)()
	hangs.next(t)
	n := answers.notice("a")
	n.Ticket = "another"
	insert(t, db, h, n)
	if got := answers.next(t).id(); got != "a" {
		t.Errorf("got %s", got)
	}
}

// TestAPanicKeepsNoShare: a notice on which we stumble ourselves holds up no other one for the same receiver.
func TestAPanicKeepsNoShare(t *testing.T) {
	r := receive(t, ok)
	db, stumbled := fresh(t), make(chan struct{}, 100)
	h := hooks(t, db, r, func(c *hook.Config) {
		c.Workers = 1
		c.Sign = func(n hook.Notice, at time.Time) http.Header {
			if n.ID == "a1" {
				stumbled <- struct{}{}
				panic("odd notice")
			}
			return sign(n, at)
		}
	})
	run(t, h)
	insert(t, db, h, r.notice("a1"))
	await(t, stumbled)
	insert(t, db, h, r.notice("b1"))
	if got := r.next(t).id(); got != "b1" {
		t.Errorf("got %s", got)
	}
}
