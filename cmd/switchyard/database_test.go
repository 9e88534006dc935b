package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/postgres/postgrestest"
	"switchyard/sim"
)

// onPostgres is a store in the database, with a folder of its own for all else.
func onPostgres(server *postgrestest.Server, dir string) string {
	return fmt.Sprintf("store: {database: %q, journal: \"%[2]s/journal\", assets: {url: \"file:%[2]s/assets\"}}\n", server.URL("postgres"), dir)
}

// TestTwoSidecars: one that starts on the database of another takes nothing of it for left behind. Both write.
func TestTwoSidecars(t *testing.T) {
	server := postgrestest.Start(t)
	first := startKit(t, onPostgres(server, t.TempDir())+twoProviders)
	first.world.Google.Update(func(b *sim.Behavior) { b.Fault = sim.Stall })
	got := make(chan answer, 1)
	go func() { got <- first.post(openaiPath, anImage, "X-Only", "nano") }()
	eventually(t, func() (int, bool) { n := len(first.world.Google.Calls()); return n, n == 1 })
	if rows := first.rows(); len(rows) != 1 || rows[0].Outcome != "" {
		t.Fatalf("under way: %+v", rows)
	}
	second := startKitWith(t, first.world, onPostgres(server, t.TempDir())+twoProviders)
	if a := second.post(openaiPath, anImage, "X-Only", "gpt"); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if rows := second.rows(); len(rows) != 2 || rows[0].Outcome != "" || rows[1].Outcome != switchyard.OK {
		t.Errorf("once another has started: %+v", rows)
	}
	first.mustKill(`{"scope":"provider","name":"google","abort":true}`)
	<-got
	if rows := first.rows(); len(rows) != 2 || rows[0].Outcome == "" || rows[0].Outcome == switchyard.Lost {
		t.Errorf("when it has ended: %+v", rows)
	}
	if c, err := second.side.store.Check(t.Context()); err != nil || len(c.Wrong) != 0 || c.Running != 0 || c.Generations != c.Attempts {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestDatabaseGone: a server that stops takes no answer and no row with it. Health says so, and what was answered
// meanwhile is in the ledger when the server is back.
func TestDatabaseGone(t *testing.T) {
	server := postgrestest.Start(t)
	dir := t.TempDir()
	k := startKit(t, onPostgres(server, dir)+twoProviders)
	draw := func(n int) {
		t.Helper()
		for range n {
			if a := k.post(openaiPath, `{"prompt":"a"}`, "X-Only", "gpt"); a.status != http.StatusOK {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
	}
	draw(2)
	if rows := k.rows(); len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	server.Stop()
	draw(3)
	eventually(t, func() (string, bool) {
		h := k.side.health()
		return h.Status, h.Status == "degraded"
	})
	server.Start()
	eventually(t, func() (int, bool) {
		rows, err := k.side.store.Rows(t.Context(), time.Time{}, 10)
		return len(rows), err == nil && len(rows) == 5
	})
	if c, err := k.side.store.Check(t.Context()); err != nil || len(c.Wrong) != 0 || c.Running != 0 || c.Generations != c.Attempts {
		t.Errorf("%+v, %v", c, err)
	}
	if h := k.side.health(); h.Status != "healthy" {
		t.Errorf("%+v", h)
	}
	steps, err := k.side.store.Routes(t.Context(), ledger.Steps{})
	if err != nil || len(steps) != 1 || steps[0].Count != 5 {
		t.Errorf("%+v, %v", steps, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tickets.db")); err != nil {
		t.Error(err)
	}
}

// TestDatabaseUnreachable: serve ends at once, and says where it looked, without the password.
func TestDatabaseUnreachable(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("store: {database: \"postgres://u:hush-hush@127.0.0.1:1/books?connect_timeout=2\", journal: \"%s/journal\"}\n", dir)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"serve", "--config", name}, noEnv, &stdout, &stderr)
	said := stdout.String() + stderr.String()
	if code != exitFailed || !strings.Contains(said, `database "books" on 127.0.0.1`) || strings.Contains(said, "hush") {
		t.Errorf("%d: %s", code, said)
	}
}

func TestDatabaseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"sqlite:data/x.db":                          "sqlite:data/x.db",
		"postgres://u:hush@h/books":                 "postgres://u:xxxxx@h/books",
		"postgresql://u@h/books?password=hush":      "postgresql://u@h/books",
		"sqlite:":                                   "",
		"mysql://u:hush@h/books":                    "",
		"postgres://u:hush@h:port/books":            "",
		"postgres://u:hush@h/books?sslmode=strange": "",
	} {
		d := database(text)
		err := d.validate()
		if (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
		if shown := fmt.Sprint(d); want != "" && shown != want || strings.Contains(shown, "hush") {
			t.Errorf("%s is shown as %s", text, shown)
		}
	}
}
