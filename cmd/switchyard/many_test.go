package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard/sim"
)

var waited = flag.Duration("waited", 0, "how long the tickets of TestManyTickets have waited when their work is measured")

// TestManyTickets: tickets that wait at an asynchronous provider for a long time cost little memory and hardly any work,
// and however many they are, the provider is not asked about them more often than is decent.
func TestManyTickets(t *testing.T) {
	tickets := 2000
	judged := !testing.Short() && !raceEnabled
	if !judged {
		tickets = 200
	}
	w := slowWorld(t, 0)
	file, app := manyConfig(t, w)
	p := startProcess(t, file, app)
	handIn(t, app, 50, "wait") // code and caches are there before we look
	idle := residentKB(t, p)
	idleTicks, since := cpuTicks(t, p), time.Now()
	<-time.After(*waited / 2)
	idleShare := float64(cpuTicks(t, p)-idleTicks) / time.Since(since).Seconds()

	w.Replicate.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: time.Hour, Max: time.Hour}
		b.Quirks.WaitRunsOut = true
	})
	w.Replicate.Reset()
	handIn(t, app, tickets, "")
	eventually(t, func() (int, bool) {
		asked := map[string]bool{}
		for _, c := range polls(w.Replicate) {
			asked[c.Path] = true
		}
		return len(asked), len(asked) == tickets
	})
	<-time.After(*waited)
	before, began := cpuTicks(t, p), time.Now()
	w.Replicate.Reset()
	<-time.After(*waited / 2)          // whoever counts all the time takes the cores from those whose work is measured
	eventually(t, func() (int, bool) { // each of them once more, and some time with it
		n := len(polls(w.Replicate))
		return n, n >= tickets && time.Since(began) > 5*time.Second
	})
	calls, spent, took := polls(w.Replicate), cpuTicks(t, p)-before, time.Since(began)

	apart := calls[len(calls)-1].Time.Sub(calls[0].Time)
	more := (residentKB(t, p) - idle) >> 10
	share := float64(spent)/took.Seconds() - idleShare
	t.Logf("%d tickets: idle %d MiB, %d MiB more; idle %.1f %% of a core, %.1f %% more; %.0f polls a second over %v",
		tickets, idle>>10, more, idleShare, share, float64(len(calls)-1)/apart.Seconds(), took.Round(time.Second))
	// They are counted as they arrive: on a busy machine up to a second's worth of them come late, and all at once.
	if most := mostPolls * (apart + time.Second).Seconds(); float64(len(calls)) > most {
		t.Errorf("%d polls reached the provider within %v, want at most %.0f", len(calls), apart, most)
	}
	if *waited >= 45*time.Second && share >= 5 { // sooner they are asked about more often
		t.Errorf("%d tickets cost %.1f %% of a core", tickets, share)
	}
	if judged && more >= 50 {
		t.Errorf("%d tickets cost %d MiB", tickets, more)
	}
}

func manyConfig(t *testing.T, w *sim.World) (file, app string) {
	t.Helper()
	dir, app := t.TempDir(), freePort(t)
	file = filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(`
server: {listen: %[1]q, temp_dir: "%[2]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: "127.0.0.1:0", token: admin-token}
store: {database: "sqlite:%[2]s/db", journal: "%[2]s/journal", assets: {url: "file:%[2]s/assets"}}
providers:
  replicate: {dialect: replicate, key: r8_sim, base_url: %[3]q}
`, app, dir, w.Replicate.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, app
}

// handIn has sixteen apps hand in n tickets.
func handIn(t *testing.T, app string, n int, prefer string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	next := make(chan int)
	var apps sync.WaitGroup
	for range 16 {
		apps.Go(func() {
			for i := range next {
				body := fmt.Sprintf(`{"input":{"prompt":"picture %d"}}`, i)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+app+createPath, strings.NewReader(body))
				if err != nil {
					t.Error(err)
					continue
				}
				req.Header = http.Header{"Content-Type": {"application/json"}, "Prefer": {prefer}}
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					continue
				}
				text, _ := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusCreated {
					t.Errorf("%d %s", resp.StatusCode, text)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	apps.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// polls are the questions about predictions that have reached the provider.
func polls(p *sim.Provider) []sim.Call {
	var out []sim.Call
	for _, c := range p.Calls() {
		if c.Method == http.MethodGet && strings.HasPrefix(c.Path, "/v1/predictions/") {
			out = append(out, c)
		}
	}
	return out
}

// residentKB is the memory that a process has now, but for the parts of files that it has used: they are there once.
func residentKB(t *testing.T, p *process) int64 {
	t.Helper()
	return procNumber(t, p, "status", `RssAnon:\s+(\d+) kB`)
}

// cpuTicks is the time that a process has worked, in hundredths of a second.
func cpuTicks(t *testing.T, p *process) int64 {
	t.Helper()
	const user, system = `^.*\)(?: \S+){11} (\d+)`, `^.*\)(?: \S+){12} (\d+)`
	return procNumber(t, p, "stat", user) + procNumber(t, p, "stat", system)
}

// procNumber finds a number in what the kernel says of a process.
func procNumber(t *testing.T, p *process, name, pattern string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
	if err != nil {
		t.Skip("no /proc here")
	}
	m := regexp.MustCompile(pattern).FindSubmatch(text)
	if m == nil {
		t.Skipf("/proc says no more than %s", text)
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n
}
