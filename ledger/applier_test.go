package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"switchyard"
	"switchyard/ledger"
)

var errDown = errors.New("database is locked")

func TestABrokenStoreStopsNoAppendAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := openJournal(t, t.TempDir()), newMemory()
		m.breakDown(errDown)
		a, stop := run(t, j, m)
		for i := range 100 {
			openAttempt(t, j, fmt.Sprint(i))
		}
		began := time.Now()
		if a.Wait(t.Context(), 250*time.Millisecond) {
			t.Error("a reader was told that all is there")
		}
		if waited := time.Since(began); waited != 250*time.Millisecond {
			t.Errorf("the reader waited %v", waited)
		}
		if _, err := a.State(); !errors.Is(err, errDown) {
			t.Errorf("state: %v", err)
		}
		<-time.After(time.Hour) // of the bubble's clock: the applier has not given up
		m.breakDown(nil)
		flush(t, a)
		if since := time.Since(began); since > time.Hour+6*time.Second {
			t.Errorf("it took %v to go on", since)
		}
		if _, err := a.State(); err != nil {
			t.Errorf("state: %v", err)
		}
		for i := range 100 {
			if m.of(fmt.Sprint(i)) != "[opened]" {
				t.Errorf("record %d: %s", i, m.of(fmt.Sprint(i)))
			}
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTheApplierStopsWithAllApplied(t *testing.T) {
	j, m := openJournal(t, t.TempDir()), newMemory()
	m.gate = make(chan struct{})
	_, stop := run(t, j, m)
	for i := range 2000 { // more than a batch
		openAttempt(t, j, fmt.Sprint(i))
	}
	close(m.gate)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if m.of("1999") != "[opened]" || m.batches >= 2000/2 {
		t.Errorf("last record %s, %d batches", m.of("1999"), m.batches)
	}
}

func TestWhatCannotBeAppliedAtTheEndWaitsForTheNextProcess(t *testing.T) {
	dir := t.TempDir()
	j, m := openJournal(t, dir), newMemory()
	m.breakDown(errDown)
	_, stop := run(t, j, m)
	openAttempt(t, j, "1")
	if err := stop(); !errors.Is(err, errDown) {
		t.Errorf("got %v, want %v", err, errDown)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if m, _ := replay(t, dir); m.of("1") != "[opened]" {
		t.Error("the record is lost")
	}
}

func TestAnEmptiedJournalIsNotTakenForTheOldOne(t *testing.T) {
	m := newMemory()
	for i := range 2 { // the second journal begins at record 1 again; the store is further
		j := openJournal(t, t.TempDir())
		for k := range 3 - i {
			openAttempt(t, j, fmt.Sprintf("%d-%d", i, k))
		}
		a, stop := run(t, j, m)
		flush(t, a)
		if err := errors.Join(stop(), j.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if m.of("1-0") != "[opened]" || m.of("1-1") != "[opened]" {
		t.Errorf("got %s, %s", m.of("1-0"), m.of("1-1"))
	}
}

func TestAStoreThatIsAheadOfItsJournalMissesNothing(t *testing.T) { // the journal was put back from a copy
	j, m := openJournal(t, t.TempDir()), newMemory()
	m.applied[j.ID()] = 1000
	openAttempt(t, j, "1")
	a, stop := run(t, j, m)
	flush(t, a)
	if err := stop(); err != nil || m.of("1") != "[opened]" {
		t.Errorf("got %s, %v", m.of("1"), err)
	}
}

func TestSum(t *testing.T) {
	cost := func(n switchyard.Money, b switchyard.Basis, c switchyard.Charge) switchyard.Cost {
		return switchyard.Cost{Amount: n, Basis: b, Charge: c}
	}
	none := switchyard.Cost{Charge: switchyard.ChargeNone}
	book, possible := cost(3, switchyard.BasisBook, switchyard.ChargeSettled), cost(4, switchyard.BasisEstimate, switchyard.ChargePossible)
	unknown := cost(9, switchyard.BasisUnknown, switchyard.ChargeSettled)
	for _, tc := range []struct {
		name string
		in   []switchyard.Cost
		want switchyard.Cost
	}{
		{"nothing", nil, none},
		{"nothing, for certain", []switchyard.Cost{none, {}}, none},
		{"a failure and a success", []switchyard.Cost{none, book}, book},
		{"possible outlives settled", []switchyard.Cost{possible, book}, cost(7, switchyard.BasisEstimate, switchyard.ChargePossible)},
		{"in either order", []switchyard.Cost{book, possible}, cost(7, switchyard.BasisEstimate, switchyard.ChargePossible)},
		{"unknown swallows what is known", []switchyard.Cost{book, unknown}, cost(0, switchyard.BasisUnknown, switchyard.ChargeSettled)},
	} {
		if got := ledger.Sum(tc.in...); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", tc.name, got, tc.want)
		}
	}
}
