package proxy_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"switchyard/proxy"
)

// TestSlowBody: an app whose body does not come in time is told so at once, without waiting for the rest of it.
func TestSlowBody(t *testing.T) {
	_, url := frontDoor(t, echo, proxy.Settings{ReadBodyTimeout: 50 * time.Millisecond})
	for _, head := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(conn, "POST /v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+head+"\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", head, err)
		} else {
			if resp.StatusCode != http.StatusGatewayTimeout || !resp.Close {
				t.Errorf("%s: %s, the last on its connection: %v", head, resp.Status, resp.Close)
			}
			_ = resp.Body.Close()
		}
		_ = conn.Close()
	}
}

// TestSlowBatch: how a batch goes is told for as long as it takes, whatever time a body has to come.
func TestSlowBatch(t *testing.T) {
	const bound = 50 * time.Millisecond
	h, url := frontDoor(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-time.After(4 * bound)
		_ = json.NewEncoder(w).Encode(map[string]any{"created": 1, "data": []any{map[string]any{"b64_json": pixel}}})
	}, proxy.Settings{ReadBodyTimeout: bound, RequestTimeout: map[string]time.Duration{"": time.Minute}})
	generates(h)
	ask := func(method, path, body string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var batch struct{ Events string }
	text := ask(http.MethodPost, "/switchyard/v1/batches", `{"requests":[{"path":"/v1/images/generations","body":{"model":"gpt-image-1","prompt":"a"}}]}`)
	if err := json.Unmarshal([]byte(text), &batch); err != nil || batch.Events == "" {
		t.Fatal(text)
	}
	if events := ask(http.MethodGet, batch.Events, ""); !strings.Contains(events, "event: done\n") {
		t.Errorf("told %q", events)
	}
}
