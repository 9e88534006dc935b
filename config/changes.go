package config

import "strings"

// Change is a setting that is not the same in two configs. Old and New are empty where it is not set.
type Change struct {
	Path string `json:"path"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Changes lists the settings that next has and old has not, or that they have differently, in the order of next; then
// those that only old has, in its order. Two secrets look the same: sameSecret reports whether the one at a path really
// is.
func Changes(old, next []Leaf, sameSecret func(path string) bool) []Change {
	was, is := map[string]Leaf{}, map[string]Leaf{}
	for _, l := range old {
		was[l.Path] = l
	}
	var out []Change
	for _, l := range next {
		is[l.Path] = l
		before, known := was[l.Path]
		if !known || before.Value != l.Value || l.mark != "" && !sameSecret(l.Path) {
			out = append(out, Change{l.Path, before.Value, l.Value})
		}
	}
	for _, l := range old {
		if _, still := is[l.Path]; !still {
			out = append(out, Change{l.Path, l.Value, ""})
		}
	}
	return out
}

// Within reports whether path is prefix, or below it.
func Within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
