package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"switchyard"
	"switchyard/breaker"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/fetch"
	"switchyard/limit"
	"switchyard/proxy"
	"switchyard/router"
)

// routing is what the file says of who serves what, as the router wants it.
func (f *file) routing() router.Config {
	cfg := router.Config{
		Routes:      f.Routes,
		Experiments: f.Experiments,
		Targets:     map[string]*switchyard.Target{},
		Tables:      map[string]*dialect.Table{},
		Successors:  f.Models.Successors,
	}
	for _, d := range all.Dialects() {
		cfg.Tables[d.Name()] = f.Models.over(d.Models())
	}
	for _, e := range f.Providers {
		if e.Value.Dialect != passthrough {
			t := e.Value.target(e.Name)
			t.Name, t.Native = nativeName(e.Name), true
			cfg.Natives = append(cfg.Natives, t)
		}
	}
	for _, e := range f.Targets {
		p := f.Providers.Find(e.Value.Provider)
		if p == nil || cfg.Tables[p.Dialect] == nil { // a fault of its own; routes may name the target all the same
			cfg.Targets[e.Name] = &switchyard.Target{Name: e.Name}
			continue
		}
		cfg.Targets[e.Name] = e.Value.target(e.Name, *p, cfg.Tables[p.Dialect])
	}
	return cfg
}

// over is a table with what the file says of lives.
func (m modelsFile) over(t *dialect.Table) *dialect.Table {
	var rows []*switchyard.Model
	for _, id := range m.Alive {
		if row := t.Find(id); row != nil {
			alive := *row
			alive.Life.State = switchyard.Alive
			rows = append(rows, &alive)
		}
	}
	return t.With(rows)
}

// nativeName is a provider as a target of its own; no target in the file is called so.
func nativeName(provider string) string { return "native:" + provider }

// target is a provider without a model.
func (p providerFile) target(name string) *switchyard.Target {
	t := &switchyard.Target{
		Provider: name, Dialect: p.Dialect, Key: p.key(), Home: p.Cloud.home(), Price: p.Price, Bases: p.bases(),
		Headers: canonical(p.Headers), Retries: p.Shared.Retries, Timeouts: p.Shared.Timeouts,
	}
	if !p.Enabled {
		t.Off = fmt.Sprintf("provider %q is switched off", name)
	}
	return t
}

// key is the configured one, or what stands for credentials.
func (p providerFile) key() switchyard.Secret {
	if p.Cloud.Credentials != "" {
		return standIn
	}
	return p.Key
}

// versionAtEnd is what providers' documents end an address with, and apps' paths have anyway.
var versionAtEnd = regexp.MustCompile(`/v1(beta1?)?$`)

// bases are the addresses of the provider: the configured ones, else its own. Those that have no key in the file follow base_url.
func (p providerFile) bases() map[string]string {
	configured := map[string]string{"": p.BaseURL, "queue": p.QueueURL, "rest": p.RestURL}
	bases := map[string]string{}
	if d := all.Find(p.Dialect); d != nil {
		for _, place := range d.Places() {
			if len(place.Hosts) > 0 {
				bases[place.Base] = "https://" + place.Hosts[0]
			}
			if _, ok := configured[place.Base]; !ok && p.BaseURL != "" {
				configured[place.Base] = p.BaseURL
			}
		}
	}
	for base, address := range configured {
		if address = strings.TrimSuffix(address, "/"); p.Dialect != passthrough {
			address = versionAtEnd.ReplaceAllString(address, "")
		}
		if address != "" {
			bases[base] = address
		}
	}
	return bases
}

func (t targetFile) target(name string, p providerFile, models *dialect.Table) *switchyard.Target {
	out := p.target(t.Provider)
	out.Name, out.Model, out.Quality = name, t.Model, t.Quality
	out.Row = models.Assume(t.Model)
	switch {
	case t.Price != nil:
		out.Price = t.Price
	case out.Row != nil && out.Row.Price != nil:
		out.Price = out.Row.Price
	}
	if !t.Enabled {
		out.Off = fmt.Sprintf("target %q is switched off", name)
	}
	if len(t.Params) > 0 {
		out.Params = map[string]json.RawMessage{}
		for key, value := range t.Params {
			out.Params[key], _ = json.Marshal(value) // what YAML can say, JSON can
		}
	}
	return out
}

// snapshot builds what the proxy needs of a file that has been checked. live is what the router knows of the world, which
// outlives the file.
func (f *file) snapshot(live router.Config) (*proxy.Snapshot, error) {
	routing := f.routing()
	routing.Deaths, routing.Statistics, routing.Load, routing.Stopped = live.Deaths, live.Statistics, live.Load, live.Stopped
	r, err := router.New(routing)
	if err != nil {
		return nil, err
	}
	s := &proxy.Snapshot{
		Dialects: all.Dialects(),
		Router:   r,
		Keys:     f.keyring(),
		Settings: proxy.Settings{
			PublicURL:       strings.TrimSuffix(f.Server.PublicURL, "/"),
			TrustedProxies:  prefixes(f.Server.TrustedProxies),
			Origins:         f.Server.CORS.Origins,
			MaxRequestBody:  int64(f.Server.MaxRequestBody),
			ReadBodyTimeout: f.Server.ReadBodyTimeout,
			RequestTimeout: map[string]time.Duration{
				"": f.Server.RequestTimeout,
				// fal's Python client gives up after 120 s.
				"fal": min(f.Server.RequestTimeout, 110*time.Second),
			},
			Hide:        !f.Server.Headers,
			KeepPrompts: f.Store.KeepPrompts,
		},
	}
	for _, e := range f.Providers {
		if p := e.Value; p.Dialect == passthrough {
			t := p.target(e.Name)
			t.Name = nativeName(e.Name)
			s.Mounts = append(s.Mounts, proxy.Mount{Target: t, Prefix: p.Prefix})
		}
	}
	return s, nil
}

func (f *file) keyring() proxy.Keyring {
	var keys []*proxy.Key
	for _, k := range f.Keys {
		keys = append(keys, k.virtual())
	}
	return proxy.NewKeyring(keys)
}

// virtual is the key as the proxy wants it.
func (k keyFile) virtual() *proxy.Key {
	return &proxy.Key{Name: k.Name, Secret: k.Secret, Tenant: cmp.Or(k.Tenant, k.Name), Labels: k.Labels}
}

// breakers are the settings by target; a native one has its provider's.
func (f *file) breakers() map[string]breaker.Config {
	m := map[string]breaker.Config{}
	of := func(p providerFile) breaker.Config {
		if p.Shared.Breaker.Off {
			return breaker.Config{}
		}
		return p.Shared.Breaker.Value
	}
	for _, e := range f.Providers {
		m[nativeName(e.Name)] = of(e.Value)
	}
	for _, e := range f.Targets {
		if p := f.Providers.Find(e.Value.Provider); p != nil {
			m[e.Name] = of(*p)
		}
	}
	return m
}

func (f *file) limits() map[limit.Name]limit.Config {
	m := map[limit.Name]limit.Config{}
	for _, e := range f.Providers {
		m[limit.Name{Scope: limit.Provider, Name: e.Name}] = e.Value.Shared.Limit
	}
	for _, e := range f.Targets {
		m[limit.Name{Scope: limit.Target, Name: e.Name}] = e.Value.Limit
	}
	for _, k := range f.Keys {
		m[limit.Name{Scope: limit.Key, Name: k.Name}] = k.Limit
	}
	return m
}

// transports are how each provider is reached.
func (f *file) transports() map[string]way {
	m := map[string]way{}
	for _, e := range f.Providers {
		p := e.Value
		m[e.Name] = way{fetch.TransportConfig{
			Connect: p.Shared.Timeouts.Connect, FirstByte: p.Shared.Timeouts.FirstByte, Proxy: p.Proxy, CA: p.CA,
		}, p.Cloud.Credentials}
	}
	return m
}
