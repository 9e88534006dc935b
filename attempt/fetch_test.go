package attempt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/dialect"
	"switchyard/fetch"
)

// linked is plain, but that its answers have addresses, as many as there are images.
type linked struct{ plain }

func (linked) Decode(x *dialect.Exchange) (dialect.Step, error) {
	res := &switchyard.Result{}
	for i := range x.Request.Images {
		res.Images = append(res.Images, switchyard.Image{URL: strconv.Itoa(i)})
	}
	return dialect.Step{Result: res}, nil
}

// shelf is where the pictures are. It gives what get says of an address and of how often it has been asked for.
type shelf struct {
	mu    sync.Mutex
	tries map[string]int
	get   func(url string, try int) (io.Reader, error)
}

func (s *shelf) Fetch(_ context.Context, url string, _ int64) (io.ReadCloser, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tries == nil {
		s.tries = map[string]int{}
	}
	s.tries[url]++
	r, err := s.get(url, s.tries[url])
	if err != nil {
		return nil, 0, err
	}
	return io.NopCloser(r), -1, nil
}

type memory struct{}

func (memory) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody}, nil
}

// TestFetchAgain: a picture that has been made is fetched again after what may have been a moment's trouble, a few times; what
// is there already is not. A refusal is believed.
func TestFetchAgain(t *testing.T) {
	whole := func() io.Reader { return bytes.NewReader(picture()) }
	half := func() io.Reader {
		return io.MultiReader(bytes.NewReader(picture()[:20]), iotest.ErrReader(errors.New("connection reset")))
	}
	status := func(code int) error { return fmt.Errorf("fetch: %w", &fetch.StatusError{Code: code}) }
	for name, c := range map[string]struct {
		get   func(url string, try int) (io.Reader, error)
		tries map[string]int
		want  string
	}{
		"whole": {func(string, int) (io.Reader, error) { return whole(), nil }, map[string]int{"0": 1, "1": 1}, "ok settled"},
		"reset": {func(url string, try int) (io.Reader, error) {
			switch {
			case url == "0" && try == 1:
				return nil, io.ErrUnexpectedEOF
			case url == "0" && try == 2:
				return half(), nil
			}
			return whole(), nil
		}, map[string]int{"0": 3, "1": 1}, "ok settled"},
		"not there yet": {func(_ string, try int) (io.Reader, error) {
			if try == 1 {
				return nil, status(http.StatusNotFound)
			}
			return whole(), nil
		}, map[string]int{"0": 2, "1": 2}, "ok settled"},
		"down":    {func(string, int) (io.Reader, error) { return nil, status(http.StatusBadGateway) }, map[string]int{"0": 3, "1": 3}, "bad_reply possible"},
		"refused": {func(string, int) (io.Reader, error) { return nil, status(http.StatusForbidden) }, map[string]int{"0": 1, "1": 1}, "bad_reply possible"},
		"blocked": {func(string, int) (io.Reader, error) { return nil, fetch.ErrBlocked }, map[string]int{"0": 1, "1": 1}, "bad_reply possible"},
		"one refused": {func(url string, _ int) (io.Reader, error) {
			if url == "0" {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, status(http.StatusForbidden)
		}, map[string]int{"0": 1, "1": 1}, "bad_reply possible"},
		"too large": {func(string, int) (io.Reader, error) { return io.LimitReader(zeroes{}, 2<<20), nil }, map[string]int{"0": 1, "1": 1}, "bad_reply possible"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			synctest.Test(t, func(t *testing.T) {
				shelf := &shelf{get: c.get}
				b.runner.Fetcher = shelf
				b.runner.Transport = func(string) http.RoundTripper { return memory{} }
				b.runner.Dialects["linked"] = linked{}
				b.gone = make(chan struct{})
				req := &switchyard.Request{Images: 2}
				target := b.target("a", 1, req)
				target.Target.Dialect = "linked"
				time.AfterFunc(time.Millisecond, func() { close(b.gone) }) // which is no reason to leave what is paid for
				ans, report, _ := b.run(req, target)
				if ans != nil {
					ans.Close()
				}
				if got := charges(report.Attempts); !slices.Equal(got, []string{"a " + c.want}) {
					t.Errorf("%q, want %q", got, c.want)
				}
				if fmt.Sprint(shelf.tries) != fmt.Sprint(c.tries) {
					t.Errorf("asked for %v, want %v", shelf.tries, c.tries)
				}
			})
		})
	}
}

// TestFetchInTime: nobody waits for another try for longer than the attempt may take.
func TestFetchInTime(t *testing.T) {
	b := newBench(t, nil)
	synctest.Test(t, func(t *testing.T) {
		shelf := &shelf{get: func(string, int) (io.Reader, error) { return nil, io.ErrUnexpectedEOF }}
		b.runner.Fetcher = shelf
		b.runner.Transport = func(string) http.RoundTripper { return memory{} }
		b.runner.Dialects["linked"] = linked{}
		req := &switchyard.Request{Images: 1}
		target := b.target("a", 1, req)
		target.Target.Dialect, target.Target.Timeouts.Attempt = "linked", 100*time.Millisecond
		began := time.Now()
		_, report, _ := b.run(req, target)
		if got := charges(report.Attempts); !slices.Equal(got, []string{"a bad_reply possible"}) || shelf.tries["0"] != 1 || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%q after %v and %v", got, time.Since(began), shelf.tries)
		}
	})
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }
