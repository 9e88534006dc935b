package main

import (
	_ "embed"
	"encoding/json"
	"reflect"
	"slices"

	"switchyard"
	"switchyard/admin"
	"switchyard/config"
	"switchyard/limit"
	"switchyard/router"
)

// schemaCommand prints the JSON Schema of config files.
type schemaCommand struct{}

// Run prints it.
func (c *schemaCommand) Run(e *env) error {
	s, err := fileSchema()
	if err != nil {
		return err
	}
	return encodeJSON(e.stdout, s)
}

// schemaDocs are what is said of each key: in Go beside its field, or else in config.yaml. The tests keep it current.
//
//go:embed schemadocs.json
var schemaDocs []byte

// fileSchema describes config files, for editors.
func fileSchema() (*config.Schema, error) {
	docs := map[string]string{} // :: type and key → comment
	if err := json.Unmarshal(schemaDocs, &docs); err != nil {
		return nil, err
	}
	s, err := config.SchemaOf(defaults(), config.Describer{
		Comment: func(t reflect.Type, key string) string { return docs[t.String()+"."+key] },
		Choices: keyChoices,
		Scalars: scalars(),
	})
	if err == nil {
		s.Title = "Switchyard's config.yaml"
	}
	return s, err
}

// scalars are how our types that read their own text look in a file.
func scalars() map[reflect.Type]config.Scalar {
	return map[reflect.Type]config.Scalar{
		reflect.TypeFor[switchyard.Secret](): {},
		reflect.TypeFor[switchyard.Money]():  {Number: true, Pattern: `^[0-9]*\.?[0-9]+$`},
		reflect.TypeFor[switchyard.Rate]():   {Pattern: `^[0-9.]+/[smhd]$`},
		reflect.TypeFor[router.Share]():      {Number: true, Pattern: `^[0-9.]+%?$`},
		reflect.TypeFor[router.HedgeAfter](): {Pattern: `^(p[0-9.]+|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`},
		reflect.TypeFor[subnet]():            {Pattern: `^[0-9a-fA-F.:]+(/[0-9]+)?$`},
	}
}

// keyChoices are the words that a key may have where there is a list of them.
func keyChoices(t reflect.Type, key string) []string {
	switch t {
	case reflect.TypeFor[providerFile]():
		if key == "dialect" {
			return slices.Sorted(slices.Values(dialectNames()))
		}
	case reflect.TypeFor[logFile]():
		return map[string][]string{"level": admin.LogLevels(), "format": {"json", "console"}}[key]
	case reflect.TypeFor[router.Route]():
		return router.Choices(key)
	case reflect.TypeFor[router.Require]():
		return router.Choices("require." + key)
	case reflect.TypeFor[router.Experiment]():
		return router.Choices("experiment." + key)
	case reflect.TypeFor[limit.Budget]():
		return map[string][]string{
			"per": {limit.PerHour, limit.PerDay, limit.PerMonth}, "at_limit": {limit.Refuse, limit.PassOver},
			"unknown": {limit.PassOver, limit.Allow},
		}[key]
	}
	return nil
}
