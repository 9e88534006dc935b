package ledger_test

import (
	"reflect"
	"testing"

	"switchyard"
	"switchyard/ledger"
)

func TestWhatNobodyGoesOnWithMayHaveBeenCharged(t *testing.T) {
	price := func(n switchyard.Money, c switchyard.Charge) switchyard.Cost {
		return switchyard.Cost{Amount: n, Basis: switchyard.BasisEstimate, Charge: c}
	}
	settled := attempt("settled")
	settled.Outcome, settled.Cost, settled.Images = switchyard.OK, price(7, switchyard.ChargeSettled), 2
	open := attempt("open")
	open.Job = "job-1"
	lost := open
	lost.Outcome, lost.Stage, lost.Cost = switchyard.Lost, switchyard.Sent, price(25_000_000, switchyard.ChargePossible)
	for _, c := range []struct {
		name     string
		account  ledger.Account
		settles  []switchyard.Attempt
		complete switchyard.Generation
	}{
		{
			"it was under way",
			ledger.Account{Generation: switchyard.Generation{ID: "g"}, Attempts: []switchyard.Attempt{settled, open}},
			[]switchyard.Attempt{lost},
			switchyard.Generation{ID: "g", Outcome: switchyard.Lost, Attempts: 2, Delivered: 2, Cost: price(25_000_007, switchyard.ChargePossible)},
		},
		{
			"it had ended, and only its cost changes",
			ledger.Account{Generation: switchyard.Generation{ID: "g", Outcome: switchyard.OK, Delivered: 1, Attempts: 1}, Attempts: []switchyard.Attempt{settled, open}},
			[]switchyard.Attempt{lost},
			switchyard.Generation{ID: "g", Outcome: switchyard.OK, Attempts: 2, Delivered: 1, Cost: price(25_000_007, switchyard.ChargePossible)},
		},
		{
			"it had not begun",
			ledger.Account{Generation: switchyard.Generation{ID: "g"}},
			nil,
			switchyard.Generation{ID: "g", Outcome: switchyard.Lost, Cost: switchyard.Cost{Charge: switchyard.ChargeNone}},
		},
	} {
		var want []ledger.Record
		for _, a := range c.settles {
			want = append(want, ledger.SettleRecord(a))
		}
		if got := c.account.End(switchyard.Lost); !reflect.DeepEqual(got, append(want, ledger.EndRecord(c.complete))) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	whole := ledger.Account{Generation: switchyard.Generation{ID: "g", Outcome: switchyard.OK}, Attempts: []switchyard.Attempt{settled}}
	if got := append(whole.End(switchyard.Lost), ledger.Account{}.End(switchyard.Lost)...); got != nil {
		t.Errorf("of what has ended, or never was, there is %+v", got)
	}
}
