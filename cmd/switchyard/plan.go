package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"switchyard"
	"switchyard/proxy"
	"switchyard/router"
	"switchyard/spool"
)

// planCommand makes the plan of a request in a file, as a sidecar that has just started with the config would.
type planCommand struct {
	File   string   `arg:"" help:"The body of the request; - for standard input."`
	Config string   `help:"The config file; ./config.yaml if there is one, else the defaults." placeholder:"FILE"`
	Path   string   `help:"Where the app would send it, with a query if it has one." default:"/v1/images/generations"`
	Header []string `short:"H" sep:"none" help:"A header of the request; may be given more than once." placeholder:"'NAME: VALUE'"`
	Key    string   `help:"Name of the virtual key that the app would use." placeholder:"NAME"`
	Times  int      `help:"So many of such requests; adds what they would cost together." default:"1"`
	JSON   bool     `help:"For machines."`
}

// planned is a plan with what the requests would cost together.
type planned struct {
	proxy.PlanDoc
	Times  int             `json:"times"`
	Totals []plannedTotals `json:"totals"` // in the order of targets
}

type plannedTotals struct {
	Target string       `json:"target"`
	Cost   *json.Number `json:"estimate_usd"` // null if the price is not known
}

// Run prints the plan. That nobody would serve the request is an error.
func (c *planCommand) Run(e *env) error {
	if c.Times < 1 {
		return usageError{fmt.Errorf("--times: want 1 or more, got %d", c.Times)}
	}
	f, err := loadConfig(e, c.Config)
	if err != nil {
		return err
	}
	doc, err := c.plan(f)
	if err != nil {
		return err
	}
	p, err := c.sum(doc)
	if err != nil {
		return err
	}
	if c.JSON {
		err = encodeJSON(e.stdout, p)
	} else {
		err = p.print(e.stdout)
	}
	if err == nil && len(doc.Targets) == 0 {
		err = errors.New("nobody would serve it")
	}
	return err
}

// plan has the config built and asked.
func (c *planCommand) plan(f *file) (proxy.PlanDoc, error) {
	snap, err := f.snapshot(router.Config{})
	if err != nil {
		return proxy.PlanDoc{}, err
	}
	r, err := c.request()
	if err != nil {
		return proxy.PlanDoc{}, err
	}
	key, err := f.planKey(c.Key)
	if err != nil {
		return proxy.PlanDoc{}, err
	}
	dir, err := os.MkdirTemp("", "switchyard-plan-")
	if err != nil {
		return proxy.PlanDoc{}, err
	}
	defer os.RemoveAll(dir)
	pool, err := spool.New(spool.Config{Memory: int64(f.Server.Memory), Dir: dir})
	if err != nil {
		return proxy.PlanDoc{}, err
	}
	doc, err := snap.DryRun(r, key, pool)
	if err != nil {
		return doc, fmt.Errorf("as a request to %s (--path): %w", c.Path, err)
	}
	return doc, nil
}

// request is what the app would send.
func (c *planCommand) request() (*http.Request, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	u, err := url.ParseRequestURI(c.Path)
	if err != nil || u.Host != "" {
		return nil, usageError{fmt.Errorf("--path: want a path such as /v1/images/generations, got %q", c.Path)}
	}
	r := &http.Request{
		Method: http.MethodPost, URL: u, Host: "localhost", Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError{fmt.Errorf("-H: want 'NAME: VALUE', got %q", h)}
		}
		r.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return r, nil
}

func (c *planCommand) body() ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(filepath.Clean(c.File))
}

// planKey is the virtual key of a name. Its secret may be missing: nobody is let in by it here.
func (f *file) planKey(name string) (*proxy.Key, error) {
	var names []string
	for _, k := range f.Keys {
		if k.Name == name {
			return k.virtual(), nil
		}
		names = append(names, k.Name)
	}
	switch {
	case name != "" && len(names) == 0:
		return nil, usageError{fmt.Errorf("--key: the config has no key %q: it has none at all", name)}
	case name != "":
		return nil, usageError{fmt.Errorf("--key: the config has no key %q; it has: %s", name, strings.Join(names, ", "))}
	case len(names) > 0:
		return nil, usageError{fmt.Errorf("--key: the config takes nobody without a key; it has: %s", strings.Join(names, ", "))}
	}
	return nil, nil //nolint:nilnil // without keys there is none
}

// sum multiplies the estimates.
func (c *planCommand) sum(doc proxy.PlanDoc) (*planned, error) {
	p := &planned{PlanDoc: doc, Times: c.Times, Totals: []plannedTotals{}}
	for _, t := range doc.Targets {
		total := plannedTotals{Target: t.Target}
		if t.Estimate != nil {
			one, err := switchyard.ParseMoney(t.Estimate.String())
			if err != nil {
				return nil, err
			}
			total.Cost = new(json.Number(one.Times(int64(c.Times), 1).String()))
		}
		p.Totals = append(p.Totals, total)
	}
	return p, nil
}

// print is the plan for people.
func (p *planned) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "route %s, picked by %s", p.Route, p.Pick)
	if p.Variant != "" {
		fmt.Fprintf(w, ", variant %s", p.Variant)
	}
	fmt.Fprintln(w)
	if len(p.Targets) > 0 {
		head := "\n\tTARGET\tPROVIDER\tMODEL\tCALLS\tESTIMATE"
		if p.Times > 1 {
			head += fmt.Sprintf("\tTIMES %d", p.Times)
		}
		fmt.Fprintln(w, head+"\tFIDELITY\tWHY")
	}
	for i, t := range p.Targets {
		cells := []string{fmt.Sprint(i+1) + ".", t.Target, t.Provider, t.Model, fmt.Sprint(t.Calls), estimated(t.Estimate)}
		if p.Times > 1 {
			cells = append(cells, estimated(p.Totals[i].Cost))
		}
		fmt.Fprintln(w, strings.Join(append(cells, t.Fidelity, t.Reason), "\t"))
	}
	if len(p.Passed) > 0 {
		fmt.Fprintln(w, "\npassed over:")
	}
	for _, t := range p.Passed {
		fmt.Fprintf(w, "\t%s\t%s\n", t.Target, t.Reason)
	}
	for _, text := range p.Errors {
		fmt.Fprintln(w, "\nerror:", text)
	}
	return w.Flush()
}

func estimated(usd *json.Number) string {
	if usd == nil {
		return unknown
	}
	return inDollars(*usd)
}

// inDollars is an amount that was written for machines, for people.
func inDollars(usd json.Number) string {
	m, err := switchyard.ParseMoney(usd.String())
	if err != nil {
		return "$" + usd.String()
	}
	return m.InDollars()
}
