package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"

	"switchyard/config"
	"switchyard/sim"
)

// simCommand runs the simulated providers for whoever wants to try something against them.
type simCommand struct {
	Speed  float64           `help:"Divides simulated latencies; 0: answers at once." default:"10"`
	Imagen bool              `help:"Imagen answers, as before its end."`
	Listen map[string]string `help:"Fixed addresses: name=host:port." placeholder:"NAME=ADDR"`
	JSON   bool              `help:"Print the addresses for machines."`
}

// Run serves until it is interrupted.
func (c *simCommand) Run(e *env) error {
	for name := range c.Listen {
		if !slices.Contains(sim.SiteNames(), name) {
			return usageError{fmt.Errorf("--listen: there is no %q%s", name, config.Which(name, sim.SiteNames()))}
		}
	}
	w, err := sim.Start(sim.Config{Speed: c.Speed, Imagen: c.Imagen, Addrs: c.Listen, Behaviors: sim.Typical()})
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	addresses := map[string]string{
		"google": w.Google.URL, "vertex": w.Google.CloudURL, "openai": w.OpenAI.URL, "replicate": w.Replicate.URL,
		"fal": w.Fal.URL, "fal-queue": w.Fal.QueueURL, "fal-rest": w.Fal.RestURL,
		"fal-cdn": w.FalCDN.URL, "replicate-delivery": w.ReplicateDelivery.URL,
	}
	if c.JSON {
		if err := json.NewEncoder(e.stdout).Encode(addresses); err != nil {
			return err
		}
	} else {
		t := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
		for _, name := range sim.SiteNames() {
			fmt.Fprintf(t, "%s\t%s\n", name, addresses[name])
		}
		for _, p := range w.Providers() {
			fmt.Fprintf(t, "key of %s\t%s\n", p.Name, p.Key())
		}
		fmt.Fprintf(t, "token of vertex\t%s, for project %s\n", sim.CloudToken, sim.CloudProject)
		if err := t.Flush(); err != nil {
			return err
		}
	}
	<-e.ctx.Done()
	return nil
}
