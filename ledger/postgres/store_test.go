package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"switchyard"
	"switchyard/ledger"
	"switchyard/ledger/ledgertest"
	"switchyard/ledger/postgres"
	"switchyard/ledger/postgres/postgrestest"
	"switchyard/migrate"
)

// databases makes databases on one server.
type databases struct {
	*postgrestest.Server
	n int
}

// fresh is the address of an empty database.
func (d *databases) fresh(t *testing.T, as ...string) string {
	t.Helper()
	d.n++
	name := fmt.Sprint("ledger", d.n)
	create := "CREATE DATABASE " + name + " " + strings.Join(as, " ")
	if _, err := connect(t, d.URL("postgres")).ExecContext(t.Context(), create); err != nil {
		t.Fatal(err)
	}
	return d.URL(name)
}

func connect(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func open(t *testing.T, url string) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{URL: switchyard.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDatabase(t *testing.T) {
	d := databases{Server: postgrestest.Start(t)}
	ledgertest.Technology{
		Fresh: func(t *testing.T) (ledger.Database, *sql.DB) {
			url := d.fresh(t)
			return open(t, url), connect(t, url)
		},
		DayAgo: `NOW() - INTERVAL '24 hours'`,
	}.Run(t)
	t.Run("in a locale", func(t *testing.T) { inALocale(t, d.fresh(t, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de'")) })
	t.Run("versions", func(t *testing.T) { versions(t, &d) })
	t.Run("many start at once", func(t *testing.T) { startAtOnce(t, d.fresh(t)) })
	t.Run("two journals at once", func(t *testing.T) { twoJournals(t, d.fresh(t)) })
	t.Run("two prune at once", func(t *testing.T) { twoPrune(t, d.fresh(t)) })
	t.Run("read only", func(t *testing.T) { readOnly(t, d.fresh(t)) })
	t.Run("rows wait for a server that is gone", func(t *testing.T) { rowsWait(t, &d) }) // stops the server
}

func versions(t *testing.T, d *databases) {
	url := d.fresh(t)
	conf := postgres.Config{URL: switchyard.NewSecret(url)}
	var older *migrate.OlderError
	if _, err := postgres.Read(t.Context(), conf); !errors.As(err, &older) {
		t.Errorf("an empty one was read: %v", err)
	}
	open(t, url)
	if _, err := connect(t, url).ExecContext(t.Context(), `INSERT INTO ledger_version VALUES (99)`); err != nil {
		t.Fatal(err)
	}
	var newer *migrate.NewerError
	if _, err := postgres.Open(t.Context(), conf); !errors.As(err, &newer) || strings.Contains(err.Error(), postgrestest.Password) {
		t.Errorf("got %v", err)
	}
}

// inALocale: whoever made the database may have had any, and names are in the same order everywhere.
func inALocale(t *testing.T, url string) {
	s := open(t, url)
	for _, tenant := range []string{"a", "B", "ä"} {
		g := ledgertest.Ended(ledgertest.Generation(tenant))
		g.Tenant, g.Key = tenant, tenant
		ledgertest.Apply(t, s, "e", ledger.EndRecord(g))
	}
	for _, by := range []ledger.Dimension{ledger.ByTenant, ledger.ByKey} {
		lines, err := s.Report(t.Context(), ledger.Query{By: by})
		if err != nil || len(lines) != 3 || lines[0].Group != "B" || lines[1].Group != "a" || lines[2].Group != "ä" {
			t.Errorf("by %s: %+v, %v", by, lines, err)
		}
	}
}

func startAtOnce(t *testing.T, url string) {
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := postgres.Open(t.Context(), postgres.Config{URL: switchyard.NewSecret(url)})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// twoJournals: two processes write to the same database, and correct the same rows. The sums stay right, and nobody waits
// for ever.
func twoJournals(t *testing.T, url string) {
	stores := []*postgres.Store{open(t, url), open(t, url)}
	var all sync.WaitGroup
	for n, s := range stores {
		all.Go(func() {
			for i := range 40 {
				b := ledger.Batch{Journal: fmt.Sprint(n), Last: uint64(i)}
				for k := range 10 {
					a := ledgertest.Done(ledgertest.Attempt(fmt.Sprint(k), "g"))
					a.Images, a.Target = i, []string{"flux", "sdxl"}[(i+k+n)%2]
					b.Records = append(b.Records, ledger.SettleRecord(a))
				}
				if err := s.Apply(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	ledgertest.SumsAddUp(t, stores[0])
}

// twoPrune: two processes forget what is old, a part at a time. No attempt stays whose generation has gone.
func twoPrune(t *testing.T, url string) {
	stores := []*postgres.Store{open(t, url), open(t, url)}
	var records []ledger.Record
	for i := range 600 {
		id := fmt.Sprint(i)
		records = append(records, ledger.EndRecord(ledgertest.Ended(ledgertest.Generation(id))), ledger.SettleRecord(ledgertest.Done(ledgertest.Attempt(id, id))))
	}
	ledgertest.Apply(t, stores[0], "e", records...)
	var all sync.WaitGroup
	for _, s := range stores {
		all.Go(func() {
			for range 30 {
				if _, err := s.Prune(t.Context(), ledgertest.Start.Add(time.Minute), 10); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var generations, attempts int
	err := connect(t, url).QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM generations),
(SELECT COUNT(*) FROM attempts a WHERE NOT EXISTS (SELECT 1 FROM generations WHERE id = a.generation))`).Scan(&generations, &attempts)
	if err != nil || generations != 0 || attempts != 0 {
		t.Errorf("%d generations are left, and %d attempts of others; %v", generations, attempts, err)
	}
}

func readOnly(t *testing.T, url string) {
	ledgertest.Apply(t, open(t, url), "e", ledger.EndRecord(ledgertest.Ended(ledgertest.Generation("g"))))
	s, err := postgres.Read(t.Context(), postgres.Config{URL: switchyard.NewSecret(url)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Generation(t.Context(), "g"); err != nil {
		t.Error(err)
	}
	if err := s.Rate(t.Context(), "acme", "g", ledger.ThumbsUp); err == nil {
		t.Error("it was written to")
	}
}

// rowsWait: the journal takes what the database cannot, and the database has all of it once it is back.
func rowsWait(t *testing.T, d *databases) {
	s := open(t, d.fresh(t))
	j, err := ledger.OpenJournal(ledger.JournalConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	reported := make(chan error, 1000)
	a := ledger.NewApplier(ledger.ApplierConfig{Journal: j, Store: s, Backoff: 50 * time.Millisecond, Report: func(err error) { reported <- err }})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- a.Run(ctx) }()
	for i := range 6 {
		if i == 2 {
			d.Stop()
		}
		if err := j.Append(t.Context(), ledger.SettleRecord(ledgertest.Done(ledgertest.Attempt(fmt.Sprint(i), "g")))); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if err := <-reported; strings.Contains(err.Error(), postgrestest.Password) {
				t.Errorf("the error tells the password: %v", err)
			}
		}
		if i == 4 {
			d.Start()
		}
	}
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Rows(t.Context(), time.Time{}, 10); len(rows) != 6 || err != nil {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	ledgertest.SumsAddUp(t, s)
	cancel()
	if err := errors.Join(<-stopped, j.Close()); err != nil {
		t.Error(err)
	}
}

// What cannot be understood or reached is said without the password.
func TestErrorsHaveNoPassword(t *testing.T) {
	for _, url := range []string{
		"postgres://u:hush-hush@127.0.0.1:1/x?connect_timeout=1", "postgres://u:hush-hush@127.0.0.1:port/x", "postgres://u:hush-hush@%zz/x",
		"postgres://u:hush-hush@127.0.0.1/x?sslmode=nonsense", "postgres://u:hush-hush@h ost/x", "postgres://u:hush-hush/x@y@z:9:9",
	} {
		s, err := postgres.Open(t.Context(), postgres.Config{URL: switchyard.NewSecret(url)})
		if err == nil {
			s.Close()
			t.Errorf("%s was opened", url)
			continue
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%v", err)
		}
	}
}
