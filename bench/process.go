package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roleVariable turns this program into the upstream or the bare proxy, each in a process of its own, so that its CPU
// time is its own.
const roleVariable = "SWITCHYARD_BENCH_ROLE"

// process is one of the subjects, or the upstream.
type process struct {
	name string
	url  string
	cmd  *exec.Cmd
	log  *os.File
}

// start runs a program that listens on address, and waits until it does.
func start(ctx context.Context, name, address string, env []string, argv ...string) (*process, error) {
	log, err := os.CreateTemp("", "bench-"+name+"-*.log")
	if err != nil {
		return nil, err
	}
	p := &process{name: name, url: "http://" + address, log: log, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := await(ctx, address); err != nil {
		p.close()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return p, nil
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

// close ends the process as an operator does, so that nginx takes its workers along.
func (p *process) close() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	timer.Stop()
	_ = p.log.Close()
	_ = os.Remove(p.log.Name())
}

// cpu is the processor time that the process and its children have used.
func (p *process) cpu() time.Duration {
	var sum time.Duration
	for _, pid := range p.pids() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text), ") ") // the name may have spaces
		fields := strings.Fields(rest)
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		sum += time.Duration(user+system) * (time.Second / 100) // the kernel's ticks
	}
	return sum
}

// pids are the process and its children: nginx has workers.
func (p *process) pids() []int {
	pids := []int{p.cmd.Process.Pid}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pids[0], pids[0]))
	for _, s := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(s); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// memory is a figure of /proc/PID/status in bytes, summed over the processes: VmHWM, VmRSS, RssAnon.
func (p *process) memory(field string) int64 {
	var sum int64
	for _, pid := range p.pids() {
		f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), field+":"); ok {
				kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
				sum += kb << 10
			}
		}
		_ = f.Close()
	}
	return sum
}

// forgetPeak sets VmHWM back to what the process has now.
func (p *process) forgetPeak() {
	for _, pid := range p.pids() {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// play is the other end of start: this program as one of its subjects.
func play(role string, args []string) error {
	switch role {
	case "upstream":
		return serveUpstream(args[0])
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
	return start(ctx, role, args[0], []string{roleVariable + "=" + role}, append([]string{exe}, args...)...)
}

// get is a plain GET, for small things.
func get(ctx context.Context, url string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// build makes the program as it is released: static, stripped.
func build(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "switchyard")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/switchyard")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return bin, nil
}
