package e2e

import (
	"net/http"
	"strings"
	"testing"

	"switchyard/sim"
)

// bill is what a provider charged for one prompt. Tests share providers, and are told apart by their prompts.
type bill struct{ charges, images int }

func billed(p *sim.Provider, prompt string) bill {
	var b bill
	for _, c := range p.Bill() {
		if c.Prompt == mark(prompt) {
			b.charges++
			b.images += c.Images
		}
	}
	return b
}

// asked is how often a provider was asked for a picture of that prompt.
func asked(p *sim.Provider, prompt string) int {
	n := 0
	for _, c := range p.Calls() {
		if c.Prompt == prompt && c.Method == http.MethodPost {
			n++
		}
	}
	return n
}

// checkBill wants the picture paid for once, by p and nobody else.
func checkBill(t *testing.T, w *sim.World, p *sim.Provider, prompt string, want bill) {
	t.Helper()
	for _, other := range w.Providers() {
		switch got := billed(other, prompt); {
		case other == p && got != want:
			t.Errorf("%s billed %+v, want %+v", p.Name, got, want)
		case other != p && got.charges > 0:
			t.Errorf("%s billed %+v too", other.Name, got)
		}
	}
	if n := asked(p, prompt); n != want.charges {
		t.Errorf("%s was asked %d times, want %d", p.Name, n, want.charges)
	}
	for _, c := range p.Calls() {
		if c.Prompt == prompt && len(c.Ignored) > 0 {
			t.Errorf("%s got fields that it does not know: %q", p.Name, c.Ignored)
		}
	}
}

// checkKeys wants no key where it does not belong: neither another provider's nor one that is for Switchyard alone.
func checkKeys(t *testing.T, w *sim.World, secrets ...string) {
	t.Helper()
	for _, p := range w.Providers() {
		for _, c := range p.Calls() {
			sent := c.Query
			for _, values := range c.Header {
				sent += "\n" + strings.Join(values, "\n")
			}
			for _, other := range w.Providers() {
				if other != p && strings.Contains(sent, other.Key()) {
					t.Errorf("%s got the key of %s: %s %s", p.Name, other.Name, c.Method, c.Path)
				}
			}
			for _, secret := range secrets {
				if strings.Contains(sent, secret) {
					t.Errorf("%s got %q: %s %s", p.Name, secret, c.Method, c.Path)
				}
			}
		}
	}
}
