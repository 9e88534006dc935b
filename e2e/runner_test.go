package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// job is what one app does once. node/*.mjs and go/*.go read it.
type job struct {
	ID      int               `json:"id"`
	Dir     string            `json:"dir"`  // where images go
	SDK     string            `json:"sdk"`  // a file of node/; of go/ after "go-"
	Call    string            `json:"call"` // a function in it
	Form    string            `json:"form,omitempty"`
	Base    string            `json:"base"`
	Hosts   map[string]string `json:"hosts,omitempty"` // fal's three, if not below Base
	Key     string            `json:"key"`
	Model   string            `json:"model,omitempty"`
	Prompt  string            `json:"prompt,omitempty"`
	N       int               `json:"n,omitempty"`
	Size    string            `json:"size,omitempty"`
	Ratio   string            `json:"ratio,omitempty"`
	Images  []string          `json:"images,omitempty"` // files of references
	Mask    string            `json:"mask,omitempty"`
	Many    bool              `json:"many,omitempty"`  // fal: references are a list
	Files   string            `json:"files,omitempty"` // replicate: how it sends bytes
	Retries *int              `json:"retries,omitempty"`
	Input   map[string]any    `json:"input,omitempty"` // what only this SDK knows
}

// result is what the app got.
type result struct {
	ID        int             `json:"id"`
	Images    []delivery      `json:"images"`
	Error     *failure        `json:"error"`
	Reason    string          `json:"reason"`
	Text      string          `json:"text"`
	Partials  int             `json:"partials"`
	Chunks    int             `json:"chunks"`
	States    []string        `json:"states"`
	Flags     []bool          `json:"flags"`
	RequestID string          `json:"requestId"`
	Usage     json.RawMessage `json:"usage"`
	Warnings  []string        `json:"warnings"`
}

type delivery struct {
	File string `json:"file"`
	MIME string `json:"mime"`
	URL  string `json:"url"` // the beginning, where the SDK gave one
}

// failure is an SDK's error, as far as an app can see it.
type failure struct {
	Class     string `json:"class"`
	Name      string `json:"name"`
	Reason    string `json:"reason"`
	Status    int    `json:"status"`
	Code      any    `json:"code"`
	Type      string `json:"type"`
	Message   string `json:"message"`
	Body      string `json:"body"`
	RequestID string `json:"requestId"`
	Stack     string `json:"stack"`
}

// runner is a process that has SDKs. do may be called by many tests at once.
type runner struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	ended  chan struct{}
	mu     sync.Mutex
	last   int
	waits  map[int]chan result // :: job → who waits for it; guarded by mu, as is writing to in
	failed error               // guarded by mu
}

// startNode installs the SDKs where that is needed, and starts Node.
func startNode(dir string) (*runner, error) {
	if err := install("node"); err != nil {
		return nil, err
	}
	node, err := filepath.Abs("node/node_modules/.bin/node") // the newest SDKs want 22, whatever the system has
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(node, "runner.mjs")
	cmd.Dir = "node"
	return start(cmd, dir)
}

// startGo builds the SDKs of Go, with what the module proxy has of them if that is needed, and starts them.
func startGo(dir string) (*runner, error) {
	program := filepath.Join(dir, "sdks")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "go"
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return start(exec.Command(program), dir)
}

// start runs cmd at home in dir. No key of the developer's may take part, and no address either.
func start(cmd *exec.Cmd, dir string) (*runner, error) {
	r := &runner{cmd: cmd, ended: make(chan struct{}), waits: map[int]chan result{}}
	cmd.Stderr, cmd.Env = os.Stderr, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if r.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go r.read(out)
	return r, nil
}

// install runs npm if node_modules is missing, or older than the lockfile.
func install(dir string) error {
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	have, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	if err == nil && !have.ModTime().Before(lock.ModTime()) {
		return nil
	}
	npm := exec.Command("npm", "ci", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
}

func (r *runner) read(out io.Reader) {
	defer close(r.ended)
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			r.fail(fmt.Errorf("the SDKs ended: %w", err))
			return
		}
		var res result
		if err := json.Unmarshal(line, &res); err != nil {
			r.fail(fmt.Errorf("the SDKs said %.200q: %w", line, err))
			return
		}
		r.mu.Lock()
		wait := r.waits[res.ID]
		delete(r.waits, res.ID)
		r.mu.Unlock()
		if wait != nil {
			wait <- res
		}
	}
}

func (r *runner) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = err
	for id, wait := range r.waits {
		delete(r.waits, id)
		close(wait)
	}
}

// send hands the job over, with a number of its own.
func (r *runner) send(j job) (<-chan result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, r.failed
	}
	r.last++
	j.ID = r.last
	line, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	wait := make(chan result, 1)
	r.waits[j.ID] = wait
	_, err = r.in.Write(append(line, '\n'))
	return wait, err
}

func (r *runner) close() {
	_ = r.in.Close()
	<-r.ended
	_ = r.cmd.Wait()
}

// do is the app's call, from beginning to end.
func (j job) do(t *testing.T) result {
	t.Helper()
	return j.begin(t)(t)
}

// begin is do for an app that goes on meanwhile; end waits for its answer.
func (j job) begin(t *testing.T) (end func(*testing.T) result) {
	t.Helper()
	j.Dir = t.TempDir()
	wait, err := need(t, j.SDK).send(j)
	if err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) result {
		t.Helper()
		select {
		case res, ok := <-wait:
			if !ok {
				t.Fatal(errors.New("the SDKs ended"))
			}
			return res
		case <-time.After(time.Minute):
			t.Fatalf("%s %s: no answer in a minute", j.SDK, j.Call)
			return result{}
		}
	}
}
