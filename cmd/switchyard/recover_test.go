package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/proxy"
	"switchyard/sim"
	"switchyard/ticket"
)

// oneByOne has a synchronous provider serve one request at a time.
const oneByOne = `
server: {listen: %q, temp_dir: "%[2]s/tmp", fetch_allow: [127.0.0.1]}
admin: {listen: "127.0.0.1:0", token: admin-token}
store: {database: "sqlite:%[2]s/db", journal: "%[2]s/journal", assets: {url: "file:%[2]s/assets"}}
providers:
  openai: {dialect: openai, key: sk-sim, base_url: %[3]q, limit: {concurrent: 1}}
targets:
  openai: {provider: openai, model: gpt-image-1-mini}
routes:
  - {name: all, targets: [openai], patience: 60s}
keys:
  - {name: app, secret: app-key}
`

// TestAFailedStartSpendsNothing: a process that cannot listen, or cannot read its certificate, leaves the tickets of an
// earlier one as they are, however often it is started.
func TestAFailedStartSpendsNothing(t *testing.T) {
	w := slowWorld(t, 500*time.Millisecond)
	dir, app := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf(oneByOne, app, dir, w.OpenAI.URL)
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	p := startProcess(t, file, app)
	l := &ticketLoad{app: app, hook: newReceiver(t)}
	for i := range 4 {
		l.submit(t.Context(), "openai", fmt.Sprintf("picture %d", i), false)
	}
	eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
	p.end(syscall.SIGKILL)
	if len(l.tickets) != 4 {
		t.Fatalf("%d tickets were accepted", len(l.tickets))
	}
	calls := len(w.OpenAI.Calls())

	taken, err := net.Listen("tcp", app)
	if err != nil {
		t.Fatal(err)
	}
	fails := func() {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--config", file)
		cmd.Env = append(os.Environ(), "SWITCHYARD_TEST_PROCESS=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("it ended with %v: %s", err, out)
		}
	}
	fails()
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	write(strings.Replace(text, "server: {", `server: {tls: {cert: "`+dir+`/none.pem", key: "`+dir+`/none.pem"}, `, 1))
	fails()
	if n := len(w.OpenAI.Calls()); n != calls {
		t.Errorf("%d requests left a process that did not start", n-calls)
	}

	write(text)
	p = startProcess(t, file, app)
	ended := map[string]int{}
	for _, tk := range l.tickets {
		ended[l.await(t, tk)]++
	}
	if ended["succeeded"] != 3 || ended["failed"] != 1 {
		t.Errorf("ended as %v", ended)
	}
	p.end(syscall.SIGTERM)
	checkBills(t, w, filepath.Join(dir, "db"))
}

// TestCloseBooksWhatItCuts: what is still under way when everything is given back is cut first, and booked.
func TestCloseBooksWhatItCuts(t *testing.T) {
	w := slowWorld(t, time.Minute)
	f, err := load("test.yaml", fmt.Appendf(nil, oneByOne, "127.0.0.1:0", t.TempDir(), w.OpenAI.URL), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openOnce(t, f)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, createPath, strings.NewReader(`{"input":{"prompt":"a fox"}}`))
	r.Header = http.Header{"Authorization": {"Bearer app-key"}, "Content-Type": {"application/json"}}
	answer := httptest.NewRecorder()
	if s.handler.ServeHTTP(answer, r); answer.Code != http.StatusCreated {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
	s.close()

	store, err := f.Store.Database.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	rows, err := store.Rows(t.Context(), time.Time{}, 10)
	if err != nil || len(rows) != 1 || rows[0].Outcome != switchyard.Canceled || rows[0].Cost.Charge != switchyard.ChargePossible {
		t.Errorf("the ledger has %+v, %v", rows, err)
	}
}

// lock has another process hold the write lock of a database until it is called.
func lock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	foreign, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	foreign.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = foreign.Close() })
	do := func(text string) {
		if _, err := foreign.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	do(`BEGIN IMMEDIATE`)
	return func() { do(`ROLLBACK`) }
}

// TestATicketOutlivesALockedDatabase: its picture has been paid for, so how it ended is found when the lock is gone; by this
// process, or by the next one if this one has ended meanwhile.
func TestATicketOutlivesALockedDatabase(t *testing.T) {
	for _, restarted := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarted=%v", restarted), func(t *testing.T) {
			w := slowWorld(t, time.Second)
			k := startKitWith(t, w, behindReplicate)
			f := k.side.file.Load()
			auth := []string{"Authorization", "Bearer first-key"}
			p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, auth...).prediction(t)
			eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
			if _, err := k.side.db.ExecContext(t.Context(), `PRAGMA busy_timeout = 1`); err != nil {
				t.Fatal(err)
			}
			unlock := lock(t, f.tickets())
			aside := filepath.Join(f.data(), "tickets", p.ID+".end")
			eventually(t, func() (error, bool) { _, err := os.Stat(aside); return err, err == nil })
			if restarted {
				over, cut := context.WithCancel(t.Context())
				cut()
				k.side.handler.Drain(over)
			}
			unlock()
			if restarted {
				k.restart()
			}
			get := "/replicate/v1/predictions/" + p.ID
			p = eventually(t, func() (prediction, bool) {
				p := k.do(t.Context(), http.MethodGet, get, "", auth...).prediction(t)
				return p, p.Status != "starting" && p.Status != "processing"
			})
			if p.Status != "succeeded" || len(p.Output) != 1 {
				t.Errorf("%s %s %.40v", p.Status, p.Error, p.Output)
			}
			eventually(t, func() (error, bool) { _, err := os.Stat(aside); return err, errors.Is(err, fs.ErrNotExist) })
			if n := len(w.OpenAI.Bill()); n != 1 {
				t.Errorf("%d pictures were charged for", n)
			}
		})
	}
}

// oneUnderWay is a process whose one ticket is on its way to OpenAI, and the folder with all that it has, config.yaml too.
func oneUnderWay(t *testing.T, w *sim.World) (p *process, l *ticketLoad, dir string) {
	t.Helper()
	dir, app := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, oneByOne, app, dir, w.OpenAI.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	l = &ticketLoad{app: app, hook: newReceiver(t)}
	p = startProcess(t, file, app)
	l.submit(t.Context(), "openai", "a red fox", false)
	eventually(t, func() (int, bool) { now, _ := w.OpenAI.InFlight(); return now, now == 1 })
	return p, l, dir
}

// oneKilled has a ticket under way, and kills its process when the ledger knows how that ended, and the ticket's row does not.
func oneKilled(t *testing.T, w *sim.World) (l *ticketLoad, dir string) {
	t.Helper()
	p, l, dir := oneUnderWay(t, w)
	unlock := lock(t, filepath.Join(dir, "db"))
	eventually(t, func() (string, bool) {
		text := journaled(t, filepath.Join(dir, "journal"))
		return text, strings.Contains(text, `"k":"ended"`)
	})
	p.end(syscall.SIGKILL)
	unlock()
	return l, dir
}

// TestAPaidTicketOutlivesAKill: a process is killed when the ledger knows that a ticket's picture is made and paid for, and
// the ticket's row does not know yet. The app gets its picture from the next one.
func TestAPaidTicketOutlivesAKill(t *testing.T) {
	w := slowWorld(t, time.Second)
	l, dir := oneKilled(t, w)
	p := startProcess(t, filepath.Join(dir, "config.yaml"), l.app)
	if got := l.await(t, l.tickets[0]); got != "succeeded" {
		t.Errorf("it %s", got)
	}
	if n := len(w.OpenAI.Bill()); n != 1 {
		t.Errorf("%d pictures were charged for", n)
	}
	p.end(syscall.SIGTERM)
	checkBills(t, w, filepath.Join(dir, "db"))
}

// TestARefusedTicketOutlivesAKill: a process is killed when the ledger knows that a ticket was refused for its content, and the ticket's
// row does not know yet. The app is told of the refusal by the next one: told to try again, it would pay for another.
func TestARefusedTicketOutlivesAKill(t *testing.T) {
	w := slowWorld(t, time.Second)
	w.OpenAI.Update(func(b *sim.Behavior) { b.Fault = sim.Filter })
	l, dir := oneKilled(t, w)
	if aside, err := filepath.Glob(filepath.Join(dir, "*", "*.end")); err != nil || len(aside) > 0 {
		t.Fatalf("it was set aside: %q, %v", aside, err)
	}
	startProcess(t, filepath.Join(dir, "config.yaml"), l.app)
	tk := l.tickets[0]
	got := l.await(t, tk)
	_, doc, err := l.ask(t.Context(), http.MethodGet, tk.url, "", tk.auth, "")
	if err != nil || got != "failed" || !strings.Contains(doc.Error, "NSFW") {
		t.Errorf("it %s: %q, %v", got, doc.Error, err)
	}
}

// journaled is all that the files of a journal say.
func journaled(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // the applier was done with it
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// TestATicketEndsThoughNobodyCanBeTold: a notice that cannot be written down keeps neither a ticket from its end nor the
// program from starting.
func TestATicketEndsThoughNobodyCanBeTold(t *testing.T) {
	w := slowWorld(t, time.Minute)
	p, l, dir := oneUnderWay(t, w)
	p.end(syscall.SIGKILL)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE INSERT ON ticket_notices BEGIN SELECT RAISE(ABORT, 'full'); END`); err != nil {
		t.Fatal(err)
	}
	startProcess(t, filepath.Join(dir, "config.yaml"), l.app)
	if got := l.await(t, l.tickets[0]); got != "failed" {
		t.Errorf("it %s", got)
	}
	w.OpenAI.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{} })
	l.submit(t.Context(), "openai", "a blue fox", false)
	if got := l.await(t, l.tickets[1]); got != "succeeded" {
		t.Errorf("the next one %s", got)
	}
}

// TestAFullDiskGivesNoJobUp: what keeps a start from going on with a ticket may pass; its job is paid for, and stays.
func TestAFullDiskGivesNoJobUp(t *testing.T) {
	w := slowWorld(t, 0)
	w.Replicate.Update(func(b *sim.Behavior) {
		b.Latency = sim.Latency{Min: time.Hour, Max: time.Hour}
		b.Quirks.WaitRunsOut = true
	})
	k := startKitWith(t, w, "server: {listen: 127.0.0.1:0, memory: 64KiB, drain_timeout: 100ms, temp_dir: \"{dir}/tmp\", fetch_allow: [127.0.0.1]}\n"+behindReplicate)
	big := strings.Repeat("a red fox ", 20_000)
	a := k.post("/fal/queue/fal-ai/flux/dev", `{"prompt":"`+big+`"}`, "Authorization", "Key first-key", "X-Only", "schnell")
	var job struct {
		ResponseURL string `json:"response_url"`
	}
	if err := json.Unmarshal(a.body, &job); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	eventually(t, func() (int, bool) { n := len(polls(w.Replicate)); return n, n > 0 })
	k.stop()
	tmp := k.side.file.Load().Server.TempDir
	k.opened = func() { // and it is not to be had: a file is in its place
		if err := os.Remove(tmp); err != nil {
			t.Error(err)
		}
	}
	k.run()
	if n := eventually(t, func() (int, bool) { n := k.logs.FilterMessage("ticket not gone on with").Len(); return n, n > 0 }); n == 0 {
		t.Fatal("it went on at once")
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	w.Replicate.Update(func(b *sim.Behavior) { b.Latency = sim.Latency{} })
	before := len(polls(w.Replicate))
	eventually(t, func() (int, bool) { n := len(polls(w.Replicate)); return n, n > before })
	for _, c := range w.Replicate.Calls() {
		if strings.HasSuffix(c.Path, "/cancel") {
			t.Error("the job was cancelled")
		}
	}
	if n := len(w.Replicate.Bill()); n > 1 {
		t.Errorf("%d were paid for", n)
	}
}

// withoutJobs is a journal that has no room for the job of an attempt.
type withoutJobs struct{ proxy.Journal }

func (j withoutJobs) Append(ctx context.Context, records ...ledger.Record) error {
	if slices.ContainsFunc(records, func(r ledger.Record) bool { return r.Kind == ledger.Held }) {
		return errors.New("no space left on device")
	}
	return j.Journal.Append(ctx, records...)
}

// TestAJobThatOnlyItsRowKnows: a job of which the journal could never be told is found again by its ticket's row.
func TestAJobThatOnlyItsRowKnows(t *testing.T) {
	w := slowWorld(t, 0)
	w.Replicate.Update(func(b *sim.Behavior) { b.Polls = 1000 })
	k := startKitWith(t, w, "server: {listen: 127.0.0.1:0, drain_timeout: 50ms, temp_dir: \"{dir}/tmp\", fetch_allow: [127.0.0.1]}\n"+behindReplicate)
	k.side.handler.Journal = withoutJobs{k.side.journal}
	p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, "Authorization", "Bearer first-key", "X-Only", "schnell").prediction(t)
	eventually(t, func() (ticket.State, bool) {
		tk, err := k.side.tickets.Get(t.Context(), "one", p.ID)
		return tk.State, err == nil && tk.State == ticket.Held && len(polls(w.Replicate)) > 0
	})
	k.stop()
	before := len(polls(w.Replicate))
	k.run()
	eventually(t, func() (int, bool) { n := len(polls(w.Replicate)); return n, n > before })
	if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != "" {
		t.Errorf("rows: %+v", rows)
	}
}

// TestAJobOutlivesItsRoute: a job that a provider has accepted is asked for by the next process, even if its config sends such requests
// elsewhere, and nothing any more to that target. The picture is paid for.
func TestAJobOutlivesItsRoute(t *testing.T) {
	for name, change := range map[string][2]string{
		"another target":            {"targets: [schnell]}", "targets: [gpt]}"},
		"more than it can do":       {"targets: [schnell]}", "targets: [schnell, gpt], require: {capabilities: [mask]}}"},
		"less than it costs":        {"targets: [schnell]}", "targets: [schnell], require: {max_cost: 0.0001}}"},
		"the app's own choice":      {"targets: [schnell]}", "targets: [native]}"},
		"not the app's choice":      {"targets: [native]}", "targets: [gpt]}"},
		"a target switched off":     {"flux-schnell}", "flux-schnell, enabled: false}"},
		"a provider switched off":   {"replicate: {", "replicate: {enabled: false, "},
		"another name":              {"schnell", "fast"},
		"another model by the name": {"flux-schnell}", "flux-dev}"},
	} {
		t.Run(name, func(t *testing.T) {
			w := slowWorld(t, 0)
			w.Replicate.Update(func(b *sim.Behavior) { b.Polls = 1000 })
			text := "server: {listen: 127.0.0.1:0, drain_timeout: 50ms, temp_dir: \"{dir}/tmp\", fetch_allow: [127.0.0.1]}\n" + behindReplicate
			if !strings.Contains(text, change[0]) {
				text = strings.Replace(text, "targets: [schnell]}", change[0], 1)
			}
			k := startKitWith(t, w, text)
			p := k.post(createPath, `{"input":{"prompt":"a red fox"}}`, "Authorization", "Bearer first-key", "X-Only", "schnell").prediction(t)
			eventually(t, func() (int, bool) { n := len(polls(w.Replicate)); return n, n > 0 })
			next := strings.ReplaceAll(*k.next.Load(), change[0], change[1])
			next = strings.Replace(next, "flux-fast", "flux-schnell", 1)
			k.next.Store(&next)
			k.restart()
			w.Replicate.Update(func(b *sim.Behavior) { b.Polls = 0 })
			if p := k.ended("/replicate/v1/predictions/" + p.ID); p.Status != "succeeded" || len(p.Output) != 1 {
				t.Errorf("%s %s %.40v", p.Status, p.Error, p.Output)
			}
			if ours, others := len(w.Replicate.Bill()), len(w.OpenAI.Bill()); ours != 1 || others != 0 || cancels(w.Replicate) != 0 {
				t.Errorf("paid for %d and %d pictures, cancelled %d jobs", ours, others, cancels(w.Replicate))
			}
			if rows := k.rows(); len(rows) != 1 || rows[0].Outcome != switchyard.OK || rows[0].Cost.Amount != w.Replicate.Total() || rows[0].Route != "schnell" {
				t.Errorf("the ledger has %+v", rows)
			}
			for _, s := range k.side.budgets.States(time.Now()) {
				if s.Subject != "schnell" || s.Spent.Money != w.Replicate.Total() || s.Reserved.Money != 0 {
					t.Errorf("the budget of %q has $%v spent and $%v reserved", s.Subject, s.Spent.Money, s.Reserved.Money)
				}
			}
		})
	}
}
