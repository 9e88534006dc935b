package attempt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchyard"
	"switchyard/attempt"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/limit"
	"switchyard/router"
	"switchyard/spool"
)

// plain is the simplest dialect: it sends seed and number, and is answered with images, or with a job to ask for.
type plain struct {
	dialect.Dialect // what no test here needs
	mask            switchyard.Polarity
}

type sent struct {
	Seed   uint64 `json:"seed"`
	Images int    `json:"images"`
}

func (plain) PutKey(http.Header, switchyard.Secret) {}

func (p plain) Needs(_ *switchyard.Target, r *switchyard.Request) []dialect.Need {
	if r.Mask == nil {
		return nil
	}
	return []dialect.Need{{Image: &r.Mask.Image, Mask: p.mask}}
}

func (plain) Encode(t *switchyard.Target, r *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	out := &dialect.Outgoing{Method: http.MethodPost, Path: "/" + t.Model, Header: http.Header{}}
	if r.Mask != nil {
		out.Body = s.Of(&r.Mask.Image).Blob
		return out, nil
	}
	doc := sent{Images: r.Images}
	if r.Seed != nil {
		doc.Seed = *r.Seed
	}
	b, err := json.Marshal(doc)
	out.Body = spool.Bytes(b)
	return out, err
}

func (plain) Decode(x *dialect.Exchange) (dialect.Step, error) {
	switch s := x.Reply.Status; {
	case s == http.StatusAccepted:
		step := dialect.Step{Poll: true, Next: &dialect.Outgoing{Method: http.MethodGet, Path: "/job"}}
		if x.Sent.Method == http.MethodPost || x.Reply.Header.Get("Job") != "" { // a provider may name it every time
			step.Job, step.Cancel = "job", &dialect.Outgoing{Method: http.MethodDelete, Path: "/job"}
		}
		return step, nil
	case s >= 500:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Overloaded, Unbilled: x.Reply.Header.Get("Billed") == ""}
	case s == http.StatusUnauthorized:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Unauthorized, Unbilled: true}
	case s == http.StatusTooManyRequests:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.RateLimited, Unbilled: true}
	case s >= 400:
		return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Refused, Unbilled: true}
	}
	n, _ := strconv.Atoi(x.Reply.Header.Get("Images"))
	res := &switchyard.Result{}
	for range max(n, 1) {
		res.Images = append(res.Images, switchyard.Image{Blob: x.Reply.Body})
	}
	return dialect.Step{Result: res}, nil
}

// book is a journal in memory.
type book struct {
	mu      sync.Mutex
	opened  []switchyard.Attempt
	held    []switchyard.Attempt
	settled []switchyard.Attempt
	fail    error // of Open
}

func (b *book) note(list *[]switchyard.Attempt, a switchyard.Attempt) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, a)
}

func (b *book) Open(_ context.Context, a switchyard.Attempt) error {
	if b.fail != nil {
		return b.fail
	}
	b.note(&b.opened, a)
	return nil
}

func (b *book) Hold(_ context.Context, a switchyard.Attempt) error { b.note(&b.held, a); return nil }

func (b *book) Settle(_ context.Context, a switchyard.Attempt) error {
	b.note(&b.settled, a)
	return nil
}

// bench is a runner with one server behind it, and what every test checks in the end: nothing open, nothing held.
type bench struct {
	*testing.T
	runner   *attempt.Runner
	breakers breaker.Registry
	limits   limit.Registry
	book     book
	follower follower
	route    router.Route
	pace     router.Pace
	url      string
	gone     chan struct{}
}

func newBench(t *testing.T, h http.HandlerFunc) *bench {
	t.Helper()
	server := httptest.NewServer(h)
	pool, err := spool.New(spool.Config{Memory: 8 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, url: server.URL, gone: make(chan struct{})}
	b.route.SetDefaults()
	transport := &http.Transport{}
	b.runner = &attempt.Runner{
		Dialects:  map[string]dialect.Dialect{"plain": plain{mask: switchyard.White}},
		Transport: func(string) http.RoundTripper { return transport },
		Breaker:   &b.breakers, Limiter: &b.limits, Pool: pool, MaxAnswer: 1 << 20, MaxImage: 1 << 20,
		Tracer: &b.follower,
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		if n := pool.Memory(); n != 0 {
			t.Errorf("%d spooled bytes were not given back", n)
		}
		for name, load := range b.limits.Loads() {
			if load.InFlight != 0 {
				t.Errorf("%s still has %d in flight", name, load.InFlight)
			}
		}
		if len(b.book.opened) != len(b.book.settled) {
			t.Errorf("%d attempts were opened, %d settled", len(b.book.opened), len(b.book.settled))
		}
		b.follower.check(t)
	})
	return b
}

// target is a candidate; names are provider and model too.
func (b *bench) target(name string, calls int, req *switchyard.Request) router.Candidate {
	return router.Candidate{
		Target: &switchyard.Target{
			Name: name, Provider: name, Model: name, Dialect: "plain", Bases: map[string]string{"": b.url},
			Key: switchyard.NewSecret("k"), Price: &switchyard.Price{Image: switchyard.Dollar / 100},
			Timeouts: switchyard.Timeouts{Attempt: 5 * time.Second},
		},
		Fitted: &router.Fitted{Request: req, Calls: calls},
	}
}

func (b *bench) run(req *switchyard.Request, cs ...router.Candidate) (*attempt.Answer, *attempt.Report, error) {
	b.Helper()
	ans, report, err := b.runner.Run(context.Background(), &attempt.Job{
		Generation: "g", Request: req, Plan: &router.Plan{Route: &b.route, Candidates: cs}, Journal: &b.book, Gone: b.gone,
	})
	return ans, report, err
}

func picture() []byte {
	var buf bytes.Buffer
	_ = png.Encode(&buf, image.NewGray(image.Rect(0, 0, 4, 4)))
	return buf.Bytes()
}

func charges(as []switchyard.Attempt) []string {
	var out []string
	for _, a := range as {
		out = append(out, fmt.Sprint(a.Target, " ", a.Outcome, " ", a.Cost.Charge))
	}
	slices.Sort(out)
	return out
}

// TestFanOut: parts have seeds of their own, are joined, and those that fail make the answer smaller.
func TestFanOut(t *testing.T) {
	var mu sync.Mutex
	var got []sent
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		var s sent
		_ = json.NewDecoder(r.Body).Decode(&s)
		mu.Lock()
		got = append(got, s)
		mu.Unlock()
		if s.Seed == 12 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Images", strconv.Itoa(s.Images))
		_, _ = w.Write(picture())
	})
	seed := uint64(10)
	req := &switchyard.Request{Images: 5, Seed: &seed}
	ans, report, err := b.run(req, b.target("a", 3, req))
	if err != nil {
		t.Fatal(err)
	}
	defer ans.Close()
	slices.SortFunc(got, func(a, b sent) int { return int(a.Seed) - int(b.Seed) })
	if want := []sent{{10, 2}, {12, 2}, {14, 1}}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if len(ans.Result.Images) != 3 || ans.Fidelity.String() != "delivered=3/5" {
		t.Errorf("%d images, %s", len(ans.Result.Images), ans.Fidelity)
	}
	if got := charges(report.Attempts); !slices.Equal(got, []string{"a ok settled", "a ok settled", "a overloaded none"}) {
		t.Errorf("%q", got)
	}
}

// TestFanOutLimited: a part that was never sent does not hide one that may have been paid.
func TestFanOutLimited(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Billed", "1")
		w.WriteHeader(http.StatusInternalServerError)
	})
	place := limit.Name{Scope: limit.Target, Name: "a"} // has room for one more image
	b.limits.Configure(map[limit.Name]limit.Config{place: {Images: switchyard.Rate{Events: 2, Per: time.Hour}, Burst: 2}})
	release, err := b.limits.Acquire(t.Context(), []limit.Name{place}, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	release()
	b.route.PayTwice = "never"
	req := &switchyard.Request{Images: 3}
	one := &switchyard.Request{Images: 1}
	ans, report, err := b.run(req, b.target("a", 2, req), b.target("b", 1, one)) // two, then one
	if ans != nil || switchyard.AsError(err).Outcome != switchyard.Overloaded {
		t.Errorf("%v", err)
	}
	if got := charges(report.Attempts); !slices.Equal(got, []string{"a overloaded possible"}) {
		t.Errorf("%q", got)
	}
}

// TestRetries: the same target again only where nothing can have been billed, another one unless that is forbidden.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		billed, payTwice string
		want             []string
	}{
		"unbilled": {"", "never", []string{"a overloaded none", "a overloaded none", "a overloaded none", "b ok settled"}},
		"billed":   {"1", "allow", []string{"a overloaded possible", "b ok settled"}},
		"once":     {"1", "never", []string{"a overloaded possible"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/a" {
					if c.billed != "" {
						w.Header().Set("Billed", "1")
					}
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				_, _ = w.Write(picture())
			})
			b.route.PayTwice = c.payTwice
			req := &switchyard.Request{Images: 1}
			first := b.target("a", 1, req)
			first.Target.Retries = 2
			ans, report, _ := b.run(req, first, b.target("b", 1, req))
			if ans != nil {
				ans.Close()
			}
			if got := charges(report.Attempts); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestRetriesEnd: the same target is not asked again for what it will refuse again, nor past its own breaker, whose word does
// not take the place of the provider's.
func TestRetriesEnd(t *testing.T) {
	status := http.StatusBadRequest
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	b.breakers.Configure(map[string]breaker.Config{"a": {Failures: 1, Window: time.Minute, Cooldown: time.Minute}})
	req := &switchyard.Request{Images: 1}
	c := b.target("a", 1, req)
	c.Target.Retries = 2
	for _, want := range []string{"a refused none", "a overloaded none"} {
		_, report, err := b.run(req, c)
		if got := charges(report.Attempts); !slices.Equal(got, []string{want}) || errors.Is(err, breaker.ErrOpen) {
			t.Errorf("%q, want %q; the app is told %v", got, want, err)
		}
		status = http.StatusInternalServerError
	}
}

// TestPaidBefore: where nothing may be paid twice, what an earlier process may have paid counts, too.
func TestPaidBefore(t *testing.T) {
	for charge, want := range map[switchyard.Charge][]string{
		switchyard.ChargeNone:     {"a overloaded none", "b ok settled"},
		switchyard.ChargePossible: {"a overloaded none"},
		switchyard.ChargeSettled:  {"a overloaded none"},
	} {
		b := newBench(t, paths{"/a": broken}.ServeHTTP)
		b.route.PayTwice = "never"
		req := &switchyard.Request{Images: 1}
		ans, report, _ := b.runner.Run(context.Background(), &attempt.Job{
			Generation: "g", Request: req, Journal: &b.book, Gone: b.gone,
			Plan:    &router.Plan{Route: &b.route, Candidates: []router.Candidate{b.target("a", 1, req), b.target("b", 1, req)}},
			Earlier: []switchyard.Attempt{{Number: 3, Cost: switchyard.Cost{Charge: charge}}},
		})
		if ans != nil {
			ans.Close()
		}
		if got := charges(report.Attempts); !slices.Equal(got, want) {
			t.Errorf("after a charge that is %s: %q, want %q", charge, got, want)
		}
		if n := report.Attempts[0].Number; n != 4 {
			t.Errorf("the first target after the third is number %d", n)
		}
	}
}

// TestCutIsNotPaidAgain: an attempt that an operator cuts may be charged, so whether another target follows is the route's word.
func TestCutIsNotPaidAgain(t *testing.T) {
	for payTwice, want := range map[string][]string{
		"never": {"a canceled possible"},
		"allow": {"a canceled possible", "b ok settled"},
	} {
		var switches breaker.Switches
		b := newBench(t, paths{"/a": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see its end
			if err := switches.Set(breaker.Kill{Scope: breaker.Provider, Name: "a", Abort: true}); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
		}}.ServeHTTP)
		b.runner.Switches = &switches
		b.route.PayTwice = payTwice
		req := &switchyard.Request{Images: 1}
		ans, report, err := b.run(req, b.target("a", 1, req), b.target("b", 1, req))
		if ans != nil {
			ans.Close()
		} else if !errors.Is(err, breaker.ErrKilled) {
			t.Errorf("the app is told %v", err)
		}
		if got := charges(report.Attempts); !slices.Equal(got, want) {
			t.Errorf("paying twice %s: %q, want %q", payTwice, got, want)
		}
	}
}

// TestAllOpen: with every breaker open a request fails with the time to wait, or is tried all the same.
func TestAllOpen(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) })
	b.breakers.Configure(map[string]breaker.Config{"a": {Failures: 1, Window: time.Minute, Cooldown: time.Minute}})
	done, err := b.breakers.Allow("a")
	if err != nil {
		t.Fatal(err)
	}
	done(switchyard.Overloaded, 0)
	req := &switchyard.Request{Images: 1}
	_, report, err := b.run(req, b.target("a", 1, req))
	if e := switchyard.AsError(err); e.Kind != switchyard.Unavailable || e.RetryAfter < 50*time.Second || len(report.Passed) != 1 {
		t.Errorf("%v after %v, passed %v", err, e.RetryAfter, report.Passed)
	}
	b.route.WhenAllOpen = "try"
	ans, _, err := b.run(req, b.target("a", 1, req))
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if _, err := b.breakers.Allow("a"); err != nil {
		t.Errorf("a success did not close it: %v", err)
	}
}

// TestFullIsNotOpen: with a target that is only at its limit, not all breakers are open, so that none is forced; no more for events
// than for pictures.
func TestFullIsNotOpen(t *testing.T) {
	for _, stream := range []bool{false, true} {
		b := newBench(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
		b.route.WhenAllOpen, b.route.Patience = "try", 0
		b.fill("full")
		b.breakers.Configure(map[string]breaker.Config{"open": {Failures: 1, Window: time.Minute, Cooldown: time.Second / 2}}) // sooner than a place
		done, err := b.breakers.Allow("open")
		if err != nil {
			t.Fatal(err)
		}
		done(switchyard.Overloaded, 0)
		req := &switchyard.Request{Images: 1, Stream: stream}
		open, full := b.target("open", 1, req), b.target("full", 1, req)
		open.Forward, full.Forward = stream, stream
		if _, report, err := b.run(req, open, full); !errors.Is(err, breaker.ErrOpen) || len(report.Attempts) > 0 {
			t.Errorf("stream %v: %v, %+v", stream, err, report.Attempts)
		}
	}
}

// fill takes the only place that a target has, for as long as the test lasts.
func (b *bench) fill(target string) {
	b.Helper()
	place := limit.Name{Scope: limit.Target, Name: target}
	b.limits.Configure(map[limit.Name]limit.Config{place: {Concurrent: 1}})
	release, err := b.limits.Acquire(b.Context(), []limit.Name{place}, 1, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(release)
}

// TestSoonest: if nobody may be asked, the app is told when the first of them may be, whatever their order.
func TestSoonest(t *testing.T) {
	var switches breaker.Switches
	b := newBench(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	b.runner.Switches = &switches
	if err := switches.Set(breaker.Kill{Scope: breaker.Target, Name: "for good"}); err != nil {
		t.Fatal(err)
	}
	b.spend("all", 100) // which passes over what has no price
	for name, wait := range map[string]time.Duration{"soon": time.Minute, "late": 30 * time.Minute} {
		done, err := b.breakers.Allow(name)
		if err != nil {
			t.Fatal(err)
		}
		done(switchyard.RateLimited, wait)
	}
	req := &switchyard.Request{Images: 1}
	soon, late, never := b.target("soon", 1, req), b.target("late", 1, req), b.target("for good", 1, req)
	unpriced := b.target("unpriced", 1, req)
	unpriced.Target.Price = nil
	for _, order := range [][]router.Candidate{{soon, late, never}, {late, soon}, {never, soon}, {late, never, soon}, {soon, unpriced}, {unpriced, soon}} {
		_, _, err := b.run(req, order...)
		if after := switchyard.AsError(err).RetryAfter; after <= 0 || after > time.Minute {
			t.Errorf("beginning with %s it is told %v", order[0].Target.Name, after)
		}
	}
}

// TestVerdict: under the app's own key, what is said of that key is no fault of the provider's; all else is.
func TestVerdict(t *testing.T) {
	for status, blamed := range map[int][2]bool{ // under our key, and under the app's
		http.StatusUnauthorized:        {true, false},
		http.StatusTooManyRequests:     {true, false},
		http.StatusInternalServerError: {true, true},
		http.StatusBadRequest:          {false, false},
	} {
		for i, key := range []string{"ours", ""} {
			b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			b.breakers.Configure(map[string]breaker.Config{"a": {Failures: 1, Window: time.Minute, Cooldown: time.Minute}})
			req := &switchyard.Request{Images: 1}
			c := b.target("a", 1, req)
			c.Target.Key = switchyard.NewSecret(key)
			_, _, _ = b.run(req, c)
			if got := b.breakers.State("a").Phase == breaker.Open; got != blamed[i] {
				t.Errorf("%d under key %q: the breaker is open: %v", status, key, got)
			}
		}
	}
}

// TestPolls: a job that was accepted is asked for through errors of the questions, and submitted once.
func TestPolls(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method)
		n := len(asked)
		mu.Unlock()
		switch n {
		case 1:
			w.WriteHeader(http.StatusAccepted)
		case 2:
			w.WriteHeader(http.StatusBadGateway)
		case 3:
			panic(http.ErrAbortHandler)
		case 4:
			w.Header().Set("Job", "job")
			w.WriteHeader(http.StatusAccepted)
		case 5:
			w.WriteHeader(http.StatusAccepted)
		default:
			_, _ = w.Write(picture())
		}
	})
	req := &switchyard.Request{Images: 1}
	c := b.target("a", 1, req)
	c.Target.Retries = 3
	ans, _, err := b.run(req, c)
	if err != nil {
		t.Fatal(err)
	}
	ans.Close()
	if slices.Contains(asked[1:], http.MethodPost) || len(b.book.held) != 1 || b.book.held[0].Job != "job" {
		t.Errorf("asked %v, held %v", asked, b.book.held)
	}
	if got := b.book.settled[0].Job; got != "job" {
		t.Errorf("an answer that does not name the job again leaves %q of it", got)
	}
}

// TestAppLeavesJob: when the app leaves, its job is cancelled there, and its charge stays possible.
func TestAppLeavesJob(t *testing.T) {
	canceled := make(chan struct{})
	var b *bench
	b = newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			close(canceled)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		if r.Method == http.MethodGet { // whose answer does not say again how to cancel
			close(b.gone)
		}
	})
	req := &switchyard.Request{Images: 1}
	_, report, err := b.run(req, b.target("a", 1, req), b.target("b", 1, req))
	<-canceled
	if got := charges(report.Attempts); !slices.Equal(got, []string{"a canceled possible"}) {
		t.Errorf("%q %v", got, err)
	}
	if report.Attempts[0].Status != http.StatusAccepted {
		t.Errorf("the attempt has the status of its cancellation, or none: %d", report.Attempts[0].Status)
	}
}

// TestMalformedAddress: a request that cannot be written gives back what it has opened.
func TestMalformedAddress(t *testing.T) {
	b := newBench(t, func(http.ResponseWriter, *http.Request) {})
	req := &switchyard.Request{Images: 1, Mask: &switchyard.Mask{Polarity: switchyard.Transparent}}
	mask, err := b.runner.Pool.Read(bytes.NewReader(picture()), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer mask.Close()
	req.Mask.Blob = mask
	c := b.target("a", 1, req)
	c.Target.Bases = map[string]string{"": "http://127.0.0.1:1/\x7f"}
	_, report, err := b.run(req, c)
	if err == nil || len(report.Attempts) != 1 || report.Attempts[0].Cost.Charge != switchyard.ChargeNone {
		t.Errorf("%v %+v", err, report.Attempts)
	}
}

// TestNoJournal: what cannot be written down is not sent.
func TestNoJournal(t *testing.T) {
	b := newBench(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	b.book.fail = errors.New("disk full")
	req := &switchyard.Request{Images: 1}
	if _, _, err := b.run(req, b.target("a", 1, req)); switchyard.AsError(err).Kind != switchyard.Unavailable {
		t.Errorf("%v", err)
	}
	if _, err := b.breakers.Allow("a"); err != nil {
		t.Error("the provider was blamed")
	}
}

// TestMasks: how much each pixel is to be changed is the same in every polarity, soft edges included.
func TestMasks(t *testing.T) {
	// What is drawn for each polarity where the change is wanted fully, by a third, and not at all.
	shades := []uint8{255, 85, 0}
	draw := func(p switchyard.Polarity, change uint8) color.NRGBA {
		switch p {
		case switchyard.Transparent:
			return color.NRGBA{A: 255 - change}
		case switchyard.Black:
			change = 255 - change
		}
		return color.NRGBA{change, change, change, 255}
	}
	all := []switchyard.Polarity{switchyard.White, switchyard.Transparent, switchyard.Black}
	for _, from := range all {
		for _, to := range all {
			t.Run(fmt.Sprintf("%d to %d", from, to), func(t *testing.T) {
				var body []byte
				b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ = io.ReadAll(r.Body)
					_, _ = w.Write(picture())
				})
				b.runner.Dialects["plain"] = plain{mask: to}
				img := image.NewNRGBA(image.Rect(0, 0, len(shades), 1))
				for x, s := range shades {
					img.SetNRGBA(x, 0, draw(from, s))
				}
				var buf bytes.Buffer
				if err := png.Encode(&buf, img); err != nil {
					t.Fatal(err)
				}
				req := &switchyard.Request{Images: 1, Mask: &switchyard.Mask{Polarity: from}}
				req.Mask.Blob = spool.Bytes(buf.Bytes())
				ans, _, err := b.run(req, b.target("a", 1, req))
				if err != nil {
					t.Fatal(err)
				}
				ans.Close()
				turned, err := png.Decode(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				for x, s := range shades {
					if got, want := color.NRGBAModel.Convert(turned.At(x, 0)), draw(to, s); got != want {
						t.Errorf("change %d: %v, want %v", s, got, want)
					}
				}
			})
		}
	}
}

// TestFormat: a picture of another format than is owed is drawn anew.
func TestFormat(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture()) })
	req := &switchyard.Request{Images: 1}
	c := b.target("a", 1, req)
	c.Format = "jpeg"
	ans, _, err := b.run(req, c)
	if err != nil {
		t.Fatal(err)
	}
	defer ans.Close()
	img := ans.Result.Images[0]
	r, err := img.Blob.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, format, err := image.Decode(r); format != "jpeg" || img.MIME != "image/jpeg" || err != nil {
		t.Errorf("%s %s %v", format, img.MIME, err)
	}
}

// TestNothingIsSentForNobody: an app that has left before its request went out is not paid for.
func TestNothingIsSentForNobody(t *testing.T) {
	sent := 0
	b := newBench(t, func(http.ResponseWriter, *http.Request) { sent++ })
	close(b.gone)
	_, report, err := b.run(&switchyard.Request{Images: 1}, b.target("a", 1, &switchyard.Request{Images: 1}))
	if sent != 0 || switchyard.AsError(err).Outcome != switchyard.Canceled || len(report.Attempts) != 0 {
		t.Errorf("%d sent, %v, %+v", sent, err, report.Attempts)
	}
}

// TestBrokenOnTheWay: a gateway's 502 that comes while the provider may be at work is not known to be free, so nobody asks the
// same provider once more. One at once, what the provider says itself, and that nobody was free to be asked, cost nothing.
func TestBrokenOnTheWay(t *testing.T) {
	const page = "<html><h1>502 Bad Gateway</h1></html>"
	for _, c := range []struct {
		status  int
		body    string
		took    time.Duration
		charges []string
	}{
		{http.StatusBadGateway, page, 6 * time.Second, []string{"a overloaded possible"}},
		{http.StatusBadGateway, "", 6 * time.Second, []string{"a overloaded possible"}},
		{http.StatusBadGateway, page, 4 * time.Second, []string{"a overloaded none", "a overloaded none"}},
		{http.StatusBadGateway, `{"error":{"message":"the model broke"}}`, 6 * time.Second, []string{"a overloaded none", "a overloaded none"}},
		{http.StatusServiceUnavailable, page, 6 * time.Second, []string{"a overloaded none", "a overloaded none"}},
	} {
		for _, stream := range []bool{false, true} {
			var later atomic.Int64
			b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
				later.Add(int64(c.took))
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			b.runner.Now = func() time.Time { return time.Unix(1_800_000_000, later.Load()) }
			req := &switchyard.Request{Images: 1, Stream: stream}
			again := b.target("a", 1, req)
			again.Target.Retries = 1
			if b.runner.Dialects["fragile"] = (fragile{}); stream {
				again.Target.Dialect, again.Forward = "fragile", true
			}
			_, report, err := b.run(req, again)
			attempt.Forget(err)
			if got := charges(report.Attempts); !slices.Equal(got, c.charges) {
				t.Errorf("%d %q after %v, stream %v: %q, want %q", c.status, c.body, c.took, stream, got, c.charges)
			}
		}
	}
}
