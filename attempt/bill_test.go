package attempt_test

import (
	"net/http"
	"testing"

	"switchyard"
	"switchyard/dialect"
)

// counting is plain, of a provider that withholds each picture and counts a million tokens for it.
type counting struct{ plain }

func (counting) Decode(*dialect.Exchange) (dialect.Step, error) {
	return dialect.Step{}, &switchyard.Error{Outcome: switchyard.Filtered, Usage: &switchyard.Usage{ImageOut: 1e6}}
}

// TestFilteredByTokens: what was made and withheld is paid for by the provider's count, an edit by the price of edits.
func TestFilteredByTokens(t *testing.T) {
	const cent = switchyard.Dollar / 100
	tokens := func(m switchyard.Money) *switchyard.TokenPrice { return &switchyard.TokenPrice{ImageOut: m} }
	for name, c := range map[string]struct {
		references []switchyard.Reference
		want       switchyard.Money
	}{
		"a picture": {nil, cent},
		"an edit":   {[]switchyard.Reference{{}}, 3 * cent},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(http.ResponseWriter, *http.Request) {})
			b.runner.Dialects["plain"] = counting{}
			req := &switchyard.Request{Images: 1, References: c.references}
			at := b.target("a", 1, req)
			at.Target.Price = &switchyard.Price{Tokens: tokens(cent), Edit: &switchyard.Price{Tokens: tokens(3 * cent)}}
			_, report, _ := b.run(req, at)
			if got, want := report.Attempts[0].Cost, (switchyard.Cost{Amount: c.want, Basis: switchyard.BasisReported, Charge: switchyard.ChargeSettled}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}
