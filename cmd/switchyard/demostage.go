package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// stage shows the demo to people: a bar that fills on a terminal, a line an act elsewhere.
type stage struct {
	out   io.Writer
	quiet bool

	mu sync.Mutex // guards out while the app's workers report
}

// live reports whether lines can be drawn over.
func (s *stage) live() bool { return isTerminal(s.out) }

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s *stage) begin(title string) {
	if !s.quiet {
		fmt.Fprintf(s.out, "\n%s\n", title)
	}
}

func (s *stage) progress(done, failed int) {
	if s.quiet || !s.live() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "\r  [%s%s] %d/%d", strings.Repeat("█", done), strings.Repeat("░", len(prompts)-done), done, len(prompts))
	if failed > 0 {
		fmt.Fprintf(s.out, "  %d failed", failed)
	}
}

func (s *stage) end(a act) {
	if s.quiet {
		return
	}
	if s.live() {
		fmt.Fprint(s.out, "\r\033[K")
	}
	fmt.Fprintf(s.out, "  %d of %d pictures in %.0f s, %s\n", a.Images, len(prompts), a.Seconds, a.CostUSD.InDollars())
}

// table is the three acts side by side.
func (s *stage) table(all acts, folder string) {
	w := tabwriter.NewWriter(s.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\n\tpictures\tfailed\ttime\tfaster\tcost\tmade by")
	for _, row := range []struct {
		name string
		act  act
	}{{"Imagen alone", all.Before}, {"through Switchyard", all.After}, {"Imagen switched off", all.Retired}} {
		a := row.act
		var by []string
		for _, name := range slices.Sorted(maps.Keys(a.Providers)) {
			by = append(by, fmt.Sprintf("%s %d", name, a.Providers[name]))
		}
		fmt.Fprintf(w, "%s\t%d/%d\t%d\t%.0f s\t%.1f ×\t%s\t%s\n", row.name, a.Images, len(prompts), a.Failed, a.Seconds,
			all.Before.Seconds/max(a.Seconds, 0.1), a.CostUSD.InDollars(), strings.Join(by, ", "))
	}
	_ = w.Flush()
	fmt.Fprintf(s.out, "\nTimes are simulated seconds. The pictures are in %s.\n", folder)
}
