package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// unknownKey returns an error for an unknown key, with what was probably meant.
func unknownKey(name string, known map[string]reflect.Value) error {
	return fmt.Errorf("unknown key %q%s", name, Suggest(name, slices.Collect(maps.Keys(known))))
}

// Suggest returns `; did you mean "x"?` for the x of known that name was probably meant to be; empty if there is
// none.
func Suggest(name string, known []string) string {
	best, least := "", max(len(name)/3, 1)+1
	for _, k := range slices.Sorted(slices.Values(known)) {
		if n := distance(name, k); n < least {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// Which returns what was probably meant, as Suggest does, or else which names there are.
func Which(name string, known []string) string { return cmp.Or(Suggest(name, known), List(known)) }

// MostListed is how many names people read through.
const MostListed = 20

// List returns "; there are: " with the names, of many only the first.
func List(names []string) string {
	if more := len(names) - MostListed; more > 0 {
		return fmt.Sprintf("; there are: %s and %d more", strings.Join(names[:MostListed], ", "), more)
	}
	return "; there are: " + strings.Join(names, ", ")
}

// distance returns how many letters must be put in, left out, changed or swapped with their neighbour to turn a into
// b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b)) // too long to be a slip, and slow to compare
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
