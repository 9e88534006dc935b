// Command bench measures Switchyard with everything on against a bare httputil.ReverseProxy, and nginx where there is
// one, on this machine, in one run: the subjects take turns, and what counts is the median of the rounds and the ratio
// to the baseline, since machines differ and drift.
//
//	go run ./bench [-short] [-only S1,S3] [-name Imagen] [-rounds 3]
//
// CPU time and memory are each process's own accounting (/proc), background work included. It needs Linux.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	short  bool
	only   []string
	name   string
	rounds int
}

// wants reports whether a scenario is to be run.
func (o options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }

func run(ctx context.Context) error {
	var o options
	only := flag.String("only", "", "scenarios to run, such as S1,S3; all if empty")
	flag.StringVar(&o.name, "name", "", "scenarios to run, by a part of their names")
	flag.BoolVar(&o.short, "short", false, "a tenth of the work, for a look at whether it all runs")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each subject takes its turn")
	flag.Parse()
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.short {
		o.rounds = 1
	}
	lab, err := openLab(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	fmt.Println(lab.machine())
	t := &table{}
	for _, s := range scenarios(o) {
		if !o.wants(s.group) || !strings.Contains(s.name, o.name) {
			continue
		}
		results, err := lab.measure(ctx, s, o.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		t.add(s, results)
	}
	if o.wants("S5") {
		if err := lab.idle(ctx, t); err != nil {
			return err
		}
	}
	if o.wants("S6") {
		if err := lab.router(ctx, t); err != nil {
			return err
		}
	}
	t.verdicts(os.Stdout)
	return nil
}
