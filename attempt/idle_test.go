package attempt_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
)

// pausing answers with body, and before each piece lets a pause go by, unless the request is cut.
type pausing struct {
	body  []byte
	pause time.Duration
}

func (p pausing) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	var pieces []io.Reader
	for piece := range slices.Chunk(p.body, len(p.body)/4+1) {
		pieces = append(pieces, after{r.Context(), p.pause}, bytes.NewReader(piece))
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: int64(len(p.body)), Body: io.NopCloser(io.MultiReader(pieces...))}, nil
}

// after is empty, after a while.
type after struct {
	ctx context.Context
	d   time.Duration
}

func (a after) Read([]byte) (int, error) {
	select {
	case <-time.After(a.d):
		return 0, io.EOF
	case <-a.ctx.Done():
		return 0, a.ctx.Err()
	}
}

// TestIdle: an answer that stalls is cut, however long all of it may take; one that waits for memory of ours is not.
func TestIdle(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 256, 256))
	_, _ = io.ReadFull(rand.NewChaCha8([32]byte{}), gray.Pix)
	var noise bytes.Buffer
	if err := png.Encode(&noise, gray); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		pause  time.Duration
		held   bool // whether others have all the memory of large bodies
		stream bool // whether events were asked for, and none came
		want   string
	}{
		"pauses":  {pause: 15 * time.Millisecond, want: "ok settled"},
		"stalls":  {pause: 25 * time.Millisecond, want: "timeout possible"},
		"we wait": {held: true, want: "ok settled"},

		"no events, pauses": {pause: 15 * time.Millisecond, stream: true, want: "ok settled"},
		"no events, stalls": {pause: 25 * time.Millisecond, stream: true, want: "timeout possible"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			synctest.Test(t, func(t *testing.T) {
				if c.held {
					defer b.runner.Pool.Claim(b.runner.Pool.Limit() * 15 / 16).Close()
				}
				b.gone = make(chan struct{})
				b.runner.Transport = func(string) http.RoundTripper { return pausing{noise.Bytes(), c.pause} }
				req := &switchyard.Request{Images: 1, Stream: c.stream}
				target := b.target("a", 1, req)
				if c.stream {
					target.Forward, b.runner.Dialects["plain"] = true, fragile{}
				}
				target.Target.Timeouts.Idle = 20 * time.Millisecond
				began := time.Now()
				ans, report, _ := b.run(req, target)
				if ans != nil {
					ans.Close()
				}
				if got := charges(report.Attempts); !slices.Equal(got, []string{"a " + c.want}) {
					t.Errorf("%q after %v, want %q", got, time.Since(began), c.want)
				}
				if c.held && time.Since(began) < 20*time.Millisecond {
					t.Error("there was memory")
				}
			})
		})
	}
}
