package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"switchyard/admin"
	"switchyard/breaker"
)

// outcome is what a command line came to.
type outcome struct {
	code        int
	out, errors string
}

// command runs a command line with an environment of name, value, name, value.
func command(t *testing.T, args []string, environment ...string) outcome {
	t.Helper()
	getenv := func(name string) (string, bool) {
		for i := 0; i < len(environment); i += 2 {
			if environment[i] == name {
				return environment[i+1], true
			}
		}
		return "", false
	}
	var out, errs bytes.Buffer
	code := run(t.Context(), args, getenv, &out, &errs)
	return outcome{code, out.String(), errs.String()}
}

// operator runs a command towards the kit's sidecar.
func (k *kit) operator(args ...string) outcome {
	k.Helper()
	return command(k.T, append(args, "--admin", k.admin, "--token", "admin-token"))
}

// TestStatusIsTrue: what failed is not rounded away, money that was perhaps charged is told apart, what nobody knows is no zero, and times
// say their zone.
func TestStatusIsTrue(t *testing.T) {
	now := time.Now()
	var out strings.Builder
	if err := printStatus(&out, &admin.Status{
		Kills:     []breaker.Kill{{Scope: breaker.Provider, Name: "a", Until: now.Add(time.Minute)}, {Scope: breaker.Provider, Name: "b", Until: now.AddDate(0, 0, 2)}},
		Timestamp: now,
		Providers: []admin.ProviderStatus{
			{Provider: "few", Today: &admin.Today{Attempts: 1000, OK: 996, Cost: "1.5", Possible: "0.25"}},
			{Provider: "most", Today: &admin.Today{Attempts: 9999, OK: 9998, Cost: "2", Possible: "0", Unknown: 3}},
			{Provider: "hardly", Today: &admin.Today{Attempts: 9999, OK: 1, Cost: "0", Possible: "0", Unknown: 4}},
			{Provider: "idle", Today: &admin.Today{Cost: "0", Possible: "0"}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	zone := now.Local().Format("MST")
	for _, want := range []string{"99.6 %", "$1.25 + $0.25 possible", ">99.9 %", "$2.00 + 3 unknown", "<0.1 %", "unknown (4)", " " + zone + "), by", "$0.00\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
	if n := strings.Count(out.String(), zone+")"); n != 2 {
		t.Errorf("%d times have a zone:\n%s", n, &out)
	}
}

// TestOperatorCommands: stop, look, revive.
func TestOperatorCommands(t *testing.T) {
	k := startKit(t, twoProviders)
	if a := k.gptFor("nano"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	k.rows() // so that today's money can be read
	if o := k.operator("kill", "provider", "google", "--reason", "wrong\x1b[31m faces", "--for", "30m"); o.code != 0 || !strings.HasPrefix(o.out, `stopped: provider "google", until `) {
		t.Errorf("kill: %+v", o)
	}
	o := k.operator("status")
	for _, want := range []string{
		"switchyard dev: degraded, up ", `! stopped by hand: provider "google"`, `KILLED provider "google": wrong [31m faces (until `, ", by cli 127.0.0.1:",
		"PROVIDER", "google    stopped by hand", "100 %", "$0.0336075", "nano    killed", "gpt     closed",
	} {
		if o.code != 0 || !strings.Contains(o.out, want) {
			t.Errorf("status does not say %q: %d\n%s%s", want, o.code, o.out, o.errors)
		}
	}
	var s admin.Status
	if o := k.operator("status", "--json"); json.Unmarshal([]byte(o.out), &s) != nil || len(s.Kills) != 1 || len(s.Targets) != 4 || s.Providers[0].Today.OK != 1 || s.Providers[0].Today.Cost != "0.0336075" {
		t.Errorf("status --json: %+v", o)
	}
	if o := k.operator("revive", "provider", "google"); o.code != 0 || o.out != "revived: provider \"google\"\n" {
		t.Errorf("revive: %+v", o)
	}
	if o := k.operator("revive", "provider", "google"); o.code != exitFailed || !strings.Contains(o.errors, "provider google is not stopped") {
		t.Errorf("revive once more: %+v", o)
	}
	k.operator("kill", "all")
	k.operator("kill", "target", "gpt")
	k.operator("kill", "provider", "google")
	if o := k.operator("revive", "provider", "google"); o.code != 0 || o.out != "revived: provider \"google\"\nstill stopped: everything, target \"gpt\"\n" {
		t.Errorf("revive under a stop of everything: %+v", o)
	}
	if o := k.operator("revive", "all"); o.code != 0 || o.out != "revived: everything\nstill stopped: target \"gpt\"\n" {
		t.Errorf("revive all, but for a target: %+v", o)
	}
	k.operator("revive", "target", "gpt")
	if o := k.operator("kill", "all", "--bypass", "--json"); o.code != 0 || !strings.Contains(o.out, `"bypass": true`) || !k.side.switches.Bypassed() {
		t.Errorf("bypass: %+v", o)
	}
	if o := k.operator("revive", "all", "--json"); o.code != 0 || !strings.Contains(o.out, `"revived": "all"`) || k.side.switches.Bypassed() {
		t.Errorf("revive all: %+v", o)
	}
}

// TestOperatorMistakes: who calls wrongly, or nobody, is told so in plain words.
func TestOperatorMistakes(t *testing.T) {
	k := startKit(t, twoProviders)
	nobody := freePort(t)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"kill", "provider", "gogle", "--admin", k.admin, "--token", "admin-token"}, exitFailed, `no provider "gogle"; there are: google, openai`},
		{[]string{"kill", "provider", "google", "--admin", k.admin, "--token", "wrong"}, exitFailed, "does not take this admin token"},
		{[]string{"kill", "provider", "google", "--admin", k.admin}, exitFailed, "or the one that serve made up, which its log has"},
		{[]string{"kill", "provider", "google", "--admin", nobody, "--token", "x"}, exitFailed, `nobody answers; is "switchyard serve" running there?`},
		{[]string{"status", "--admin", nobody}, exitFailed, "nobody answers"},
		{[]string{"status", "--admin", "https://" + k.admin}, exitFailed, "TLS handshake"},
		{[]string{"health", "--admin", "https://" + k.admin}, exitFailed, "HTTP response to HTTPS client"},
		{[]string{"status", "--admin", "sidecar.invalid:9090"}, exitFailed, "sidecar.invalid"},
		{[]string{"status", "--admin", k.url}, exitFailed, "404 Not Found; is that the admin side of a sidecar?"},
		{[]string{"kill", "provider"}, exitUsage, "A name is missing"},
		{[]string{"kill", "all", "x"}, exitUsage, "all takes no name"},
		{[]string{"kill", "planet", "x"}, exitUsage, `must be one of`},
		{[]string{"kill", "provider", "google", "--bypass"}, exitUsage, "bypass is for scope all"},
		{[]string{"kill", "provider", "google", "--for=-1s"}, exitUsage, "such as 30m"},
		{[]string{"status", "--watch", "--admin", k.admin}, exitUsage, "at a terminal"},
		{[]string{"status", "--config", "missing.yaml"}, exitFailed, "missing.yaml"},
	} {
		o := command(t, c.args)
		if o.code != c.code || !strings.Contains(o.errors, c.says) {
			t.Errorf("%q: %+v, want %d and %s", c.args, o, c.code, c.says)
		}
		if strings.Contains(o.errors, "nobody answers") != strings.Contains(c.says, "nobody answers") { // it sends people the wrong way
			t.Errorf("%q: %s", c.args, o.errors)
		}
	}
	if list := k.side.switches.List(); len(list) != 0 {
		t.Errorf("stopped by mistake: %v", list)
	}
}

// TestOperatorFindsSidecar: address and token come from the config file, even from one that has a mistake elsewhere, and
// from the environment.
func TestOperatorFindsSidecar(t *testing.T) {
	k := startKit(t, twoProviders)
	file := filepath.Join(t.TempDir(), "broken.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("admin: {listen: \"" + strings.Replace(k.admin, "127.0.0.1", "0.0.0.0", 1) + "\", token: \"${T:-}\"}\nrutes: []\n")
	if o := command(t, []string{"kill", "target", "nano", "--config", file}, "T", "admin-token"); o.code != 0 {
		t.Errorf("by the file: %+v", o)
	}
	if o := command(t, []string{"revive", "target", "nano", "--config", file}, tokenVariable, "admin-token"); o.code != 0 {
		t.Errorf("by the environment: %+v", o)
	}
	write("admin: # where\n\n  listen: " + k.admin + "\n  token: admin-token\nalerts: [\n")
	if o := command(t, []string{"kill", "target", "nano", "--config", file}); o.code != 0 {
		t.Errorf("by a file that is no YAML: %+v", o)
	}
	write("admin: {")
	if o := command(t, []string{"status", "--config", file}); o.code != exitUsage {
		t.Errorf("no file at all: %+v", o)
	}
	if o := command(t, []string{"status", "--config", file, "--admin", "http://" + k.admin, "--token", "admin-token"}); o.code != 0 {
		t.Errorf("by flags: %+v", o)
	}
}

// TestStatusWatch: a page a tick, and no end because a sidecar is away.
func TestStatusWatch(t *testing.T) {
	k := startKit(t, twoProviders)
	c := statusCommand{operatorFlags: operatorFlags{sidecarFlags{Admin: k.admin}, "admin-token"}}
	ctx, stop := context.WithCancel(t.Context())
	out, tick, done := &pages{written: make(chan string)}, make(chan time.Time), make(chan error, 1)
	e := &env{ctx, noEnv, out, out}
	o, err := c.operator(e)
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- c.watch(e, o, tick) }()
	if page := <-out.written; !strings.HasPrefix(page, "\x1b[H") || !strings.Contains(page, "healthy") {
		t.Errorf("the first page is %q", page)
	}
	k.mustKill(`{"scope":"target","name":"nano"}`)
	tick <- time.Now()
	if page := <-out.written; !strings.Contains(page, `KILLED target "nano"`) {
		t.Errorf("the second page is %q", page)
	}
	k.stop()
	tick <- time.Now()
	if page := <-out.written; !strings.Contains(page, "nobody answers") {
		t.Errorf("the third page is %q", page)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// pages hands on what is written.
type pages struct{ written chan string }

func (p *pages) Write(b []byte) (int, error) { p.written <- string(b); return len(b), nil }

// TestStatusTellsTheDay: a stop that ends next week does not look as if it ended tonight.
func TestStatusTellsTheDay(t *testing.T) {
	k := startKit(t, twoProviders)
	k.operator("kill", "provider", "google", "--for", "7d")
	day := k.side.switches.List()[0].Until.Local().Format(time.DateOnly)
	if o := k.operator("status"); !strings.Contains(o.out, "(until "+day+" ") {
		t.Errorf("want %s in %s", day, o.out)
	}
}

// TestStatusOfARefusedConfig: each fault has a line.
func TestStatusOfARefusedConfig(t *testing.T) {
	k := startKit(t, twoProviders)
	bad := "nonsense: 1\nmore: 2\n" + *k.next.Load()
	k.next.Store(&bad)
	if err := k.side.reload(); err == nil {
		t.Fatal("nonsense was taken")
	}
	const want = "! the latest config was refused: test.yaml:1:1: unknown key \"nonsense\"\n  test.yaml:2:1: unknown key \"more\"\n"
	if o := k.operator("status"); !strings.Contains(o.out, want) {
		t.Errorf("want %q in %+v", want, o)
	}
}

// TestForMachines: the commands that ask nobody have an answer for machines, too.
func TestForMachines(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("server:\n  listen: nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := startKit(t, twoProviders)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version", "--json"}, 0, `"version": "dev"`},
		{[]string{"check", "../../config.yaml", "--json"}, 0, `"ok": true`},
		{[]string{"check", bad, "--json"}, exitUsage, `"line": 2`},
		{[]string{"health", "--url", "http://" + k.admin + "/readyz", "--json"}, 0, `"ready": true`},
		{[]string{"health", "--admin", k.admin, "--json"}, 0, `"ready": true`},
		{[]string{"health", "--config", written(t, "admin: {listen: "+k.admin+"}"), "--json"}, 0, `"ready": true`},
		{[]string{"health", "--config", written(t, "admin: {listen: "+freePort(t)+"}"), "--json"}, exitFailed, `"ready": false`},
		{[]string{"health", "--url", "http://" + freePort(t) + "/readyz", "--json"}, exitFailed, `"ready": false`},
		{[]string{"models", "--json"}, 0, `"dialect": "openai"`},
	} {
		if o := command(t, c.args); o.code != c.code || !strings.Contains(o.out, c.says) || !json.Valid([]byte(o.out)) {
			t.Errorf("%q: %d %.500s %s", c.args, o.code, o.out, o.errors)
		}
	}
}

// TestKubernetes: the manifest's config is one that serve takes, with what the manifest's secret has and nothing else, in the
// place where the image looks for it, and with time enough for its end.
func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes/sidecar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var m struct { // of the three objects, what is looked at here
		Data       map[string]string
		StringData map[string]string `yaml:"stringData"`
		Spec       struct {
			Template struct {
				Spec struct {
					Grace int `yaml:"terminationGracePeriodSeconds"`
					Init  []struct {
						Mounts []struct {
							Path string `yaml:"mountPath"`
						} `yaml:"volumeMounts"`
					} `yaml:"initContainers"`
				}
			}
		}
	}
	for objects := yaml.NewDecoder(bytes.NewReader(text)); ; {
		if err := objects.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	used := map[string]bool{}
	f, err := load("config.yaml", []byte(m.Data["config.yaml"]), func(name string) (string, bool) {
		used[name] = true
		value, ok := m.StringData[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.StringData {
		if !used[name] {
			t.Errorf("nobody reads %s", name)
		}
	}
	pod := m.Spec.Template.Spec
	if grace := time.Duration(pod.Grace) * time.Second; grace <= f.Server.DrainTimeout {
		t.Errorf("%v for the end of the pod, %v for what is under way", grace, f.Server.DrainTimeout)
	}
	var mounted []string
	for _, at := range pod.Init[0].Mounts {
		mounted = append(mounted, at.Path)
	}
	if !slices.Equal(mounted, []string{"/etc/switchyard", "/data"}) {
		t.Errorf("mounted at %q", mounted)
	}
}

// TestDockerfile: the container is asked how it is where its own config says that it listens.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]string{} // :: command → its config
	for _, list := range regexp.MustCompile(`(?m)CMD (\[.*\])$`).FindAllStringSubmatch(string(text), -1) {
		var args []string
		if err := json.Unmarshal([]byte(list[1]), &args); err != nil {
			t.Fatal(err)
		}
		if args[0] == "/switchyard" {
			args = args[1:]
		}
		parser, err := newParser()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		called[args[0]] = args[slices.Index(args, "--config")+1]
	}
	if called["serve"] != "/etc/switchyard/config.yaml" || called["health"] != called["serve"] {
		t.Errorf("got %v", called)
	}
}
