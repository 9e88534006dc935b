package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"switchyard"
	"switchyard/ledger"
)

// history fills the ledger with a day as it may have been: traffic by the hour, and an hour in which fal fell over.
func (k *kit) history(now time.Time) {
	k.Helper()
	dice := rand.New(rand.NewPCG(23, 1))
	id := func() string { return fmt.Sprintf("%016x%016x", dice.Uint64(), dice.Uint64()) }
	var records []ledger.Record
	for ago := 24 * time.Hour; ago > time.Minute; ago -= time.Duration(40+dice.IntN(160)) * time.Second {
		started := now.Add(-ago)
		quiet := 0.5 - 0.45*math.Cos(float64(started.UTC().Hour())/24*2*math.Pi)
		if dice.Float64() > quiet+0.15 {
			continue
		}
		g := switchyard.Generation{
			ID: id(), Kind: "generation", Dialect: "openai", Path: openaiPath, Model: "gpt-image-1-mini", Route: []string{"pro", "everybody"}[dice.IntN(2)],
			Started: started, Outcome: switchyard.OK, Asked: 1, Delivered: 1, Fidelity: "exact",
		}
		at := started.Add(4 * time.Millisecond)
		fails := dice.Float64() < 0.01 || ago < 3*time.Hour && ago > 100*time.Minute && dice.Float64() < 0.6
		try := func(target, provider string, o switchyard.Outcome, price switchyard.Money) {
			a := switchyard.Attempt{
				ID: id(), Generation: g.ID, Number: g.Attempts + 1, Target: target, Provider: provider, Model: "m", Started: at, Stage: switchyard.Answered,
				Latency: time.Duration(2200+dice.IntN(4200)) * time.Millisecond, Outcome: o, Status: 200, Images: 1,
				Cost: switchyard.Cost{Amount: price, Basis: switchyard.BasisBook, Charge: switchyard.ChargeSettled},
			}
			if o != switchyard.OK {
				a.Status, a.Images, a.Latency = 503, 0, time.Duration(300+dice.IntN(900))*time.Millisecond
				a.Cost = switchyard.Cost{Charge: switchyard.ChargeNone}
			}
			if o == switchyard.Timeout {
				a.Status, a.Cost = 0, switchyard.Cost{Amount: price, Basis: switchyard.BasisEstimate, Charge: switchyard.ChargePossible}
			}
			g.Attempts++
			at = at.Add(a.Latency)
			g.Cost = ledger.Sum(g.Cost, a.Cost)
			g.Target, g.Provider, g.Outcome = target, provider, o
			records = append(records, ledger.OpenRecord(a), ledger.SettleRecord(a))
		}
		if g.Route == "everybody" {
			o := switchyard.OK
			if fails {
				o = []switchyard.Outcome{switchyard.Overloaded, switchyard.Overloaded, switchyard.Timeout}[dice.IntN(3)]
			}
			try("flux", "fal", o, switchyard.Dollar*25/1000)
		}
		if g.Attempts == 0 || g.Outcome != switchyard.OK {
			try("nano", "google", switchyard.OK, switchyard.Dollar*39/1000)
		}
		g.Latency = at.Sub(started)
		records = append(records, ledger.BeginRecord(g), ledger.EndRecord(g))
	}
	if err := k.side.store.Apply(context.Background(), ledger.Batch{Journal: "history", Last: uint64(len(records)), Records: records}); err != nil {
		k.Fatal(err)
	}
}
