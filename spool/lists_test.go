package spool_test

import (
	"fmt"
	"strings"
	"testing"

	"switchyard/spool"
)

// TestNames: what documents lend each other is never to be seen in one of them: their members have their own names and
// values, however many there were before, and those of an object are no other's.
func TestNames(t *testing.T) {
	pool := newPool(t, 1<<20)
	for round := range 3 {
		for n := range 400 {
			name := fmt.Sprintf("k%d", n*7)
			text := fmt.Sprintf(`{%q:{"a":[%d,[],{"b":1}],"c":{}},"z%d":true}`, name, n, n)
			body, err := pool.ReadJSON(strings.NewReader(text), int64(len(text)), 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			v, err := spool.Scan(body)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(v.Raw(1 << 10)); got != text {
				t.Fatalf("round %d: %s became %s", round, text, got)
			}
			if i, ok := v.Get(name, "a").Items()[0].Int(); !ok || i != int64(n) {
				t.Fatalf("round %d: %s has %d", round, text, i)
			}
			_ = body.Close()
		}
	}
}
