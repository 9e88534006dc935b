package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// lab is the processes, and the folder for their files.
type lab struct {
	dir      string
	upstream *process
	byTLS    string     // the upstream's address by TLS
	subjects []*process // the bare proxy first: it is the baseline
	bin      string
}

const (
	bare    = "reverseproxy"
	nginx   = "nginx"
	haproxy = "haproxy"
	ours    = "switchyard"
	direct  = "direct" // no proxy at all, for the added latency
)

// openLab builds Switchyard, and starts everything.
func openLab(ctx context.Context) (_ *lab, err error) {
	l, err := openUpstream(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	proxy, err := self(ctx, bare, address, l.upstream.url)
	if err != nil {
		return nil, err
	}
	l.subjects = append(l.subjects, proxy)
	side, err := l.sidecar(l.dir).start(ctx)
	if err != nil {
		return nil, err
	}
	l.subjects = append(l.subjects, side)
	for _, e := range engines {
		p, err := e.start(ctx, l.dir, l.upstream.address)
		if err != nil {
			fmt.Printf("without %s: %v\n", e.name, err)
			continue
		}
		l.subjects = append(l.subjects, p)
	}
	return l, nil
}

// openUpstream builds Switchyard and starts the upstream alone.
func openUpstream(ctx context.Context) (_ *lab, err error) {
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
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if l.byTLS, err = freeAddress(); err != nil {
		return nil, err
	}
	l.upstream, err = self(ctx, "upstream", address, l.byTLS, l.ca())
	return l, err
}

// ca returns the path of the file with the upstream's certificate.
func (l *lab) ca() string { return filepath.Join(l.dir, "ca.pem") }

func (l *lab) sidecar(dir string) sidecar {
	return sidecar{dir: dir, bin: l.bin, upstream: l.upstream.url, byTLS: "https://" + l.byTLS, ca: l.ca()}
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

// thisMachine describes the machine on which the figures were measured.
func thisMachine() string {
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
