// Command bench measures Switchyard with everything on against a bare httputil.ReverseProxy, and nginx and haproxy where
// they are installed, on this machine, in one run: the subjects take turns, and what counts is the median of the rounds
// and the ratio to the baseline, since machines differ and drift.
//
//	go run ./bench [-short] [-only S1,S3] [-name Imagen] [-rounds 3]
//	go run ./bench -long
//	go run ./bench -profiles docs/profiles
//
// CPU time and memory are each process's own accounting (/proc), background work included. It needs Linux.
//
// It fails if one of Switchyard's requests fails, or a figure is missing. A bar that is missed is printed, but it is no
// failure: figures depend on the machine, and on what else runs there.
package main

import (
	"context"
	"errors"
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
	run := measureAll
	o := parse()
	switch {
	case o.long:
		run = endure
	case o.profiles != "":
		run = profileAll
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags of the command line.
type options struct {
	short    bool
	long     bool
	profiles string
	only     []string
	name     string
	rounds   int
}

func parse() options {
	var o options
	only := flag.String("only", "", "groups to run, such as S1,S3; all if empty")
	flag.StringVar(&o.name, "name", "", "scenarios to run, by a part of their names")
	flag.BoolVar(&o.short, "short", false, "a twentieth of the work, for whether it all runs; nothing is judged")
	flag.BoolVar(&o.long, "long", false, "instead of all that: a minute of 100 callers, in 128 MiB")
	flag.StringVar(&o.profiles, "profiles", "", "instead of all that: write to files in this folder what processor time and memory are spent on")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each subject takes its turn")
	flag.Parse()
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	if o.short {
		o.rounds = 1
	}
	return o
}

// wants reports whether a scenario of a group is to be run.
func (o options) wants(group, name string) bool {
	return (len(o.only) == 0 || slices.Contains(o.only, group)) && strings.Contains(name, o.name)
}

// times returns the number of requests in a turn that has total in a full run.
func (o options) times(total int) int {
	if o.short {
		return max(total/20, 4)
	}
	return total
}

// measureAll measures S1 to S6.
func measureAll(ctx context.Context, o options) error {
	lab, err := openLab(ctx)
	if err != nil {
		return err
	}
	defer lab.close()
	disk, err := measureDisk(lab.dir, o)
	if err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	fmt.Printf("%s\n%s\n", thisMachine(), disk)
	t := &table{judges: !o.short}
	for _, s := range scenarios(o, disk) {
		if !o.wants(s.group, s.name) {
			continue
		}
		results, err := lab.measure(ctx, s, o.rounds)
		if err == nil {
			err = t.add(s, results)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.title(), err)
		}
	}
	if o.wants("S5", "idle") {
		err = lab.idle(ctx, t)
	}
	if o.wants("S6", "router") {
		err = errors.Join(err, decisions(t))
	}
	t.verdicts(os.Stdout)
	return err
}
