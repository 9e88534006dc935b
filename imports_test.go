package switchyard_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// floors are the storeys of the house: a package imports only from storeys below its own, never its neighbours.
// What it needs of a neighbour it names in a small interface of its own, and the command wires the two.
var floors = map[string]int{
	"cmd/switchyard": 7,
	"tracing":        6, // what proxy and attempt tell, as spans
	"proxy":          5,
	"admin":          5,
	"dialect/all":    5, // the list of dialects
	"attempt":        4,
	"backtest":       4,
	"dialect/vertex": 4, // dialect/gemini at other addresses
	"router":         3, "router/evidence": 3, "breaker": 3, "limit": 3, "cache": 3, "ticket": 3, "ticket/hook": 3, "asset": 3, "ledger": 3, "alert": 3,
	"dialect/openai": 3, "dialect/gemini": 3, "dialect/fal": 3, "dialect/replicate": 3,
	"dialect": 2,
	"config":  1, "rule": 1, "fetch": 1, "spool": 1, "migrate": 1, "durable": 1,
	"": 0,
}

// apart are packages that stand beside the house, with all that they may import of it.
var apart = map[string][]string{
	"sim":                      {""}, // else a dialect's mistake would be made twice
	"ledger/sqlite":            {"", "ledger", "ledger/internal/sqlstore", "migrate"},
	"ledger/postgres":          {"", "ledger", "ledger/internal/sqlstore", "migrate"},
	"ledger/internal/sqlstore": {"", "ledger"}, // what databases share
	"ledger/ledgertest":        {"", "ledger"}, // holds them to the same promises
	"dialect/dialecttest":      {"", "dialect", "spool"},
}

func TestImports(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		from := path.Dir(filepath.ToSlash(file))
		if from == "." {
			from = ""
		}
		for _, spec := range f.Imports {
			to, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), "switchyard")
			if !ours {
				continue
			}
			seen++
			if to = strings.TrimPrefix(to, "/"); !allowed(from, to) {
				t.Errorf("%s imports %q, which is not below it", file, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d imports were looked at: the test does not see the house", seen)
	}
}

func allowed(from, to string) bool {
	if list, ok := apart[from]; ok {
		for _, may := range list {
			if may == to {
				return true
			}
		}
		return false
	}
	if strings.HasPrefix(from, "bench") || strings.HasPrefix(from, "e2e") {
		return true
	}
	up, known := floors[from]
	down, ok := floors[to]
	if from == "cmd/switchyard" {
		return true
	}
	return known && ok && down < up
}

// TestImportsForbid shows that the rule can fail.
func TestImportsForbid(t *testing.T) {
	for _, pair := range [][2]string{{"router", "breaker"}, {"spool", "dialect"}, {"sim", "spool"}, {"proxy", "admin"}, {"dialect/fal", "dialect/openai"}, {"", "spool"}} {
		if allowed(pair[0], pair[1]) {
			t.Errorf("%q may import %q", pair[0], pair[1])
		}
	}
}
