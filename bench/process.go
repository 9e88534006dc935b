package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// roleVariable turns this program into the upstream or the bare proxy, each in a process of its own, so that its CPU
// time is its own.
const roleVariable = "SWITCHYARD_BENCH_ROLE"

// process is one of the subjects, or the upstream.
type process struct {
	name    string
	address string
	url     string
	admin   string // URL of the operator's address; the sidecar's alone
	cmd     *exec.Cmd
	log     *os.File
}

// program is a process that is yet to be started.
type program struct {
	name    string
	address string // it listens on
	env     []string
	argv    []string
	bound   *bound // of its memory; nil for none
}

// start runs it, and waits until it listens.
func (p program) start(ctx context.Context) (*process, error) {
	log, err := os.CreateTemp("", "bench-"+p.name+"-*.log")
	if err != nil {
		return nil, err
	}
	argv := p.bound.hold(p.argv)
	run := &process{name: p.name, address: p.address, url: "http://" + p.address, log: log, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	run.cmd.Env = append(os.Environ(), p.env...)
	run.cmd.Stdout, run.cmd.Stderr = log, log
	if err := run.cmd.Start(); err != nil {
		return nil, err
	}
	if err := await(ctx, p.address); err != nil {
		run.close()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w: %s", p.name, err, text)
	}
	return run, nil
}

// await waits until somebody listens.
func await(ctx context.Context, address string) error {
	var d net.Dialer
	for range 2000 {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("it does not listen")
}

// close ends the process as an operator would, so that nginx ends its workers, too.
func (p *process) close() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	timer.Stop()
	_ = p.log.Close()
	_ = os.Remove(p.log.Name())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// play is what start runs: this program in the role of a subject.
func play(role string, args []string) error {
	switch role {
	case "upstream":
		return serveUpstream(args[0], args[1], args[2])
	case "reverseproxy":
		return serveBare(args[0], args[1])
	}
	return fmt.Errorf("no role %q", role)
}

func self(ctx context.Context, role string, args ...string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return program{name: role, address: args[0], env: []string{roleVariable + "=" + role}, argv: append([]string{exe}, args...)}.start(ctx)
}

// get makes a plain GET, for small answers.
func get(ctx context.Context, url string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	return do(req)
}

func do(req *http.Request) (int, []byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}
