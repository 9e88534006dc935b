package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/config.schema.json"

// TestSchemaCurrent: the comments that are embedded, and the schema for editors that is made with them, are what the types
// say today.
func TestSchemaCurrent(t *testing.T) {
	schemaDocs = keyDocs(t)
	current(t, "schemadocs.json", schemaDocs)
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"schema"}, noEnv, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	current(t, schemaFile, out.Bytes())
}

// current wants a file to be as it would be made now, or makes it so.
func current(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is old (%v): go test ./cmd/switchyard -run TestSchemaCurrent -update", name, err)
	}
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaTakes: what check takes, the schema takes, too.
func TestSchemaTakes(t *testing.T) {
	schema := compiledSchema(t)
	reference, err := os.ReadFile("../../config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(reference, []byte("# yaml-language-server: $schema=docs/config.schema.json\n")) {
		t.Error("config.yaml does not name its schema")
	}
	for name, text := range map[string]string{
		"reference": string(reference), "prices": pricedConfig, "empty": "", "nulls": "server:\nproviders:\n  fal:\n    dialect: fal\n",
		"variables": `{server: {max_in_flight: "${N:-3}", request_timeout: "${T:-3s}", open: "${O:-false}", memory: "${M:-24MiB}"}}`,
		"words":     `{defaults: {breaker: off}, models: {successors: false}, store: {retention: 1d12h, cache: 1GiB}, admin: {token: 12345678}}`,
		"hedge":     `{routes: [{name: a, hedge: {after: p95, max_extra: 5%}}, {name: b, hedge: {after: 1m30s, max_extra: 0.05}, pick: weight, weights: {native: 1.5}}]}`,
		"prices of all kinds": `{targets: {a: {provider: fal, model: m, params: {style: [1, {a: null}]},
			price: {images: {"high 1024x1024": 0.2}, tokens: {image_out: 30}, typical: 3s, second: "0.001", edit: {image: 1}}}}}`,
	} {
		if err := schema.Validate(decodeAny(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := load(name, []byte(text), noEnv); err != nil {
			t.Errorf("%s: check refuses what is here for the schema to take: %v", name, err)
		}
	}
}

// TestSchemaRefuses: unknown keys and wrong types.
func TestSchemaRefuses(t *testing.T) {
	schema := compiledSchema(t)
	for _, text := range []string{
		`{servr: {}}`, `{server: {lissen: a}}`, `{server: {max_in_flight: many}}`, `{server: {max_in_flight: 1.5}}`, `{server: 3}`,
		`{server: {request_timeout: soon}}`, `{server: {request_timeout: 30}}`, `{server: {memory: 24}}`, `{server: {open: maybe}}`,
		`{providers: [fal]}`, `{providers: {fal: {dialect: fall}}}`, `{providers: {fal: {dialect: fal, price: 0.04}}}`,
		`{providers: {fal: {dialect: fal, price: {image: -1}}}}`, `{providers: {fal: {dialect: fal, price: {edit: {imag: 1}}}}}`,
		`{providers: {fal: {dialect: fal, limit: {rate: fast}}}}`, `{providers: {fal: {dialect: fal, breaker: maybe}}}`,
		`{providers: {fal: {dialect: fal, timeouts: {conect: 5s}}}}`, `{routes: {a: {}}}`, `{routes: [{pick: best}]}`, `{routes: [{targets: flux}]}`,
		`{routes: [{fallback_on: [sometimes]}]}`, `{budgets: [{per: year}]}`, `{log: {level: loud}}`, `{experiments: {a: {goal: fame}}}`, `{alerts: [1]}`,
	} {
		if err := schema.Validate(decodeAny(t, []byte(text))); err == nil {
			t.Errorf("it takes %s", text)
		}
	}
	for _, name := range []string{"types", "typo", "price"} {
		text, err := os.ReadFile(filepath.Join(broken, name+".bad.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(decodeAny(t, text)) == nil {
			t.Errorf("it takes %s.bad.yaml", name)
		}
	}
}
