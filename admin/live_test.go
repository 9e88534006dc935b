package admin_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// stream opens the events of a desk over a real connection.
func (d *desk) stream(ctx context.Context, server *httptest.Server) *bufio.Scanner {
	d.Helper()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/admin/ai-metrics/events", nil)
	req.AddCookie(d.cookie)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		d.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "retry:") {
		d.Fatalf("the stream begins with %q", lines.Text())
	}
	return lines
}

// event is the data of the next one; empty at the end.
func event(lines *bufio.Scanner) string {
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			return data
		}
	}
	return ""
}

func TestLive(t *testing.T) {
	d := newDesk(t)
	d.login()
	server := httptest.NewServer(d)
	defer server.Close()
	lines := d.stream(t.Context(), server)
	began := time.Now()
	d.Live.Tell()
	if got := event(lines); got != `{"ended":1}` {
		t.Errorf("first: %s", got)
	}
	for range 100 { // within the second that the browser is given
		d.Live.Tell()
	}
	if got := event(lines); got != `{"ended":100}` {
		t.Errorf("then: %s", got)
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("two events within %v", took)
	}
	d.Live.Close()
	if got := event(lines); got != "" {
		t.Errorf("after the end: %s", got)
	}
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/events", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("later: %d", w.Code)
	}
}

// TestLiveKill: a stop by the command line is seen at once where nothing ends meanwhile, and so is its end.
func TestLiveKill(t *testing.T) {
	d := newDesk(t)
	d.login()
	server := httptest.NewServer(d)
	defer server.Close()
	lines := d.stream(t.Context(), server)
	began := time.Now()
	for _, order := range [][3]string{{http.MethodPost, "/api/kill", `{"scope":"provider","name":"fal"}`}, {http.MethodDelete, "/api/kill/provider/fal", ""}} {
		if w := d.call(order[0], order[1], order[2]); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if got := event(lines); got != `{"ended":0}` {
			t.Errorf("%s: %s", order[0], got)
		}
	}
	if took := time.Since(began); took > 10*time.Second { // as the beat has it
		t.Errorf("it was told after %v", took)
	}
	d.Live.Close()
}

// TestLiveLeaves: who leaves gives the place back, and who has logged out hears nothing more.
func TestLiveLeaves(t *testing.T) {
	d := newDesk(t)
	d.login()
	server := httptest.NewServer(d)
	defer server.Close()
	lines := d.stream(t.Context(), server)
	d.ask(http.MethodPost, "/admin/logout", nil)
	d.Live.Tell()
	if got := event(lines); got != "" {
		t.Errorf("after leaving: %s", got)
	}
}

// TestLiveSlow: a browser that reads nothing holds nobody up, and there are only so many.
func TestLiveSlow(t *testing.T) {
	d := newDesk(t)
	d.login()
	server := httptest.NewServer(d)
	defer server.Close()
	defer d.Live.Close()
	for range 64 {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = c.Write([]byte("GET /admin/ai-metrics/events HTTP/1.1\r\nHost: localhost\r\nCookie: " + d.cookie.String() + "\r\n\r\n"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if w := d.ask(http.MethodGet, "/admin/ai-metrics/events", nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", w.Code)
	}
	for range 10_000 {
		d.Live.Tell()
	}
}
