package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"switchyard/breaker"
	"switchyard/config"
)

// placeArgs name what a kill is about.
type placeArgs struct {
	Scope breaker.Scope `arg:"" enum:"provider,target,route,all" help:"What to act on: provider, target, route, or all."`
	Name  string        `arg:"" optional:"" help:"Its name in the config; none for all."`
}

// check refuses what no sidecar would take.
func (p placeArgs) check() error {
	switch {
	case p.Scope == breaker.All && p.Name != "":
		return usageError{errors.New("all takes no name")}
	case p.Scope != breaker.All && p.Name == "":
		return usageError{fmt.Errorf("which %s? A name is missing", p.Scope)}
	}
	return nil
}

func (p placeArgs) String() string {
	if p.Scope == breaker.All {
		return "everything"
	}
	return fmt.Sprintf("%s %q", p.Scope, p.Name)
}

// killCommand stops a thing in a running sidecar, at once and until it is revived.
type killCommand struct {
	placeArgs
	Reason string   `help:"Why, for whoever comes after you." placeholder:"TEXT"`
	For    holdTime `help:"Lift it again after this time." placeholder:"30m"`
	Abort  bool     `help:"Cut requests in flight, too; they are booked as possibly charged."`
	Bypass bool     `help:"With all: do not stop, but hand each request to its app's own provider, past all rules."`
	JSON   bool     `help:"For machines."`
	operatorFlags
}

// holdTime is a flag's span of time, written as in config files; 0 if it was not given.
type holdTime time.Duration

// Decode reads it, whatever it begins with: else -5m would be taken for a flag.
func (h *holdTime) Decode(ctx *kong.DecodeContext) error {
	text := ""
	if token := ctx.Scan.Pop(); !token.IsEOL() {
		text = token.String()
	}
	d, err := config.ParseDuration(text)
	if err != nil || d == 0 {
		return fmt.Errorf("want a time such as 30m, 36h or 7d, got %q", text)
	}
	*h = holdTime(d)
	return nil
}

// killOrder is the body of POST /api/kill.
type killOrder struct {
	Scope  breaker.Scope `json:"scope"`
	Name   string        `json:"name"`
	Reason string        `json:"reason"`
	For    string        `json:"for"`
	Abort  bool          `json:"abort"`
	Bypass bool          `json:"bypass"`
}

// Run gives the order, and says what is in force now.
func (c *killCommand) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	k := breaker.Kill{Scope: c.Scope, Name: c.Name, Abort: c.Abort, Bypass: c.Bypass}
	if err := k.Validate(); err != nil {
		return usageError{err}
	}
	order := killOrder{Scope: c.Scope, Name: c.Name, Reason: c.Reason, Abort: c.Abort, Bypass: c.Bypass}
	if c.For > 0 {
		order.For = time.Duration(c.For).String()
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	o, err := c.operator(e)
	if err != nil {
		return err
	}
	text, err := o.call(http.MethodPost, "/api/kill", body)
	if err != nil {
		return err
	}
	return c.tell(e, text)
}

// tell prints what the sidecar did.
func (c *killCommand) tell(e *env, text []byte) error {
	if c.JSON {
		return printJSON(e.stdout, text)
	}
	var done struct {
		Kill    breaker.Kill
		Warning string
	}
	if err := json.Unmarshal(text, &done); err != nil {
		return fmt.Errorf("the answer is not understood: %w", err)
	}
	what := "stopped"
	if done.Kill.Bypass {
		what = "bypassed"
	}
	until := "until somebody revives it"
	if !done.Kill.Until.IsZero() {
		until = "until " + done.Kill.Until.Local().Format(dayLayout)
	}
	fmt.Fprintf(e.stdout, "%s: %s, %s\n", what, c.placeArgs, until)
	warn(e, done.Warning)
	return nil
}

func warn(e *env, text string) {
	if text != "" {
		fmt.Fprintln(e.stderr, "switchyard: warning:", text)
	}
}

// reviveCommand takes a kill back.
type reviveCommand struct {
	placeArgs
	JSON bool `help:"For machines."`
	operatorFlags
}

// Run gives the order; that there is nothing to revive is an error.
func (c *reviveCommand) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	o, err := c.operator(e)
	if err != nil {
		return err
	}
	name := c.Name
	if c.Scope == breaker.All {
		name = string(breaker.All)
	}
	text, err := o.call(http.MethodDelete, "/api/kill/"+string(c.Scope)+"/"+url.PathEscape(name), nil)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, text)
	}
	var done struct {
		Still   []breaker.Kill
		Warning string
	}
	if err := json.Unmarshal(text, &done); err != nil {
		return fmt.Errorf("the answer is not understood: %w", err)
	}
	fmt.Fprintln(e.stdout, "revived:", c.placeArgs)
	if len(done.Still) > 0 { // whoever revives everything lifts the stop of everything, and not those of one thing each
		fmt.Fprintln(e.stdout, "still stopped:", places(done.Still))
	}
	warn(e, done.Warning)
	return nil
}

func places(kills []breaker.Kill) string {
	var names []string
	for _, k := range kills {
		name := placeArgs{k.Scope, k.Name}.String()
		if k.Bypass {
			name += ", bypassed"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}
