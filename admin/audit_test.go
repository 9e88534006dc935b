package admin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openAudit(t *testing.T, path string) *Audit {
	t.Helper()
	a, err := OpenAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func subjects(t *testing.T, a *Audit, n int) (s []string) {
	t.Helper()
	entries, err := a.Latest(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		s = append(s, e.Subject)
	}
	return s
}

func TestAuditLatestFirst(t *testing.T) {
	a := openAudit(t, filepath.Join(t.TempDir(), "audit.jsonl"))
	if got := subjects(t, a, 10); len(got) != 0 {
		t.Errorf("an empty one has %v", got)
	}
	long := strings.Repeat("x", 50<<10) // so that lines lie across the blocks that are read
	for i := range 5 {
		if err := a.Add(Entry{Action: ActionKill, Subject: fmt.Sprint(i), Detail: long}); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(subjects(t, a, 3)); got != "[4 3 2]" {
		t.Errorf("the last three are %s", got)
	}
	if got := fmt.Sprint(subjects(t, a, 10)); got != "[4 3 2 1 0]" {
		t.Errorf("all are %s", got)
	}
}

// A file that a crash left in the middle of a line goes on behind it.
func TestAuditAfterCrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	a := openAudit(t, path)
	_ = a.Add(Entry{Subject: "before"})
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"time":"2026-`)
	_ = f.Close()
	a = openAudit(t, path)
	_ = a.Add(Entry{Subject: "after"})
	if got := fmt.Sprint(subjects(t, a, 10)); got != "[after before]" {
		t.Errorf("got %s", got)
	}
}

func TestAuditIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	a := openAudit(t, path)
	a.max = 1000
	for i := range 100 {
		if err := a.Add(Entry{Subject: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	var total int64
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if total += info.Size(); info.Size() > 1000 {
			t.Errorf("%s has %d bytes", name, info.Size())
		}
	}
	got := subjects(t, a, 100)
	if len(got) < 10 || got[0] != "99" || got[len(got)-1] != fmt.Sprint(100-len(got)) || total < 1000 {
		t.Errorf("of 100 entries these are left: %v", got)
	}
}
