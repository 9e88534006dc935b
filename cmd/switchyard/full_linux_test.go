package main

import (
	"net/http"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// fillDisk has writes to files fail, as if the disk were full, until room is called or the test is over.
func fillDisk(t *testing.T) (room func()) {
	t.Helper()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := func(size uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: old.Max}); err != nil {
			t.Error(err)
		}
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit(1)
	room = func() { limit(old.Cur) }
	t.Cleanup(room)
	return room
}

// TestNoRoomForAFile: an app whose file finds no room is told that it may bring it again.
func TestNoRoomForAFile(t *testing.T) {
	k := startKit(t, crossFiles)
	b := k.beginFal(initiate)
	put := func() answer {
		return k.do(t.Context(), http.MethodPut, k.pathOf(b.UploadURL), string(aPicture), "Content-Type", "image/png")
	}
	room := fillDisk(t)
	if a := put(); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "try again") {
		t.Errorf("%d %s", a.status, a.body)
	}
	room()
	if a := put(); a.status != http.StatusOK {
		t.Errorf("with room again: %d %s", a.status, a.body)
	}
}

// TestFullDiskIsTold: while nothing can be written down nothing is taken on, and health says so; afterwards all is well. Who
// asks whether to send anything here hears of both, though nothing is sent meanwhile; to start anew would not help.
func TestFullDiskIsTold(t *testing.T) {
	k := startKit(t, twoProviders)
	room := fillDisk(t)
	if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", a.status, a.body)
	}
	if h := k.health(); h.Status != "down" || len(h.Problems) != 1 || !strings.HasPrefix(h.Problems[0], "nothing is taken on: the journal has not been written since") {
		t.Errorf("with a full disk: %+v", h)
	}
	if page := string(k.operate(http.MethodGet, "/metrics", "").body); !strings.Contains(page, "switchyard_journal_failing 1") {
		t.Error("it is not in the metrics")
	}
	ready := func(path string) (told []string) {
		told = append(told, string(k.do(t.Context(), http.MethodGet, path, "").body))
		return append(told, string(k.operate(http.MethodGet, path, "").body))
	}
	const why = "not ready: the journal cannot be written\n"
	if got := ready("/readyz"); !slices.Equal(got, []string{why, why}) {
		t.Errorf("ready: %q", got)
	}
	if a := k.do(t.Context(), http.MethodGet, "/readyz", ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", a.status)
	}
	if got := ready("/healthz"); !slices.Equal(got, []string{"ok\n", "ok\n"}) {
		t.Errorf("alive: %q", got)
	}
	room()
	eventually(t, func() ([]string, bool) {
		got := ready("/readyz")
		return got, slices.Equal(got, []string{"ok\n", "ok\n"})
	})
	if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if h := k.health(); h.Status != "healthy" {
		t.Errorf("with room again: %+v", h)
	}
}
