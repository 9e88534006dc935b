package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"switchyard"
	"switchyard/config"
	"switchyard/dialect/all"
	"switchyard/router"
)

// checkCommand reads a config as serve would, and starts nothing.
type checkCommand struct {
	File string `arg:"" help:"The config file." default:"config.yaml"`
	JSON bool   `help:"For machines; faults are on standard output then, too."`

	Diff    bool   `help:"Say what a reload would change of the config in force of the running sidecar."`
	Against string `help:"Of another file instead, or of the sidecar whose admin side is there; implies --diff." placeholder:"FILE|HOST:PORT"`
	Token   string `help:"Admin token, if not the file's; also SWITCHYARD_ADMIN_TOKEN." placeholder:"TOKEN"`
}

// checked is what --json prints.
type checked struct {
	File      string         `json:"file"`
	OK        bool           `json:"ok"`
	Providers int            `json:"providers"`
	Targets   int            `json:"targets"`
	Routes    int            `json:"routes"`
	Warnings  []string       `json:"warnings"`
	Faults    []checkedFault `json:"faults"`
}

type checkedFault struct {
	Line    int    `json:"line"` // 0 if it has no place
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// Run prints every fault by file, line and column, and of a good file what is odd about it.
func (c *checkCommand) Run(e *env) error {
	text, err := (&source{name: c.File, asked: true}).read()
	if err != nil {
		return err
	}
	f, err := load(c.File, text, e.getenv)
	if err == nil {
		doc, _ := config.Parse(c.File, text, e.getenv)
		err = f.checkDisk(doc)
	}
	if err == nil && (c.Diff || c.Against != "") {
		return c.diff(e, f)
	}
	if c.JSON {
		return errors.Join(c.encode(e, f, err), err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s: ok: %d providers, %d targets, %d routes\n", c.File, len(f.Providers), len(f.Targets), len(f.Routes))
	for _, warning := range f.warnings(time.Now()) {
		_, failed := fmt.Fprintf(e.stdout, "%s: warning: %s\n", c.File, warning)
		err = errors.Join(err, failed)
	}
	return err
}

func (c *checkCommand) encode(e *env, f *file, err error) error {
	doc := checked{
		File: c.File, OK: err == nil, Providers: len(f.Providers), Targets: len(f.Targets), Routes: len(f.Routes),
		Warnings: append([]string{}, f.warnings(time.Now())...), Faults: []checkedFault{},
	}
	var faults config.Errors
	errors.As(err, &faults)
	for _, one := range faults {
		doc.Faults = append(doc.Faults, checkedFault{one.Pos.Line, one.Pos.Col, one.Path, one.Err.Error()})
	}
	return encodeJSON(e.stdout, doc)
}

// warnings are what may be meant, but most likely is not.
func (f *file) warnings(now time.Time) []string { return append(f.unreached(), f.dying(now)...) }

// unreached names the routes behind one that takes every request.
func (f *file) unreached() []string {
	first := slices.IndexFunc(f.Routes, func(r router.Route) bool { return r.When == "" })
	if first < 0 {
		return nil
	}
	var out []string
	for _, r := range f.Routes[first+1:] {
		out = append(out, fmt.Sprintf("route %q: no request gets here: %q before it has no when, and takes them all", r.Name, f.Routes[first].Name))
	}
	return out
}

// soon is how long before its end a model is spoken of.
const soon = 60 * 24 * time.Hour

// dying names the configured models that are dead, or die soon.
func (f *file) dying(now time.Time) []string {
	var out []string
	for _, e := range f.Targets {
		p := f.Providers.Find(e.Value.Provider)
		if p == nil {
			continue
		}
		if m := f.model(p.Dialect, e.Value.Model); m != nil && m.Life.DeadAt(now.Add(soon)) {
			out = append(out, fmt.Sprintf("target %q: model %s %s", e.Name, m.ID, lifeText(m.Life)))
		}
	}
	return out
}

// model is the row of a dialect's model, with the life that the file says; nil if there is none.
func (f *file) model(dialectName, id string) *switchyard.Model {
	d := all.Find(dialectName)
	if d == nil {
		return nil
	}
	return f.Models.over(d.Models()).Find(id)
}

// lifeText is a model's life in words.
func lifeText(l switchyard.Life) string {
	s := string(l.State)
	if !l.Until.IsZero() {
		s += map[switchyard.LifeState]string{switchyard.Dead: " since ", switchyard.Deprecated: ", ends "}[l.State] + l.Until.Format(time.DateOnly)
	}
	if l.Successor != "" {
		s += ", successor " + l.Successor
	}
	return s
}
