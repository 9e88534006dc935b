package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"
)

// idle is S5: what the program takes when it does nothing, and how long it takes to begin.
func (l *lab) idle(ctx context.Context, t *table) error {
	binary, err := fileSize(l.bin)
	if err != nil {
		return err
	}
	certificates, missing := fileSize(certificatesFile)
	var took []time.Duration
	var rss, anonymous float64
	for i := range 3 {
		began := time.Now()
		p, err := l.sidecar(fmt.Sprintf("%s/idle%d", l.dir, i)).start(ctx)
		if err != nil {
			return err
		}
		if err := answers(ctx, p); err != nil {
			p.close()
			return err
		}
		took = append(took, time.Since(began))
		settle(p)
		rss, anonymous = mib(p.memory("VmRSS")), mib(p.memory("RssAnon"))
		p.close()
	}
	fmt.Printf("\nS5 idle\n  binary %.1f MiB, RSS %.1f MiB (anonymous %.1f), first answers after %v\n", mib(binary), rss, anonymous, took)
	if missing == nil {
		fmt.Printf("  image %.1f MiB, estimated: the binary and this machine's CA certificates, in an empty image\n", mib(binary+certificates))
	} else {
		fmt.Printf("  image not estimated: %v\n", missing)
	}
	for _, v := range []line{
		{what: "S5 binary, MiB", got: mib(binary), most: 40},
		{what: "S5 idle RSS, MiB", got: rss, most: 45},
		{what: "S5 idle anonymous RSS, MiB", got: anonymous, most: 25},
		{what: "S5 first answer, ms", got: ms(slices.Min(took)), most: 100},
	} {
		if err := t.judge(v); err != nil {
			return err
		}
	}
	return nil
}

// certificatesFile is all that the Dockerfile adds to the binary, except two empty folders.
const certificatesFile = "/etc/ssl/certs/ca-certificates.crt"

func fileSize(name string) (int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// answers waits until the process answers.
func answers(ctx context.Context, p *process) error {
	for end := time.Now().Add(10 * time.Second); ; {
		status, _, err := get(ctx, p.url+"/healthz")
		if err == nil && status == http.StatusOK {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("%s does not answer: status %d, %w", p.name, status, err)
		}
	}
}
