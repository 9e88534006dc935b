package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"switchyard"
	"switchyard/config"
)

var update = flag.Bool("update", false, "rewrite the messages in testdata/unit")

// file is a small config.yaml with every form of value.
type file struct {
	Server    server               `yaml:"server"`
	Keys      []key                `yaml:"keys"`
	Defaults  shared               `yaml:"defaults"`
	Providers config.Map[provider] `yaml:"providers"`
	Targets   map[string]target    `yaml:"targets"`
}

type server struct {
	Listen  string            `yaml:"listen"`
	Temp    string            `yaml:"temp"`
	MaxBody config.Bytes      `yaml:"max_body"`
	Open    bool              `yaml:"open"`
	Timeout time.Duration     `yaml:"timeout"`
	Workers int               `yaml:"workers"`
	Port    uint16            `yaml:"port"`
	Share   float64           `yaml:"share"`
	TLS     *tls              `yaml:"tls"`
	Origins []string          `yaml:"origins"`
	Labels  map[string]string `yaml:"labels"`
	Redis   config.Later      `yaml:"redis"`
	Ignored string
}

type tls struct {
	Cert string `yaml:"cert"`
}

type key struct {
	Name   string            `yaml:"name"`
	Secret switchyard.Secret `yaml:"secret"`
}

type shared struct {
	Breaker config.OrOff[cut] `yaml:"breaker"`
	Retries int               `yaml:"retries"`
}

type cut struct {
	Failures int           `yaml:"failures"`
	Cooldown time.Duration `yaml:"cooldown"`
}

type provider struct {
	Shared  shared `yaml:",inline"`
	Dialect string `yaml:"dialect"`
	BaseURL string `yaml:"base_url"`
	Enabled bool   `yaml:"enabled"`
}

func (p *provider) SetDefaults() { p.Enabled = true }

type target struct {
	Price  switchyard.Money `yaml:"price"`
	Size   switchyard.Size  `yaml:"size"`
	Rate   switchyard.Rate  `yaml:"rate"`
	Weight uint             `yaml:"weight"`
	Params map[string]any   `yaml:"params"`
}

func env(name string) (string, bool) {
	v, ok := map[string]string{
		"HOST": "h: [1] # ${PORT}\n- x", "PORT": "8080", "EMPTY": "", "SECRET": "s3cr3t", "YES": "on",
	}[name]
	return v, ok
}

func decode(t *testing.T, text string, into any) *config.Document {
	t.Helper()
	d, err := config.Decode("config.yaml", []byte(text), env, into)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFaults(t *testing.T) {
	cases, _ := filepath.Glob("testdata/unit/*.txtar")
	if len(cases) < 10 {
		t.Fatalf("%d fixtures", len(cases))
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil || len(a.Files) != 2 {
				t.Fatalf("%v, %d parts", err, len(a.Files))
			}
			var f file
			_, err = config.Decode("config.yaml", a.Files[0].Data, env, &f)
			got := ""
			if err != nil {
				got = err.Error() + "\n"
			}
			if *update {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(a.Files[1].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			var all config.Errors
			if !errors.As(err, &all) || len(all) != strings.Count(got, "\n") {
				t.Errorf("%d faults in %T", len(all), err)
			}
			if strings.Contains(got, "s3cr3t") {
				t.Error("a message tells what a variable holds")
			}
		})
	}
}

func TestDecode(t *testing.T) {
	var f file
	f.Server.Temp, f.Server.Workers = "data/tmp", 3 // defaults
	decode(t, `
server:
  listen: "[::]:8080"
  workers:                  # nothing said
  max_body: 1.5MiB
  open: on
  timeout: 1d12h
  port: 65535
  share: 5e-1
  tls: {cert: a.pem}
  origins: [a, "b", 3]
  labels: {tier: pro}
keys:
  - {name: web, secret: "${SECRET}"}
targets:
  flux: {price: 0.025, size: 1024x768, rate: 10/s, weight: 50, params: {style: "3D", n: 4, f: 0.5, on: true, l: [1, {a: ~}]}}
`, &f)
	want := file{
		Server: server{
			Listen: "[::]:8080", Temp: "data/tmp", MaxBody: 3 << 19, Open: true, Timeout: 36 * time.Hour, Workers: 3,
			Port: 65535, Share: 0.5, TLS: &tls{"a.pem"}, Origins: []string{"a", "b", "3"}, Labels: map[string]string{"tier": "pro"},
		},
		Keys: []key{{"web", switchyard.NewSecret("s3cr3t")}},
		Targets: map[string]target{"flux": {
			Price: 25_000_000, Size: switchyard.Size{Width: 1024, Height: 768}, Rate: switchyard.Rate{Events: 10, Per: time.Second}, Weight: 50,
			Params: map[string]any{"style": "3D", "n": int64(4), "f": 0.5, "on": true, "l": []any{int64(1), map[string]any{"a": nil}}},
		}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got\n%+v\nwant\n%+v", f, want)
	}
}

func TestAnEmptyFileIsAllDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "null", "server:\n", "\ufeff"} {
		f := file{Server: server{Workers: 3}}
		decode(t, text, &f)
		if !reflect.DeepEqual(f, file{Server: server{Workers: 3}}) {
			t.Errorf("%q: got %+v", text, f)
		}
	}
}

func TestVariables(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`${PORT}`, "8080"},
		{`"${HOST}"`, "h: [1] # ${PORT}\n- x"}, // whatever it holds, it is one value
		{`'${PORT}'`, "8080"},
		{`"a${PORT}b${EMPTY}c"`, "a8080bc"},
		{`"${MISSING:-x:y}"`, "x:y"},
		{`"${MISSING:-}"`, ""},
		{`"${EMPTY:-x}"`, "x"},
		{`"${EMPTY}"`, ""},
		{`$$`, "$"},
		{`"$${PORT}"`, "${PORT}"},
		{`cost: $5`, ""},
		{`"$5 ^a$"`, "$5 ^a$"},
		{`"$"`, "$"},
		{`>-
    ${PORT}
    x`, "8080 x"},
	} {
		var f file
		_, err := config.Decode("c", []byte("server:\n  listen: "+c.in), env, &f)
		if c.want == "" && err != nil { // the one that is no YAML
			continue
		}
		if err != nil || f.Server.Listen != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.in, f.Server.Listen, err, c.want)
		}
	}
	var f file
	decode(t, `server: {port: "${PORT}", open: "${YES}", workers: "${W:-7}", timeout: "${T:-3s}"}`, &f)
	if f.Server.Port != 8080 || !f.Server.Open || f.Server.Workers != 7 || f.Server.Timeout != 3*time.Second {
		t.Errorf("numbers from variables: %+v", f.Server)
	}
	if _, err := config.Decode("c", []byte(`server: {listen: "${HOST}"}`), nil, &f); err == nil {
		t.Error("without an environment a variable was found")
	}
}

func TestMapKeepsTheOrderOfTheFile(t *testing.T) {
	var f file
	decode(t, "providers:\n  zeta: {dialect: fal}\n  alpha: {enabled: off}\n  mid.1:\n", &f)
	if got := f.Providers.Names(); !reflect.DeepEqual(got, []string{"zeta", "alpha", "mid.1"}) {
		t.Errorf("order is %v", got)
	}
	if p := f.Providers.Find("zeta"); p == nil || !p.Enabled || p.Dialect != "fal" {
		t.Errorf("zeta is %+v", p)
	}
	if p := f.Providers.Find("alpha"); p == nil || p.Enabled {
		t.Errorf("alpha is %+v", p)
	}
	if f.Providers.Find("none") != nil {
		t.Error("found what is not there")
	}
	if got := f.Providers[1].Pos.String(); got != "config.yaml:3:3" {
		t.Errorf("alpha is at %s", got)
	}
}

func TestOrOff(t *testing.T) {
	for text, want := range map[string]config.OrOff[cut]{
		"off": {Off: true, Value: cut{Failures: 5}}, "false": {Off: true, Value: cut{Failures: 5}},
		"on": {Value: cut{Failures: 5}}, `"${YES}"`: {Value: cut{Failures: 5}}, "~": {Value: cut{Failures: 5}},
		"{}": {Value: cut{Failures: 5}}, "{cooldown: 1s}": {Value: cut{5, time.Second}}, "{failures: 1}": {Value: cut{Failures: 1}},
	} {
		f := file{Defaults: shared{Breaker: config.OrOff[cut]{Value: cut{Failures: 5}}}}
		decode(t, "defaults: {breaker: "+text+"}", &f)
		if f.Defaults.Breaker != want {
			t.Errorf("%s: got %+v, want %+v", text, f.Defaults.Breaker, want)
		}
	}
}

// Built in, then what the file says for every provider, then what it says for this one.
func TestLayers(t *testing.T) {
	var f file
	d := decode(t, `
defaults: {retries: 2, breaker: {cooldown: 9s}}
providers:
  google: {breaker: {failures: 1}}
  fal: {breaker: off, retries: 0}
  other:
`, &f)
	want := []shared{
		{config.OrOff[cut]{Value: cut{1, 9 * time.Second}}, 2},
		{config.OrOff[cut]{Off: true, Value: cut{5, 9 * time.Second}}, 0},
		{config.OrOff[cut]{Value: cut{5, 9 * time.Second}}, 2},
	}
	for i, e := range f.Providers {
		p := provider{Shared: shared{Breaker: config.OrOff[cut]{Value: cut{5, time.Second}}}}
		if err := errors.Join(d.Decode("defaults", &p.Shared), d.Decode(config.Key("providers", e.Name), &p)); err != nil {
			t.Fatal(err)
		}
		if p.Shared != want[i] {
			t.Errorf("%s: got %+v, want %+v", e.Name, p.Shared, want[i])
		}
	}
	if !d.Has("providers.google.breaker.failures") || d.Has("providers.google.retries") || d.Has("providers.other") {
		t.Error("Has is wrong")
	}
}

func TestBounds(t *testing.T) {
	for name, text := range map[string]string{
		"size":         "# " + strings.Repeat("x", 4<<20),
		"depth":        "targets: {a: {params: {x: " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}}}",
		"a million [":  strings.Repeat("[", 1_000_000),
		"bomb":         "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\ntargets: *c",
		"control":      "server: {listen: \"\x00\"}",
		"bad UTF-8":    "server: {listen: \xff\xfe}",
		"not a struct": "server: 3",
	} {
		if _, err := config.Decode("c", []byte(text), env, &file{}); err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
}

// TestSyntax: what is no YAML is reported at the line that has to be changed, and with what is most likely wrong with it.
func TestSyntax(t *testing.T) {
	const quotes = "; within braces or brackets, a text that has such signs or quotes in it, as ${NAME} does, must stand in quotes"
	const indent = "; is the line indented as those it belongs to?"
	for text, want := range map[string]string{
		"server:\n\tlisten: x\n": "c:2:1: a tab: lines are indented by spaces",
		"server: {}\nproviders:\n  google: {key: ${KEY:-}}\n  fal: {dialect: fal}\n":            "c:3:1: did not find expected ',' or '}'" + quotes,
		"server: {}\nroutes:\n  - {when: headers[\"x\"] == \"y\", targets: [native]}\n":         "c:3:1: did not find expected ',' or '}'" + quotes,
		"server: {}\nroutes:\n  - name: x\n    targets: [a, \"b\" c]\n":                         "c:4:1: did not find expected ',' or ']'" + quotes,
		"server: {}\nproviders:\n  google: {dialect: gemini\n  fal: {dialect: fal}\nkeys: []\n": "c:3:1: did not find expected ',' or '}'" + quotes,
		"server: {}\nroutes:\n  - name: x\n    when: \"true\"\n   targets: [native]\n":          "c:5:1: did not find expected '-' indicator" + indent,
		"server: {}\nroutes:\n  - name: x\n    when: \"true\"\n  targets: [native]\n":           "c:5:1: did not find expected '-' indicator" + indent,
		"server: {}\nproviders:\n  google:\n    dialect: gemini\n   key: x\n  fal: {}\n":        "c:5:1: did not find expected key" + indent,
		"server:\n  listen: x\n open: on\n":                                                     "c:3:1: did not find expected key" + indent,
		"server: {}\nroutes:\n  - name: x\n    when: request.model == \"a\" ? x: y\n":           "c:4:1: mapping values are not allowed in this context" + indent + " A text with a colon and a space in it must stand in quotes",
		"server: {}\nroutes:\n  - name: x\n    when: @x\n":                                      "c:4:1: found character that cannot start any token; a text that begins with @, % or ` must stand in quotes",
		"server: {}\nroutes:\n  - name: x\n    when: *x\n":                                      "c:4:1: unknown anchor 'x' referenced; a text that begins with * must stand in quotes",
	} {
		if _, err := config.Parse("c", []byte(text), nil); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestDecodeIntoWhatCannotBe(t *testing.T) {
	var nowhere *file
	for _, into := range []any{nil, file{}, nowhere, &struct {
		A chan int       `yaml:"a"`
		B map[int]string `yaml:"b"`
		C error          `yaml:"c"`
	}{}} {
		if _, err := config.Decode("c", []byte("{a: 1, b: {x: y}, c: 2}"), env, into); err == nil {
			t.Errorf("%T: no fault", into)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]config.Bytes{
		"0": 0, "512B": 512, "64KiB": 65536, "24MiB": 24 << 20, "10GiB": 10 << 30, "1.5 KiB": 1536, "2TiB": 2 << 40,
	} {
		got, err := config.ParseBytes(text)
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
		if again, err := config.ParseBytes(got.String()); err != nil || again != got {
			t.Errorf("%s: String is %q", text, got)
		}
	}
	for _, text := range []string{"", "5", "-1B", "MiB", "1MB", "1e300TiB", "NaNB", "1 2B", "9223372036854775808B"} {
		if got, err := config.ParseBytes(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"server: {listen: ${A:-b}}", "targets: {a: {params: {x: [1, 2.5, ~]}}}", "a: &a [*a]", "? {a: b}\n: c", "<<: {}", "- \t", "keys: [{name: x}]\n---\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var into file
		d, err := config.Decode("c", text, env, &into)
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		d.At("providers.google.base_url")
	})
}

// TestFormatDuration: what is written is read as the same.
func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", 5 * time.Minute: "5m", 24 * time.Hour: "24h", 48 * time.Hour: "2d", 240 * time.Hour: "10d", 49 * time.Hour: "49h",
	} {
		got := config.FormatDuration(d)
		if back, err := config.ParseDuration(got); got != want || back != d || err != nil {
			t.Errorf("%v: %q, want %q; read as %v, %v", d, got, want, back, err)
		}
	}
}
