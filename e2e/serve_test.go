package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"switchyard/sim"
)

// simulate starts providers that live as long as the test.
func simulate(t *testing.T) *sim.World {
	t.Helper()
	w, err := sim.Start(sim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// configured is a config.yaml for the world, with the operator's keys or without. The rest is what the test has to say.
func configured(w *sim.World, own bool, rest string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server: {listen: \"127.0.0.1:0\", fetch_allow: [\"127.0.0.1\"]}\nadmin: {listen: \"127.0.0.1:0\"}\n")
	fmt.Fprintf(&b, "defaults: {breaker: off}\nproviders:\n") // a test of errors must not change what the next one gets
	for _, p := range w.Providers() {
		dialect, key, more := p.Name, "", ""
		if own {
			key = p.Key()
		}
		switch p.Name {
		case "google":
			dialect = "gemini"
		case "fal":
			more = fmt.Sprintf(", queue_url: %q, rest_url: %q", p.QueueURL, p.RestURL)
		}
		fmt.Fprintf(&b, "  %s: {dialect: %s, key: %q, base_url: %q%s}\n", p.Name, dialect, key, p.URL, more)
		if p.CloudURL != "" {
			fmt.Fprintf(&b, "  vertex: {dialect: vertex, key: %q, project: %s, base_url: %q}\n", key, sim.CloudProject, p.CloudURL)
		}
	}
	return b.String() + rest
}

// serve runs Switchyard until the test ends, and is its address. It must end well, and tell no key.
func serve(t *testing.T, config string) string {
	t.Helper()
	app, _ := serveBoth(t, config)
	return app
}

// serveBoth is serve with the operator's address, too.
func serveBoth(t *testing.T, config string) (app, admin string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", "config.yaml")
	cmd.Dir = dir // data/ is made there
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := &logged{serving: make(chan [2]string, 1), ended: make(chan struct{})}
	go log.read(stderr)
	t.Cleanup(func() { stop(t, cmd, log) })
	select {
	case at := <-log.serving:
		awaitReady(t, "http://"+at[1]+"/readyz")
		return "http://" + at[0], "http://" + at[1]
	case <-log.ended:
	case <-time.After(20 * time.Second):
	}
	t.Fatalf("switchyard does not serve:\n%s\n%s", log, config)
	return "", ""
}

func awaitReady(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not ready", url)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func stop(t *testing.T, cmd *exec.Cmd, log *logged) {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(90*time.Second, func() { _ = cmd.Process.Kill() }) // it waits a minute for what is under way
	defer kill.Stop()
	<-log.ended // before Wait, which closes the pipe
	if err := cmd.Wait(); err != nil {
		t.Errorf("switchyard ends with %v", err)
	}
	if t.Failed() {
		t.Logf("switchyard's log:\n%s", log)
	}
	for _, p := range []string{"google", "openai", "fal", "replicate"} {
		if strings.Contains(log.String(), sim.DefaultKey(p)) {
			t.Errorf("the key of %s is in the log", p)
		}
	}
}

// logged is what Switchyard writes to stderr.
type logged struct {
	serving chan [2]string // gets app's and operator's address, once
	ended   chan struct{}
	mu      sync.Mutex
	text    strings.Builder // guarded by mu
}

func (l *logged) read(r io.Reader) {
	defer close(l.ended)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Listen, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			l.serving <- [2]string{line.Listen, line.Admin}
		}
		l.mu.Lock()
		fmt.Fprintln(&l.text, lines.Text())
		l.mu.Unlock()
	}
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
