package ledger_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"switchyard"
	"switchyard/ledger"
)

// keeper is a Store that keeps the records themselves.
type keeper struct {
	*memory
	records []ledger.Record
}

func (k *keeper) Apply(ctx context.Context, b ledger.Batch) error {
	k.records = append(k.records, b.Records...)
	return k.memory.Apply(ctx, b)
}

// What is read from a file is what was written, field by field, whatever is in them.
func TestRecordsComeBackWhole(t *testing.T) {
	g, a := whole()
	for _, v := range []reflect.Value{reflect.ValueOf(g), reflect.ValueOf(a), reflect.ValueOf(a.Cost)} {
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() && name != "Err" { // which is for logs alone
				t.Fatalf("%v has nothing in %s", v.Type(), name)
			}
		}
	}
	want := []ledger.Record{
		ledger.BeginRecord(g), ledger.OpenRecord(a), ledger.HoldRecord(a), ledger.SettleRecord(a), ledger.EndRecord(g),
		ledger.BeginRecord(switchyard.Generation{}), ledger.OpenRecord(switchyard.Attempt{}),
	}
	dir := t.TempDir()
	j := openJournal(t, dir)
	if err := errors.Join(j.Append(t.Context(), want...), j.Close()); err != nil {
		t.Fatal(err)
	}
	again, k := openJournal(t, dir), &keeper{memory: newMemory()}
	applier, stop := run(t, again, k)
	flush(t, applier)
	if err := errors.Join(stop(), again.Close()); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Epoch, want[i].Index = j.Epoch(), uint64(i+1)
	}
	if !reflect.DeepEqual(k.records, want) {
		t.Errorf("got  %+v\nwant %+v", k.records, want)
	}
}

// Appending allocates what tells its caller the outcome, and the argument itself; no more for a longer record.
func TestAppendAllocatesLittle(t *testing.T) {
	j := openJournal(t, t.TempDir())
	g, a := whole()
	g.RequestID, g.Tenant, g.Key, g.Model, g.Labels["23"] = "2", "3", "4", "8", "24" // what JSON must escape is left to encoding/json
	for name, do := range map[string]func() error{
		"append": func() error { return j.Append(t.Context(), ledger.SettleRecord(a), ledger.EndRecord(g)) },
		"write": func() error {
			_, err := j.Write(t.Context(), ledger.SettleRecord(a), ledger.EndRecord(g))
			return err
		},
	} {
		got := testing.AllocsPerRun(1000, func() {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		})
		if got > 4 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
