package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/ledger"
	"switchyard/limit"
	"switchyard/proxy"
)

// book is a journal that keeps what it is told. Its fields are set before its first use.
type book struct {
	refuse error        // what Write fails with
	sync   func() error // what synced does
	append error        // what Append fails with, the first time

	took []string // the records of each call, in order
}

func (b *book) note(call string, records []ledger.Record) {
	for _, r := range records {
		call += " " + string(r.Kind)
	}
	b.took = append(b.took, call)
}

func (b *book) Write(_ context.Context, records ...ledger.Record) (func() error, error) {
	b.note("write", records)
	return b.sync, b.refuse
}

func (*book) State() (time.Time, error) { return time.Time{}, nil }

func (b *book) Append(_ context.Context, records ...ledger.Record) error {
	b.note("append", records)
	err := b.append
	b.append = nil
	return err
}

// lengths are the ways in which an answer tells where it ends, each with what is in it.
var lengths = map[string]struct {
	answer http.HandlerFunc
	want   string
}{
	"a length": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "hel")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "lo")
	}, "hello"},
	"length zero": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }, ""},
	"nothing":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, ""},
	"chunks": {func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hel")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "lo")
	}, "hello"},
	"events": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "data: 2\n\n")
	}, "data: 1\n\ndata: 2\n\n"},
}

// TestTheEndWaitsForTheDisk: a request that passes through leaves once it is written down. When the disk is waited for,
// the provider has had it and the app has all but the end of the answer, and not that.
func TestTheEndWaitsForTheDisk(t *testing.T) {
	for name, c := range lengths {
		t.Run(name, func(t *testing.T) {
			asked, waited, over := false, 0, false
			h, _ := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
				asked = true
				c.answer(w, r)
			}, proxy.Settings{})
			transport := h.Runner.Transport("")
			h.Runner.Transport = func(string) http.RoundTripper { return late{transport} }
			w := &watched{ResponseRecorder: httptest.NewRecorder()}
			b := &book{sync: func() error {
				waited++
				switch got := w.Body.String(); {
				case !asked || over:
					t.Errorf("waited for the disk with the provider asked: %v, the answer over: %v", asked, over)
				case w.length == "5" && got == c.want || name == "length zero" && w.wrote || name == "nothing" && w.wrote:
					t.Errorf("the app has the whole answer already: %q", got)
				case w.length != "5" && !strings.HasPrefix(c.want, got):
					t.Errorf("the app has %q", got)
				}
				return nil
			}}
			h.Journal = b
			h.ServeHTTP(w, post("/v1/chat/completions"))
			over = true
			if w.Body.String() != c.want || waited != 1 || fmt.Sprint(b.took) != "[write begun opened append settled ended]" {
				t.Errorf("%q, waited %d times, journal %q", w.Body, waited, b.took)
			}
		})
	}
}

// TestAnAppThatHasEverythingMayLeave: it hangs up right behind the last byte, as a command line does, and before the request is
// booked. What became of the request is what the provider said all the same.
func TestAnAppThatHasEverythingMayLeave(t *testing.T) {
	for _, c := range []struct {
		status  int
		body    string
		outcome switchyard.Outcome
		charge  switchyard.Charge
		heard   breaker.Counts
	}{
		{http.StatusOK, "{}", switchyard.OK, switchyard.ChargeSettled, breaker.Counts{Succeeded: 1}},
		{http.StatusOK, "", switchyard.OK, switchyard.ChargeSettled, breaker.Counts{Succeeded: 1}},
		{http.StatusBadRequest, "{}", switchyard.Refused, switchyard.ChargeNone, breaker.Counts{Neither: 1}},
		{http.StatusServiceUnavailable, "{}", switchyard.Overloaded, switchyard.ChargeNone, breaker.Counts{Failed: 1, Row: 1}},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			h, _ := frontDoor(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}, proxy.Settings{})
			b := &lastSettled{}
			h.Journal = b
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			h.ServeHTTP(&leaving{httptest.NewRecorder(), len(c.body), leave}, post("/v1/chat/completions").WithContext(ctx))
			if a := b.attempt; a.Outcome != c.outcome || a.Cost.Charge != c.charge {
				t.Errorf("booked as %s and %s, want %s and %s", a.Outcome, a.Cost.Charge, c.outcome, c.charge)
			}
			if n := h.Runner.Breaker.(*breaker.Registry).State("native:openai").Counts; n != c.heard {
				t.Errorf("the breaker heard %+v, want %+v", n, c.heard)
			}
		})
	}
}

// leaving is an app that is gone once it has an answer of that length.
type leaving struct {
	*httptest.ResponseRecorder
	length int
	leave  func()
}

func (l *leaving) WriteHeader(status int) {
	l.ResponseRecorder.WriteHeader(status)
	if l.length == 0 {
		l.leave()
	}
}

func (l *leaving) Write(p []byte) (int, error) {
	n, err := l.ResponseRecorder.Write(p)
	if l.Body.Len() >= l.length {
		l.leave()
	}
	return n, err
}

// lastSettled is a journal that keeps the attempt that was settled last.
type lastSettled struct {
	book
	attempt switchyard.Attempt
}

func (s *lastSettled) Write(_ context.Context, _ ...ledger.Record) (func() error, error) {
	return func() error { return nil }, nil
}

func (s *lastSettled) Append(_ context.Context, records ...ledger.Record) error {
	for _, r := range records {
		if r.Kind == ledger.Settled {
			s.attempt = r.Attempt
		}
	}
	return nil
}

// watched tells whether the head of an answer has been written, and the length it told.
type watched struct {
	*httptest.ResponseRecorder
	wrote  bool
	length string
}

func (w *watched) WriteHeader(status int) {
	w.wrote, w.length = true, w.Header().Get("Content-Length")
	w.ResponseRecorder.WriteHeader(status)
}

// late tells the end of an answer only after its last byte has been read, as it may come.
type late struct{ http.RoundTripper }

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &lateBody{resp.Body}
	}
	return resp, err
}

type lateBody struct{ io.ReadCloser }

func (b *lateBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		err = nil
	}
	return n, err
}

func post(path string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// TestPassagePanic: a mistake of ours before a request leaves, or when it is over, keeps neither the breaker waiting nor money
// put aside.
func TestPassagePanic(t *testing.T) {
	for at, want := range map[string]breaker.Counts{"write": {Neither: 1}, "append": {Succeeded: 1}} {
		h := before(t, &disk{breaks: at})
		budgets := &limit.Budgets{}
		none := func(context.Context, string, time.Time, time.Time) (map[string]limit.Spent, error) { return nil, nil }
		few := limit.Budget{Name: "few", Scope: "all", USD: switchyard.Dollar}
		few.SetDefaults()
		if err := budgets.Configure(t.Context(), []limit.Budget{few}, time.Now(), none); err != nil {
			t.Fatal(err)
		}
		h.Runner.Budgets = budgets
		func() {
			defer func() { _ = recover() }() // of an answer that is cut off
			h.ServeHTTP(httptest.NewRecorder(), post("/v1/chat/completions"))
		}()
		if n := h.Runner.Breaker.(*breaker.Registry).State("native:openai").Counts; n != want {
			t.Errorf("%s: the breaker heard %+v, want %+v", at, n, want)
		}
		for _, s := range budgets.States(time.Now()) {
			if s.Reserved != (limit.Spent{}) {
				t.Errorf("%s: reserved %+v", at, s.Reserved)
			}
		}
	}
}

// TestAFailingDisk: what cannot be written does not leave. What has left is answered whatever becomes of the disk, and
// what was to be told of it is tried again.
func TestAFailingDisk(t *testing.T) {
	bad := errors.New("input/output error")
	for _, c := range []struct {
		name   string
		book   book
		status int
		want   string
	}{
		{"no write", book{refuse: bad}, http.StatusServiceUnavailable, "[write begun opened]"},
		{"no sync", book{sync: func() error { return bad }}, http.StatusOK, "[write begun opened append begun opened append settled ended]"},
		{
			"neither again",
			book{sync: func() error { return bad }, append: bad},
			http.StatusOK,
			"[write begun opened append begun opened append begun opened settled ended]",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			h, _ := frontDoor(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				_, _ = io.WriteString(w, "hello")
			}, proxy.Settings{})
			h.Journal = &c.book
			w := httptest.NewRecorder()
			h.ServeHTTP(w, post("/v1/chat/completions"))
			if w.Code != c.status || (w.Body.String() == "hello") != (c.status == http.StatusOK) || (calls == 1) != (c.status == http.StatusOK) {
				t.Errorf("%d %q after %d calls", w.Code, w.Body, calls)
			}
			if got := fmt.Sprint(c.book.took); got != c.want {
				t.Errorf("journal %s, want %s", got, c.want)
			}
		})
	}
}

// TestReadingIsNotWrittenDown: what costs nothing is not in the ledger.
func TestReadingIsNotWrittenDown(t *testing.T) {
	h, _ := frontDoor(t, echo, proxy.Settings{})
	b := &book{}
	h.Journal = b
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/v1/models", nil))
	if w.Code != http.StatusOK || len(b.took) != 0 {
		t.Errorf("%d, journal %q", w.Code, b.took)
	}
}

// TestPassageBooked: a request that passes through is booked as it ended, the generation as its attempt, and as charged no
// further than it got.
func TestPassageBooked(t *testing.T) {
	cut := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if text != "" {
				w.Header().Set("Content-Length", "100")
				_, _ = io.WriteString(w, text)
				_ = http.NewResponseController(w).Flush()
			}
			panic(http.ErrAbortHandler)
		}
	}
	for name, c := range map[string]struct {
		provider http.HandlerFunc
		dial     error
		want     string
	}{
		"done":           {echo, nil, "200: ok answered settled"},
		"nobody there":   {echo, errors.New("connection refused"), "503: unreachable unsent none"},
		"no answer":      {cut(""), nil, "503: unreachable sent possible"},
		"half an answer": {cut("half"), nil, "200: bad_reply answered possible"},
		"another protocol": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(w).Hijack()
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chess\r\n\r\n")
			_ = conn.Close()
		}, nil, "503: bad_reply answered possible"},
		"a refusal": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, nil, "400: refused answered none"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := frontDoor(t, c.provider, proxy.Settings{})
			transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				if c.dial != nil {
					return nil, c.dial
				}
				return new(net.Dialer).DialContext(ctx, network, address)
			}}
			defer transport.CloseIdleConnections()
			h.Runner.Transport = func(string) http.RoundTripper { return transport }
			var told pages
			h.Journal = &told
			w := httptest.NewRecorder()
			func() {
				defer func() { _ = recover() }() // of an answer that is cut off
				h.ServeHTTP(w, post("/v1/chat/completions"))
			}()
			a, g := told[len(told)-2].Attempt, told[len(told)-1].Generation
			if got := fmt.Sprintf("%d: %s %s %s", w.Code, a.Outcome, a.Stage, a.Cost.Charge); got != c.want || g.Outcome != a.Outcome || g.Cost != a.Cost {
				t.Errorf("%s, want %s; the generation is %s, at %+v", got, c.want, g.Outcome, g.Cost)
			}
		})
	}
}

// TestInterimIsNoAnswer: an app that has been told to wait, and has left off sending, is cut off when there is nothing more to tell
// it. It may listen on, and must not take an empty 200 for its provider's word.
func TestInterimIsNoAnswer(t *testing.T) {
	_, url := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProcessing)
		<-r.Context().Done()
	}, proxy.Settings{})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 102") {
		t.Fatalf("%q: %v", line, err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); strings.Contains(string(rest), "HTTP/1.1") {
		t.Errorf("the app was told %q", rest)
	}
}

// pages is a journal that keeps all that it is told.
type pages []ledger.Record

func (p *pages) Append(_ context.Context, records ...ledger.Record) error {
	*p = append(*p, records...)
	return nil
}

func (*pages) State() (time.Time, error) { return time.Time{}, nil }

func (p *pages) Write(ctx context.Context, records ...ledger.Record) (func() error, error) {
	return func() error { return nil }, p.Append(ctx, records...)
}
