package ledger

import "switchyard"

// Sum returns what attempts cost together. If one of them may have cost an amount that nobody knows, the basis of the
// sum is unknown; if one of them was only possibly charged, so is the sum. Costs that are known to be nothing do not
// count.
func Sum(costs ...switchyard.Cost) switchyard.Cost {
	total := switchyard.Cost{Charge: switchyard.ChargeNone}
	for _, c := range costs {
		if c.Charge == switchyard.ChargeNone || c.Charge == "" && c.Amount == 0 && c.Basis == "" {
			continue
		}
		total.Amount += c.Amount
		total.Basis = weaker(total.Basis, c.Basis)
		if total.Charge != switchyard.ChargePossible {
			total.Charge = c.Charge
		}
	}
	if total.Basis == switchyard.BasisUnknown {
		total.Amount = 0 // a part of a sum must not be taken for the whole
	}
	return total
}

// certainty orders the bases; a sum is as sure as its weakest part.
var certainty = map[switchyard.Basis]int{
	"":                       0,
	switchyard.BasisCached:   1,
	switchyard.BasisReported: 2,
	switchyard.BasisBook:     3,
	switchyard.BasisEstimate: 4,
	switchyard.BasisUnknown:  5,
}

func weaker(a, b switchyard.Basis) switchyard.Basis {
	if certainty[b] > certainty[a] {
		return b
	}
	return a
}
