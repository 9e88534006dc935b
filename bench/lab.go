package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// lab is the processes, and where they keep their things.
type lab struct {
	dir      string
	upstream *process
	subjects []*process // the bare proxy first: it is the baseline
	bin      string
	config   string
	app      string // address of Switchyard
}

const (
	bare   = "reverseproxy"
	nginx  = "nginx"
	ours   = "switchyard"
	direct = "direct" // no proxy at all, for the added latency
)

// openLab builds and starts everything.
func openLab(ctx context.Context) (_ *lab, err error) {
	l := &lab{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.dir, err = os.MkdirTemp("", "switchyard-bench-*"); err != nil {
		return nil, err
	}
	if l.bin, err = build(ctx, l.dir); err != nil {
		return nil, err
	}
	addresses := make([]string, 5)
	for i := range addresses {
		if addresses[i], err = freeAddress(); err != nil {
			return nil, err
		}
	}
	if l.upstream, err = self(ctx, "upstream", addresses[0]); err != nil {
		return nil, err
	}
	proxy, err := self(ctx, bare, addresses[1], l.upstream.url)
	if err != nil {
		return nil, err
	}
	l.subjects = append(l.subjects, proxy)
	l.app = addresses[2]
	side, err := l.sidecar(ctx, addresses[2], addresses[3])
	if err != nil {
		return nil, err
	}
	l.subjects = append(l.subjects, side)
	if engine, err := startNginx(ctx, l.dir, addresses[4], addresses[0]); err == nil {
		l.subjects = append(l.subjects, engine)
	}
	return l, nil
}

// sidecar is Switchyard with everything on: routes, breaker, limits, journal and ledger on disk, metrics, logs.
func (l *lab) sidecar(ctx context.Context, app, admin string) (*process, error) {
	l.config = filepath.Join(l.dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[3]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: %[2]q, token: bench}
store: {database: "sqlite:%[3]s/db", journal: "%[3]s/journal", assets: {url: "file:%[3]s/assets", ttl: 1m}}
models: {alive: [imagen-4.0-generate-001, gpt-image-1]}
defaults: {limit: {rate: 100000/s, burst: 100000, concurrent: 100000}}
providers:
  google: {dialect: gemini, key: k, base_url: %[4]q}
  openai: {dialect: openai, key: k, base_url: %[4]q}
  fal: {dialect: fal, key: k, base_url: %[4]q, queue_url: %[4]q}
targets:
  imagen: {provider: google, model: imagen-4.0-generate-001}
  gpt: {provider: openai, model: gpt-image-1-mini}
  flux: {provider: fal, model: fal-ai/flux/dev}
routes:
  - {name: imagen, when: 'headers["x-to"] == "imagen"', targets: [imagen]}
  - {name: gpt, when: 'headers["x-to"] == "gpt"', targets: [gpt]}
  - {name: flux, when: 'headers["x-to"] == "flux"', targets: [flux]}
  - {name: native, targets: [native]}
`, app, admin, l.dir, l.upstream.url)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, ours, app, nil, l.bin, "serve", "--config", l.config)
}

// startNginx runs nginx as a plain proxy, if it is installed.
func startNginx(ctx context.Context, dir, address, upstream string) (*process, error) {
	bin, err := exec.LookPath(nginx)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; worker_processes 2; error_log stderr; pid %[1]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; client_max_body_size 1g; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
  upstream u { server %[3]s; keepalive 256; }
  server { listen %[2]s; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering off; } }
}`, dir, address, upstream)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return start(ctx, nginx, address, nil, bin, "-c", conf, "-p", dir)
}

func (l *lab) close() {
	for _, p := range l.subjects {
		p.close()
	}
	if l.upstream != nil {
		l.upstream.close()
	}
	_ = os.RemoveAll(l.dir)
}

// machine is what the figures are of.
func (l *lab) machine() string {
	cpu := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			cpu = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
			break
		}
	}
	return fmt.Sprintf("%s · %d × %s · %s", time.Now().Format(time.DateOnly), runtime.NumCPU(), cpu, runtime.Version())
}

// turn is one subject's share of a round.
type turn struct {
	sample
	cpu  time.Duration
	peak int64
}

// measure has the subjects of a scenario take turns, and keeps what each has shown.
func (l *lab) measure(ctx context.Context, s scenario, rounds int) (map[string][]turn, error) {
	results := map[string][]turn{}
	for range rounds {
		for _, p := range l.subjects {
			if p.name != ours && !s.plain {
				continue
			}
			s.load(ctx, p.url, max(s.total/10, 1)) // connections, caches and the heap are warm then
			p.forgetPeak()
			before := p.cpu()
			got := s.load(ctx, p.url, s.total)
			settle(p)
			if got.failed > 0 && p.name != ours { // httputil cuts an answer now and then; that is for its figures to say
				fmt.Printf("  %s: %d of %d failed: %v\n", p.name, got.failed, got.requests, got.failure)
			} else if got.failed > 0 {
				return nil, fmt.Errorf("%s: %d of %d failed, the last with: %w", p.name, got.failed, got.requests, got.failure)
			}
			results[p.name] = append(results[p.name], turn{got, p.cpu() - before, p.memory("VmHWM")})
		}
		if s.direct {
			got := s.load(ctx, l.upstream.url, s.total)
			results[direct] = append(results[direct], turn{sample: got})
		}
	}
	if len(results) == 0 {
		return nil, errors.New("nobody was measured")
	}
	return results, nil
}

// settle waits until a process has done what it does behind its answers, so that it is counted to whom it belongs.
func settle(p *process) {
	for last, calm := p.cpu(), 0; calm < 5; {
		time.Sleep(20 * time.Millisecond)
		if now := p.cpu(); now == last {
			calm++
		} else {
			last, calm = now, 0
		}
	}
}
