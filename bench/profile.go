package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
)

// profileFor is how long each profile is taken.
const profileFor = 5 // seconds

// profileKinds are the profiles of a scenario: where processor time goes, and where memory is asked for.
var profileKinds = []struct{ what, path, sample string }{
	{"Processor time", "/debug/pprof/profile", "cpu"},
	{"Memory asked for", "/debug/pprof/allocs", "alloc_space"},
}

// profileAll takes profiles of the sidecar under each kind of load by callers, and writes their largest entries to files
// in o.profiles.
func profileAll(ctx context.Context, o options) error {
	l, err := openUpstream(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	side, err := l.sidecar(l.dir).start(ctx)
	if err != nil {
		return err
	}
	l.subjects = append(l.subjects, side)
	if err := os.MkdirAll(o.profiles, 0o750); err != nil {
		return err
	}
	seen := map[string]bool{} // names: the same load with more callers is not another kind
	for _, s := range scenarios(o, disk{}) {
		if s.many == 0 || seen[s.name] || !o.wants(s.group, s.name) {
			continue
		}
		seen[s.name] = true
		text, err := l.profile(ctx, s, side)
		if err != nil {
			return fmt.Errorf("%s: %w", s.title(), err)
		}
		text = fmt.Sprintf("%s · %s\n%s", s.title(), thisMachine(), text)
		if err := os.WriteFile(filepath.Join(o.profiles, slug(s.group+" "+s.name)+".txt"), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// profile makes callers ask for as long as the profiles take.
func (l *lab) profile(ctx context.Context, s scenario, side *process) (string, error) {
	s.load(ctx, side.url, max(s.total/10, 1))
	var over atomic.Bool
	loaded := make(chan sample, 1)
	go func() { loaded <- while(ctx, side.url, s.call, s.many, func() bool { return !over.Load() }) }()
	var all strings.Builder
	var err error
	for _, kind := range profileKinds {
		var text string
		if text, err = l.top(ctx, side, kind.path, kind.sample); err != nil {
			break
		}
		fmt.Fprintf(&all, "\n%s\n\n%s", kind.what, text)
	}
	over.Store(true)
	return all.String(), errors.Join(err, failures(ours, <-loaded))
}

// top takes a profile and returns the functions that use most themselves, and those that use most together with all they
// call.
func (l *lab) top(ctx context.Context, side *process, path, sample string) (string, error) {
	raw, err := side.profile(ctx, path)
	if err != nil {
		return "", err
	}
	file := filepath.Join(l.dir, "profile.pb.gz")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		return "", err
	}
	var text strings.Builder
	for _, order := range []string{"-flat", "-cum"} {
		out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", order, "-nodecount=30", "-sample_index="+sample, file).Output()
		if err != nil {
			return "", fmt.Errorf("go tool pprof: %w", err)
		}
		text.Write(out)
		text.WriteByte('\n')
	}
	return text.String(), nil
}

// profile fetches a profile from the process.
func (p *process) profile(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%s?seconds=%d", p.admin, path, profileFor), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	status, text, err := do(req)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", path, status, text)
	}
	return text, err
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes the name of a file of a title.
func slug(title string) string {
	return strings.Trim(notInNames.ReplaceAllString(strings.ToLower(strings.ReplaceAll(title, "→", "to")), "-"), "-")
}
