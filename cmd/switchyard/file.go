package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"switchyard"
	"switchyard/admin"
	"switchyard/alert"
	"switchyard/breaker"
	"switchyard/config"
	"switchyard/dialect"
	"switchyard/dialect/all"
	"switchyard/limit"
	"switchyard/router"
	"switchyard/tracing"
)

// file is config.yaml. Where a package has settings of its own, they are its Config.
type file struct {
	Server      serverFile                    `yaml:"server"`
	Admin       adminFile                     `yaml:"admin"`
	Log         logFile                       `yaml:"log"`
	Tracing     tracing.Config                `yaml:"tracing"`
	Store       storeFile                     `yaml:"store"`
	Models      modelsFile                    `yaml:"models"`
	Keys        []keyFile                     `yaml:"keys"`
	Defaults    sharedFile                    `yaml:"defaults"`
	Providers   config.Map[providerFile]      `yaml:"providers"`
	Targets     config.Map[targetFile]        `yaml:"targets"`
	Experiments config.Map[router.Experiment] `yaml:"experiments"`
	Routes      []router.Route                `yaml:"routes"`
	Budgets     []limit.Budget                `yaml:"budgets"`
	Alerts      []alert.Config                `yaml:"alerts"`
	Notify      config.Map[alert.Receiver]    `yaml:"notify"`

	name    string    // under which it was read
	loaded  time.Time // when it came into force
	pending []string  // what of it is not, until a restart
}

type serverFile struct {
	Listen            string        `yaml:"listen"`
	TLS               tlsFile       `yaml:"tls"`
	Open              bool          `yaml:"open"`
	PublicURL         string        `yaml:"public_url"`
	TrustedProxies    []subnet      `yaml:"trusted_proxies"`
	CORS              corsFile      `yaml:"cors"`
	MaxRequestBody    config.Bytes  `yaml:"max_request_body"`
	MaxResponseBody   config.Bytes  `yaml:"max_response_body"`
	MaxImage          config.Bytes  `yaml:"max_image"`
	MaxHeaderBytes    config.Bytes  `yaml:"max_header_bytes"`
	Memory            config.Bytes  `yaml:"memory"`
	TempDir           string        `yaml:"temp_dir"`
	MaxInFlight       int           `yaml:"max_in_flight"`
	MaxQueue          int           `yaml:"max_queue"`
	ReadHeaderTimeout time.Duration `yaml:"read_header_timeout"`
	ReadBodyTimeout   time.Duration `yaml:"read_body_timeout"`
	RequestTimeout    time.Duration `yaml:"request_timeout"`
	DrainTimeout      time.Duration `yaml:"drain_timeout"`
	FetchAllow        []string      `yaml:"fetch_allow"`
	Headers           bool          `yaml:"headers"`
}

type tlsFile struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

type corsFile struct {
	Origins []string `yaml:"origins"`
}

type adminFile struct {
	Listen string            `yaml:"listen"`
	Token  switchyard.Secret `yaml:"token"`
	Hosts  []string          `yaml:"hosts"` // further names that browsers may call it by
}

type logFile struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

type storeFile struct {
	Database       database      `yaml:"database"`
	Journal        string        `yaml:"journal"`
	Redis          config.Later  `yaml:"redis"`
	Assets         assetsFile    `yaml:"assets"`
	Cache          config.Bytes  `yaml:"cache"`
	Retention      time.Duration `yaml:"retention"`
	KeepPrompts    bool          `yaml:"keep_prompts"`
	IdempotencyTTL time.Duration `yaml:"idempotency_ttl"`
	TicketsTTL     time.Duration `yaml:"tickets_ttl"`
}

type assetsFile struct {
	URL string        `yaml:"url"`
	TTL time.Duration `yaml:"ttl"`
	Max config.Bytes  `yaml:"max"`
}

type modelsFile struct {
	Successors bool     `yaml:"successors"`
	Alive      []string `yaml:"alive"` // ids that are alive whatever the table says, until their provider says otherwise
}

type keyFile struct {
	Name   string            `yaml:"name"`
	Secret switchyard.Secret `yaml:"secret"`
	Tenant string            `yaml:"tenant"`
	Labels map[string]string `yaml:"labels"`
	Budget *limit.Budget     `yaml:"budget"` // nil: none
	Limit  limit.Config      `yaml:"limit"`
}

// sharedFile is what "defaults:" may say for every provider.
type sharedFile struct {
	Timeouts switchyard.Timeouts          `yaml:"timeouts"`
	Breaker  config.OrOff[breaker.Config] `yaml:"breaker"`
	Limit    limit.Config                 `yaml:"limit"`
	Retries  int                          `yaml:"retries"`
}

// validate names every fault by its path.
func (s sharedFile) validate() error {
	errs := []error{s.Breaker.Value.Validate(), s.Limit.Validate()}
	if s.Retries < 0 || s.Retries > 10 {
		errs = append(errs, fmt.Errorf("retries: want 0 to 10, got %d", s.Retries))
	}
	if s.Timeouts.Connect <= 0 {
		errs = append(errs, fmt.Errorf("timeouts.connect: must be positive, got %v", s.Timeouts.Connect))
	}
	return errors.Join(errs...)
}

// validateDefaults is validate for what providers add to: one may have the rate that a burst is for.
func (s sharedFile) validateDefaults() error {
	s.Limit.Rate = cmp.Or(s.Limit.Rate, switchyard.Rate{Events: 1, Per: time.Second})
	return s.validate()
}

type providerFile struct {
	Shared   sharedFile        `yaml:",inline"`
	Dialect  string            `yaml:"dialect"`
	Key      switchyard.Secret `yaml:"key"`
	BaseURL  string            `yaml:"base_url"`
	QueueURL string            `yaml:"queue_url"`
	RestURL  string            `yaml:"rest_url"`
	Cloud    cloudFile         `yaml:",inline"`
	Enabled  bool              `yaml:"enabled"`
	Price    *switchyard.Price `yaml:"price"`
	Headers  []string          `yaml:"headers"`
	Probe    *probeFile        `yaml:"probe"`
	Proxy    string            `yaml:"proxy"`
	CA       string            `yaml:"ca"`
	Prefix   string            `yaml:"prefix"`
}

// SetDefaults is what a provider is that does not say.
func (p *providerFile) SetDefaults() { p.Enabled = true }

type targetFile struct {
	Provider string            `yaml:"provider"`
	Model    string            `yaml:"model"`
	Enabled  bool              `yaml:"enabled"`
	Price    *switchyard.Price `yaml:"price"`
	Quality  int               `yaml:"quality"`
	Params   map[string]any    `yaml:"params"`
	Limit    limit.Config      `yaml:"limit"`
}

// SetDefaults is what a target is that does not say.
func (t *targetFile) SetDefaults() { t.Enabled = true }

// defaults is what an empty file means.
func defaults() file {
	return file{
		Server: serverFile{
			Listen: "127.0.0.1:8080", MaxRequestBody: 64 << 20, MaxResponseBody: 256 << 20, MaxImage: 64 << 20,
			MaxHeaderBytes: 64 << 10, Memory: 24 << 20, TempDir: "data/tmp", MaxInFlight: 1000, MaxQueue: 100,
			ReadHeaderTimeout: 10 * time.Second, ReadBodyTimeout: time.Minute, RequestTimeout: 280 * time.Second,
			DrainTimeout: time.Minute, Headers: true,
		},
		Admin: adminFile{Listen: "127.0.0.1:9090"},
		Log:   logFile{Level: "info", Format: "json"}, Tracing: tracing.DefaultConfig(),
		Store: storeFile{
			Database: "sqlite:data/switchyard.db", Journal: "data/journal",
			Assets: assetsFile{URL: "file:data/assets", TTL: 24 * time.Hour, Max: 10 << 30}, Cache: 1 << 30,
			Retention: 90 * 24 * time.Hour, TicketsTTL: 7 * 24 * time.Hour, IdempotencyTTL: 24 * time.Hour,
		},
		Models:   modelsFile{Successors: true},
		Defaults: sharedDefaults(),
	}
}

func sharedDefaults() sharedFile {
	return sharedFile{
		Timeouts: switchyard.Timeouts{Connect: 5 * time.Second, FirstByte: 120 * time.Second, Idle: 30 * time.Second, Attempt: 180 * time.Second},
		Breaker:  config.OrOff[breaker.Config]{Value: breaker.DefaultConfig()},
	}
}

// load reads and checks a config file. The error is config.Errors, one fault a line, each with its place.
func load(name string, text []byte, getenv func(string) (string, bool)) (*file, error) {
	f := defaults()
	f.name = name
	doc, err := config.Decode(name, text, getenv, &f)
	shared := f.Defaults
	if shared.validateDefaults() != nil {
		shared = sharedDefaults() // a fault there is none of each provider's
	}
	for i := range f.Providers {
		p := &f.Providers[i]
		layered := providerFile{Shared: shared, Enabled: true}
		_ = doc.Decode(config.Key("providers", p.Name), &layered) // its faults have been told above
		p.Value = layered
	}
	if len(f.Providers) == 0 {
		f.Providers = everybody(shared)
	}
	return &f, config.Join(err, doc.Besides(err, f.check(doc)))
}

// everybody is one provider of each dialect, without a key: what there is if the file names none.
func everybody(shared sharedFile) config.Map[providerFile] {
	var m config.Map[providerFile]
	for _, d := range all.Dialects() {
		m = append(m, config.Entry[providerFile]{Name: d.Name(), Value: providerFile{Dialect: d.Name(), Enabled: true, Shared: shared}})
	}
	return m
}

// check is the faults that no single value shows.
func (f *file) check(doc *config.Document) error {
	var errs []error
	fault := func(path, format string, args ...any) { errs = append(errs, doc.Errorf(path, format, args...)) }
	f.checkServer(fault)
	if !slices.Contains(admin.LogLevels(), f.Log.Level) {
		fault("log.level", "want debug, info, warn or error, got %q", f.Log.Level)
	}
	if !slices.Contains([]string{"json", "console"}, f.Log.Format) {
		fault("log.format", "want json or console, got %q", f.Log.Format)
	}
	if err := f.Store.Database.validate(); err != nil {
		fault("store.database", "%v", err)
	}
	if f.Store.Journal == "" {
		fault("store.journal", "want a folder")
	}
	if folder, ok := strings.CutPrefix(f.Store.Assets.URL, "file:"); !ok || folder == "" {
		fault("store.assets.url", "want file:FOLDER; others: not yet")
	}
	for i, id := range f.Models.Alive {
		if !slices.ContainsFunc(all.Dialects(), func(d dialect.Dialect) bool { return d.Models().Find(id) != nil }) {
			fault(config.Index("models.alive", i), "no dialect knows a model %q", id)
		}
	}
	if f.Admin.Token.IsZero() && !loopback(f.Admin.Listen) {
		fault("admin.token", "is required unless admin.listen is a loopback address")
	}
	f.checkHosts(fault)
	within := func(path string, err error) { errs = append(errs, doc.Locate(path, err)) }
	within("tracing", f.Tracing.Validate())
	f.checkKeys(fault, within)
	within("defaults", f.Defaults.validateDefaults())
	f.checkBudgets(fault, within)
	f.checkProviders(doc, fault, within)
	f.checkTargets(doc, fault, within)
	f.checkAlerts(fault, within)
	for i := range f.Experiments {
		within(config.Key("experiments", f.Experiments[i].Name), f.Experiments[i].Value.Validate())
	}
	return errors.Join(append(errs, f.checkRoutes(doc))...)
}

// faultFunc notes one fault, withinFunc those that a package found in its own settings.
type (
	faultFunc  func(path, format string, args ...any)
	withinFunc func(path string, err error)
)

func (f *file) checkKeys(fault faultFunc, within withinFunc) {
	names, secrets := map[string]bool{}, map[string]bool{}
	for i, k := range f.Keys {
		at := config.Index("keys", i)
		switch {
		case k.Name == "" || names[k.Name]:
			fault(at, "a key needs a name of its own")
		case !k.Secret.IsZero() && secrets[k.Secret.Reveal()]:
			fault(at, "key %q has the secret of another", k.Name)
		}
		names[k.Name], secrets[k.Secret.Reveal()] = true, true
		within(at, k.Limit.Validate())
	}
	if len(f.Keys) > 0 || f.Server.Open || loopback(f.Server.Listen) {
		return
	}
	for _, p := range f.Providers {
		if !p.Value.key().IsZero() {
			fault("server.listen", "%s can be reached by strangers, and provider %q has a key that they would spend: add keys, or set server.open", f.Server.Listen, p.Name)
			return
		}
	}
}

const passthrough = "passthrough"

// dialectNames are the words that a provider may have as its dialect.
func dialectNames() []string { return append([]string{passthrough}, all.Names()...) }

func (f *file) checkProviders(doc *config.Document, fault faultFunc, within withinFunc) {
	dialects := dialectNames()
	for i, e := range f.Providers {
		p, at := e.Value, config.Key("providers", e.Name)
		switch {
		case p.Dialect == "":
			fault(at+".dialect", "is missing; one of %s", strings.Join(dialects, ", "))
		case !slices.Contains(dialects, p.Dialect):
			fault(at+".dialect", "want one of %s, got %q%s", strings.Join(dialects, ", "), p.Dialect, config.Suggest(p.Dialect, dialects))
		case p.Dialect == passthrough && (!strings.HasPrefix(p.Prefix, "/") || strings.HasSuffix(p.Prefix, "/") || p.BaseURL == ""):
			fault(at, "a passthrough provider needs a base_url, and a prefix such as /voices")
		}
		for name, address := range map[string]string{"base_url": p.BaseURL, "queue_url": p.QueueURL, "rest_url": p.RestURL, "proxy": p.Proxy} {
			if address != "" && !isURL(address) {
				fault(at+"."+name, "want http(s)://host, got %q", address)
			}
		}
		if p.Dialect == passthrough && p.Prefix != "" {
			f.checkPrefix(fault, at+".prefix", i)
		}
		checkOwn(fault, at, p)
		p.Cloud.check(fault, at, p)
		within(at, p.Shared.validate())
		within(at+".price", checkPrice(doc, at+".price", p.Price))
		checkHeaders(fault, at+".headers", p.Headers)
		p.Probe.check(fault, at+".probe")
	}
}

// checkOwn finds keys that mean something to one dialect alone, at a provider of another.
func checkOwn(fault faultFunc, at string, p providerFile) {
	for _, key := range []struct{ name, value, dialect string }{
		{"prefix", p.Prefix, passthrough}, {"queue_url", p.QueueURL, "fal"}, {"rest_url", p.RestURL, "fal"},
	} {
		if key.value != "" && p.Dialect != key.dialect {
			fault(at+"."+key.name, "only dialect %s has that", key.dialect)
		}
	}
}

func (f *file) checkTargets(doc *config.Document, fault faultFunc, within withinFunc) {
	for _, e := range f.Targets {
		t, at := e.Value, config.Key("targets", e.Name)
		p := f.Providers.Find(t.Provider)
		switch {
		case e.Name == router.Native:
			fault(at, "%q is a word of routes, not a name for a target", e.Name)
		case strings.HasPrefix(e.Name, nativeName("")):
			fault(at, "names that begin with %s are those of providers as targets", nativeName(""))
		case p == nil:
			fault(at+".provider", "no provider %q%s", t.Provider, config.Suggest(t.Provider, f.Providers.Names()))
		case p.Dialect == passthrough:
			fault(at+".provider", "%q is a passthrough provider: it makes no pictures", t.Provider)
		case t.Model == "":
			fault(at+".model", "is missing")
		}
		within(at, t.Limit.Validate())
		within(at+".price", checkPrice(doc, at+".price", t.Price))
	}
}

func (f *file) checkRoutes(doc *config.Document) error {
	var errs []error
	for i := range f.Routes {
		at := config.Index("routes", i)
		if err := f.Routes[i].Validate(); err != nil {
			errs = append(errs, doc.Locate(at, err))
		}
		if c := f.Routes[i].Cache; c != nil && c.TTL > f.Store.Assets.TTL {
			errs = append(errs, doc.Errorf(at+".cache.ttl", "is longer than store.assets.ttl: answers would name pictures that are gone"))
		}
	}
	if _, err := router.New(f.routing()); err != nil {
		errs = append(errs, doc.Locate("", err))
	}
	return errors.Join(errs...)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == ""
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// targetsOf is the targets of each provider that is switched on, its native one first.
func (f *file) targetsOf() map[string][]string {
	providers := map[string][]string{}
	for _, e := range f.Providers {
		if e.Value.Enabled {
			providers[e.Name] = []string{nativeName(e.Name)}
		}
	}
	for _, e := range f.Targets {
		if targets, ok := providers[e.Value.Provider]; ok && e.Value.Enabled {
			providers[e.Value.Provider] = append(targets, e.Name)
		}
	}
	return providers
}

// routeNames are the routes in the order of the file, and the one that is always there.
func (f *file) routeNames() []string {
	names := make([]string, 0, len(f.Routes)+1)
	for _, r := range f.Routes {
		names = append(names, r.Name)
	}
	if !slices.Contains(names, router.Default) {
		names = append(names, router.Default)
	}
	return names
}
