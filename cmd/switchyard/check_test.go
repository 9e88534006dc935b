package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected messages anew")

// broken is where the config files stand that must be refused, each with the exact message beside it.
const broken = "../../config/testdata"

func TestCheck(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(broken, "*.bad.yaml"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d broken files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"check", file}, noEnv, &out, &errs)
			if code != exitUsage || out.Len() > 0 {
				t.Errorf("exit status %d, %s", code, out.String())
			}
			got := strings.ReplaceAll(errs.String(), broken+"/", "")
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// TestCheckDisk: a file that serve would not find is told, with its place.
func TestCheckDisk(t *testing.T) {
	dir := t.TempDir()
	name := written(t, fmt.Sprintf("server: {tls: {cert: %[1]s/no.pem, key: %[1]s/no.key}}\nproviders:\n  fal: {dialect: fal, ca: %[1]s/no.ca}\n", dir))
	o := command(t, []string{"check", name})
	for _, want := range []string{":1:10: server.tls: open " + dir + "/no.pem", ":3:27: providers.fal.ca: open " + dir + "/no.ca"} {
		if o.code != exitUsage || !strings.Contains(o.errors, want) {
			t.Errorf("want %q in %+v", want, o)
		}
	}
}

// TestDefaultsOfEverybody: "defaults:" is for the providers that nobody names, too.
func TestDefaultsOfEverybody(t *testing.T) {
	f, err := load("c.yaml", []byte("defaults: {retries: 3}"), noEnv)
	if err != nil || len(f.Providers) < 4 || f.Providers[0].Value.Shared.Retries != 3 {
		t.Errorf("%v, %+v", err, f.Providers)
	}
}

// TestReference: the commented reference is a good file.
func TestReference(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"check", "../../config.yaml"}, noEnv, &out, &errs); code != 0 {
		t.Errorf("exit status %d: %s", code, errs.String())
	}
}

// TestDocumentedConfigs: so is each example of the documents, by itself, for the program and for editors. Those of the README
// need no variable.
func TestDocumentedConfigs(t *testing.T) {
	schema := compiledSchema(t)
	for place, text := range documented(t) {
		env := func(string) (string, bool) { return "https://x.example", true } // which does for a key, too
		if strings.HasPrefix(place, "README") {
			env = noEnv
		}
		if _, err := load(place, []byte(text), env); err != nil {
			t.Error(err)
		}
		if err := schema.Validate(decodeAny(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", place, err)
		}
	}
}

// documented are the examples of configs in the documents. :: file and number → text
func documented(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for _, name := range append(files, "../../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "```yaml\n")[1:] {
			example, _, closed := strings.Cut(part, "```")
			if !closed {
				t.Errorf("%s: an example has no end", name)
			}
			if !strings.HasPrefix(example, "scrape_configs:") { // Prometheus's
				examples[fmt.Sprintf("%s#%d", filepath.Base(name), i+1)] = example
			}
		}
	}
	if len(examples) < 5 {
		t.Fatalf("only %d examples: the documents are written in another way", len(examples))
	}
	return examples
}

// TestModelsThatAreSaidToLive: whoever knows better than the tables is not told that the model is dead.
func TestModelsThatAreSaidToLive(t *testing.T) {
	const text = "targets: {im: {provider: gemini, model: imagen-4.0-generate-001}}\n"
	for models, warns := range map[string]bool{"": true, "models: {alive: [imagen-4.0-generate-001]}\n": false} {
		o := command(t, []string{"check", written(t, models+text)})
		if o.code != 0 || strings.Contains(o.out, "warning") != warns {
			t.Errorf("%q: %+v", models, o)
		}
	}
}

// TestUnreachedRoutes: the first route that matches wins, and one without a when always does.
func TestUnreachedRoutes(t *testing.T) {
	o := command(t, []string{"check", written(t, `routes:
  - {name: some, when: request.images > 1, targets: [native]}
  - {name: rest, targets: [native]}
  - {name: late, when: request.images > 2, targets: [native]}
`)})
	if o.code != 0 || strings.Count(o.out, "warning") != 1 || !strings.Contains(o.out, `route "late": no request gets here: "rest" before it`) {
		t.Errorf("%+v", o)
	}
	o = command(t, []string{"check", written(t, "routes: [{name: some, when: request.images > 1, targets: [native]}, {name: rest, targets: [native]}]\n")})
	if o.code != 0 || strings.Contains(o.out, "warning") {
		t.Errorf("%+v", o)
	}
}

// TestModelsCommandNamesATableOnce: dialects that share a table share its lines, too; machines have a row for each.
func TestModelsCommandNamesATableOnce(t *testing.T) {
	for _, args := range [][]string{{"models"}, {"prices"}} {
		o := command(t, args)
		if n := strings.Count(o.out, "imagen-4.0-ultra-generate-001"); n != 1 || !strings.Contains(o.out, "gemini, vertex") {
			t.Errorf("%v: %d lines: %s", args, n, o.out)
		}
		if o = command(t, append(args, "--json")); strings.Count(o.out, `"imagen-4.0-ultra-generate-001"`) != 2 {
			t.Errorf("%v --json: %s", args, o.out)
		}
	}
	if o := command(t, []string{"models", "--dialect", "vertex"}); !strings.Contains(o.out, "\nvertex ") || strings.Contains(o.out, "gemini, ") {
		t.Errorf("%s", o.out)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"version"}, 0, "switchyard "},
		{[]string{"--version"}, 0, "switchyard dev"},
		{[]string{"kill", "provider", "fal", "--for", "10"}, exitUsage, `--for: want a time such as 30m, 36h or 7d, got "10"`},
		{[]string{"kill", "provider", "fal", "--for", "-5m"}, exitUsage, `--for: want a time such as 30m, 36h or 7d, got "-5m"`},
		{[]string{"kill", "provider", "fal", "--for", "--abort"}, exitUsage, `--for: want a time such as 30m, 36h or 7d, got "--abort"`},
		{[]string{"kill", "provider", "fal", "--for"}, exitUsage, `--for: want a time such as 30m, 36h or 7d, got ""`},
		{[]string{"kill", "provider", "fal", "--for=0s"}, exitUsage, `--for: want a time such as 30m, 36h or 7d, got "0s"`},
		{[]string{"--help"}, 0, "Usage: switchyard"},
		{[]string{"help"}, 0, "Usage: switchyard"},
		{[]string{"help", "kill"}, 0, "Usage: switchyard kill"},
		{[]string{"nonsense"}, exitUsage, `there is no command "nonsense"; "switchyard --help" lists them`},
		{[]string{"chekc", "config.yaml"}, exitUsage, `there is no command "chekc"; did you mean "check"?`},
		{[]string{"serve", "nonsense"}, exitUsage, "unexpected argument nonsense"},
		{[]string{"check", "no-such-file.yaml"}, exitFailed, "no-such-file.yaml"},
		{[]string{"models", "--dialect", "gemini"}, 0, "imagen-4.0-generate-001"},
		{[]string{"models", "--json"}, 0, `"successor": "gemini-nano-banana-2.1"`},
		{[]string{"models", "--dialect", "opnai"}, exitUsage, `--dialect: there is no "opnai"; did you mean "openai"?`},
		{[]string{"models", "--dialect", "none"}, exitUsage, `--dialect: there is no "none"; there are: `},
		{[]string{"plan", "-", "--key", "web"}, exitUsage, `--key: the config has no key "web": it has none at all`},
		{[]string{"kill"}, exitUsage, `expected "<scope>"; "switchyard kill --help" says more`},
		{[]string{"report", "--by", "user"}, exitUsage, `"key","day" but got "user"; "switchyard report --help" says more`},
		{[]string{"demo", "--speed", "0"}, exitUsage, "--speed must be positive"},
		{[]string{"sim", "--listen", "gogle=127.0.0.1:0"}, exitUsage, `--listen: there is no "gogle"; did you mean "google"?`},
		{[]string{"health", "--url", "http://127.0.0.1:1/"}, exitFailed, "http://127.0.0.1:1/: nobody answers"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), c.args, noEnv, &out, &errs); code != c.code || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%v: exit status %d\n%s%s", c.args, code, out.String(), errs.String())
		}
	}
}

// TestStartNamesTheKey: what cannot be opened is told by the key of the config that says where it is.
func TestStartNamesTheKey(t *testing.T) {
	file := written(t, "a file, where a folder should be")
	dir := t.TempDir()
	for _, c := range []struct{ key, text string }{
		{"server.temp_dir", "server: {temp_dir: " + file + "/tmp}"},
		{"store.database", "store: {database: 'sqlite:" + file + "/db'}"},
		{"store.database", "store: {database: 'sqlite:" + file + "'}"},
		{"store.journal", "store: {journal: " + file + "/journal}"},
		{"store.assets.url", "store: {assets: {url: 'file:" + file + "/assets'}}"},
	} {
		t.Chdir(dir)
		f, err := load("test.yaml", []byte(c.text), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := openOnce(t, f); err == nil || !strings.HasPrefix(err.Error(), c.key+": ") {
			t.Errorf("%s: %v", c.text, err)
			if err == nil {
				s.close()
			}
		}
	}
}

// TestTrustedProxies: one address is a network of one.
func TestTrustedProxies(t *testing.T) {
	f, err := load("test.yaml", []byte("server: {trusted_proxies: [10.0.0.1, 'fd00::/8', '::1']}"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(prefixes(f.Server.TrustedProxies)); got != "[10.0.0.1/32 fd00::/8 ::1/128]" {
		t.Error(got)
	}
}
