package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// call is one request, and what its answer must have.
type call struct {
	method, path, body string
	header             http.Header
	least              int64 // bytes of the answer
	events             int   // of the answer
}

// answer is what was seen of one answer.
type answer struct {
	first time.Duration // from when the request was due to the answer's head
	bytes int64
	lag   []time.Duration // of each event
}

// ask makes one request and reads its answer to the end.
func (r *recorder) ask(ctx context.Context, due time.Time) (a answer, err error) {
	req, err := r.request(ctx)
	if err != nil {
		return a, err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.first = time.Since(due)
	if resp.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return a, fmt.Errorf("%s: %s", resp.Status, text)
	}
	if r.call.events > 0 {
		a.bytes, a.lag, err = follow(resp.Body)
	} else {
		a.bytes, err = io.Copy(io.Discard, resp.Body)
	}
	switch {
	case err != nil:
	case a.bytes < r.call.least:
		err = fmt.Errorf("%s with %d bytes", resp.Status, a.bytes)
	case len(a.lag) != r.call.events:
		err = fmt.Errorf("%d events, want %d", len(a.lag), r.call.events)
	}
	return a, err
}

func (r *recorder) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.call.method, r.base+r.call.path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, values := range r.call.header {
		req.Header[name] = values
	}
	if r.call.body != "" { // as http.NewRequest sets it, but counting what is read
		req.ContentLength = int64(len(r.call.body))
		req.GetBody = func() (io.ReadCloser, error) {
			return io.NopCloser(&counted{strings.NewReader(r.call.body), &r.sent}), nil
		}
		req.Body, err = req.GetBody()
	}
	return req, err
}

// counted counts what is read from a body.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// follow reads events and returns how long each was on its way: the upstream writes into it when it left, and both
// read the same clock.
func follow(r io.Reader) (n int64, lag []time.Duration, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		n += int64(len(lines.Bytes())) + 1
		if rest, ok := bytes.CutPrefix(lines.Bytes(), []byte(`data: {"at":`)); ok {
			var at int64
			if _, err := fmt.Sscanf(string(rest), "%d", &at); err == nil {
				lag = append(lag, time.Duration(time.Now().UnixNano()-at))
			}
		}
	}
	return n, lag, lines.Err()
}
