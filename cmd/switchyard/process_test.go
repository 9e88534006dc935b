package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"switchyard/sim"
)

// TestMain lets the test binary be the program itself, so that a test can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("SWITCHYARD_TEST_PROCESS") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a sidecar in a process of its own.
type process struct {
	*testing.T
	cmd  *exec.Cmd
	app  string // address
	log  strings.Builder
	done chan struct{}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startProcess runs serve and waits until it says that it does.
func startProcess(t *testing.T, config, app string) *process {
	t.Helper()
	p := &process{T: t, app: app, done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), os.Args[0], "serve", "--config", config)
	p.cmd.Env = append(os.Environ(), "SWITCHYARD_TEST_PROCESS=1")
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan bool)
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(&p.log, lines.Text())
			if strings.Contains(lines.Text(), `"serving"`) {
				close(serving)
			}
		}
	}()
	select {
	case <-serving:
	case <-p.done:
		t.Fatalf("it did not start: %s", p.log.String())
	case <-time.After(20 * time.Second):
		t.Fatal("it did not start in time")
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// end sends a signal and waits; the exit status is -1 after a kill.
func (p *process) end(s syscall.Signal) int {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
	<-p.done
	_ = p.cmd.Wait()
	if _, race, found := strings.Cut(p.log.String(), "WARNING: DATA RACE"); found {
		p.Errorf("a data race%s", race)
	}
	return p.cmd.ProcessState.ExitCode()
}

// processConfig writes a config for a process over the world.
func processConfig(t *testing.T, w *sim.World) (file, app, admin string) {
	dir := t.TempDir()
	app, admin = freePort(t), freePort(t)
	file = filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[3]s/tmp"}
admin: {listen: %[2]q, token: admin-token}
store: {database: "sqlite:%[3]s/db", journal: "%[3]s/journal", assets: {url: "file:%[3]s/assets"}}
providers:
  openai: {dialect: openai, key: sk-sim, base_url: %[4]q}
`, app, admin, dir, w.OpenAI.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, app, admin
}

func slowWorld(t *testing.T, d time.Duration) *sim.World {
	t.Helper()
	w, err := sim.Start(sim.Config{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	w.OpenAI.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: d, Max: d} })
	return w
}

func send(app string) (int, error) {
	resp, err := http.Post("http://"+app+openaiPath, "application/json", strings.NewReader(`{"model":"gpt-image-1-mini","prompt":"a cat","size":"1024x1024","quality":"low"}`))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// TestKill: a process that is killed while a picture is being made leaves an attempt that may have been charged. The
// next one finds it, books it so, and does not send it again.
func TestKill(t *testing.T) {
	w := slowWorld(t, 2*time.Second)
	file, app, admin := processConfig(t, w)
	p := startProcess(t, file, app)
	sent := make(chan error, 1)
	go func() { _, err := send(app); sent <- err }()
	eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
	p.end(syscall.SIGKILL)
	if err := <-sent; err == nil {
		t.Error("the app got an answer from a dead process")
	}
	p = startProcess(t, file, app)
	type row struct {
		Outcome string      `json:"outcome"`
		Charge  string      `json:"charge"`
		Cost    json.Number `json:"cost_usd"`
	}
	rows := eventually(t, func() ([]row, bool) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/api/ledger", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer admin-token")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var doc struct{ Rows []row }
		if err := json.NewDecoder(resp.Body).Decode(&doc); err != nil {
			t.Fatal(err)
		}
		return doc.Rows, len(doc.Rows) == 1 && doc.Rows[0].Outcome != ""
	})
	if rows[0] != (row{"lost", "possible", "0.005004"}) { // the picture, and two tokens of text at $2 a million
		t.Errorf("the ledger has %+v", rows[0])
	}
	if calls := w.OpenAI.Calls(); len(calls) > 1 {
		t.Errorf("the provider was called %d times", len(calls))
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d: %s", code, p.log.String())
	}
}

// TestDrain: a process that is told to end finishes what it has begun.
func TestDrain(t *testing.T) {
	w := slowWorld(t, 700*time.Millisecond)
	file, app, _ := processConfig(t, w)
	p := startProcess(t, file, app)
	status := make(chan int, 1)
	go func() { s, _ := send(app); status <- s }()
	eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d: %s", code, p.log.String())
	}
	if s := <-status; s != http.StatusOK {
		t.Errorf("the request under way ended with %d", s)
	}
}

// TestHangupAtStart: a SIGHUP that comes before anything is served ends nothing. The start fails here because its database never answers.
func TestHangupAtStart(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("store: {database: \"postgres://u:p@%s/books?sslmode=disable\", journal: \"%s/journal\"}\n", silent.Addr(), dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--config", config)
	cmd.Env = append(os.Environ(), "SWITCHYARD_TEST_PROCESS=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	asked, err := silent.Accept() // it is at its start
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_ = asked.Close()
	_ = silent.Close()
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
}

// TestHangup: SIGHUP and a changed file both reload.
func TestHangup(t *testing.T) {
	w := slowWorld(t, 0)
	file, app, _ := processConfig(t, w)
	p := startProcess(t, file, app)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	off := strings.Replace(string(text), "dialect: openai,", "dialect: openai, enabled: false,", 1)
	if err := os.WriteFile(file, []byte(off), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() (int, bool) { s, _ := send(app); return s, s == http.StatusServiceUnavailable })
	if err := os.WriteFile(file, text, 0o600); err != nil { // and no signal
		t.Fatal(err)
	}
	eventually(t, func() (int, bool) { s, _ := send(app); return s, s == http.StatusOK })
}

// TestTheNextProcessGoesOn: a process that is told to end leaves jobs to their providers, as one that is killed does.
func TestTheNextProcessGoesOn(t *testing.T) {
	w := slowWorld(t, 0)
	w.Replicate.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{Min: 4 * time.Second, Max: 4 * time.Second} })
	file, app := crashConfig(t, w, t.TempDir()), freePort(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("{app}", app, "server: {", "server: {drain_timeout: 200ms, ").Replace(string(text))
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, file, app)
	l := &ticketLoad{app: app, hook: newReceiver(t)}
	l.submit(t.Context(), "replicate", "a signal box", false)
	eventually(t, func() (int, bool) { n := len(w.Replicate.Calls()); return n, n > 1 }) // it is being polled
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit status %d: %s", code, p.log.String())
	}
	p = startProcess(t, file, app)
	if got := l.await(t, l.tickets[0]); got != "succeeded" {
		t.Errorf("it %s", got)
	}
	p.end(syscall.SIGTERM)
	if n := len(w.Replicate.Bill()); n != 1 {
		t.Errorf("%d predictions were charged for", n)
	}
	for _, c := range w.Replicate.Calls() {
		if strings.HasSuffix(c.Path, "/cancel") {
			t.Error("the job was cancelled")
		}
	}
}
