package all_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchyard"
	"switchyard/dialect/all"
	"switchyard/router"
)

// priced is a row of testdata/prices.psv.
type priced struct {
	row      *switchyard.Model
	work     switchyard.Work
	charge   switchyard.Cost
	estimate string // dollars, unknown, or - where there is none
}

// TestPrices holds the price book, and what applies it, against figures worked out from what the providers publish.
func TestPrices(t *testing.T) {
	lines := pricedLines(t)
	if len(lines) < 40 {
		t.Fatalf("only %d cases", len(lines))
	}
	for i, line := range lines {
		t.Run(fmt.Sprint(i+1, " ", line[0]), func(t *testing.T) {
			p, err := parsePriced(line)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.row.Price.Charge(p.work.Assume(p.row)); got != p.charge {
				t.Errorf("costs %s (%s), want %s (%s): %s", got.Amount, got.Basis, p.charge.Amount, p.charge.Basis, line[10])
			}
			target := &switchyard.Target{Row: p.row, Price: p.row.Price}
			got := router.Candidate{Target: target}.Estimate(p.request())
			text := got.Amount.String()
			if got.Basis == switchyard.BasisUnknown {
				text = "unknown"
			}
			if p.estimate != "-" && text != p.estimate {
				t.Errorf("is estimated at %s, want %s: %s", text, p.estimate, line[10])
			}
		})
	}
}

// TestPricesSourced: whoever gives a price says where it is from, and when; what has none says so in the table above.
func TestPricesSourced(t *testing.T) {
	for _, d := range all.Dialects() {
		for _, m := range d.Models().Rows() {
			if err := m.Price.Validate(); err != nil {
				t.Errorf("%s: %v", m.ID, err)
			}
			if _, err := time.Parse(time.DateOnly, m.Date); err != nil || m.Source == "" {
				t.Errorf("%s: source %q, date %q", m.ID, m.Source, m.Date)
			}
		}
	}
}

// request is what asks for the work.
func (p *priced) request() *switchyard.Request {
	req := &switchyard.Request{Images: len(p.work.Sizes), Quality: p.work.Quality, Resolution: p.work.Resolution}
	if len(p.work.Sizes) > 0 {
		req.Size = p.work.Sizes[0]
	}
	for i := range p.work.References {
		req.References = append(req.References, switchyard.Reference{Image: switchyard.Image{Size: p.work.Inputs[i]}})
	}
	return req
}

func pricedLines(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/prices.psv")
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(string(text)))
	r.Comma, r.Comment, r.LazyQuotes = '|', '#', true
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		for i := range line {
			line[i] = strings.TrimSpace(line[i])
		}
	}
	return lines[1:]
}

func parsePriced(line []string) (*priced, error) {
	p := &priced{estimate: line[9], work: switchyard.Work{Resolution: line[2], Quality: line[3]}}
	for _, d := range all.Dialects() {
		if m := d.Models().Find(line[0]); m != nil {
			p.row = m
		}
	}
	if p.row == nil {
		return nil, fmt.Errorf("no model %q", line[0])
	}
	n, err := strconv.Atoi(line[4])
	if err != nil {
		return nil, err
	}
	for range n {
		p.work.Sizes = append(p.work.Sizes, sizeOf(line[1]))
	}
	for s := range strings.SplitSeq(line[5], "+") {
		if s != "" {
			p.work.Inputs = append(p.work.Inputs, sizeOf(s))
			p.work.References++
		}
	}
	if err := p.report(line[6]); err != nil {
		return nil, err
	}
	p.charge = switchyard.Cost{Basis: switchyard.Basis(line[8]), Charge: switchyard.ChargeSettled}
	if line[7] != "" {
		p.charge.Amount, err = switchyard.ParseMoney(line[7])
	}
	return p, err
}

// sizeOf is the zero Size for what is none.
func sizeOf(s string) switchyard.Size {
	size, err := switchyard.ParseSize(s)
	if err != nil {
		return switchyard.Size{}
	}
	return size
}

// report reads what the provider says: "12.5s", or its tokens.
func (p *priced) report(s string) (err error) {
	if !strings.Contains(s, "=") {
		if s != "" {
			p.work.Compute, err = time.ParseDuration(s)
		}
		return err
	}
	u := &switchyard.Usage{}
	p.work.Usage = u
	fields := map[string]*int64{"text_in": &u.TextIn, "image_in": &u.ImageIn, "text_out": &u.TextOut, "image_out": &u.ImageOut}
	for word := range strings.FieldsSeq(s) {
		name, number, _ := strings.Cut(word, "=")
		if fields[name] == nil {
			return fmt.Errorf("no tokens %q", name)
		}
		if *fields[name], err = strconv.ParseInt(number, 10, 64); err != nil {
			return err
		}
	}
	return nil
}
