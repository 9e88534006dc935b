package sim

import (
	"encoding/json"
	"math/big"
	"slices"
)

// field is one input of a model, as its published schema has it.
type field struct {
	name     string
	kind     string   // "string", "integer", "number", "boolean", "array", "object", "uri", "size"
	required bool     // an input without it is wrong
	values   []string // of an enumeration of strings
	low      *big.Rat // bounds, both included
	high     *big.Rat
	value    any // default; nil if there is none
}

// Builders of fields. Each is named after the type; must, from and or add the rest.
func str(name string) field          { return field{name: name, kind: "string"} }
func uri(name string) field          { return field{name: name, kind: "uri"} }
func flag(name string, v bool) field { return field{name: name, kind: "boolean", value: v} }
func array(name string) field        { return field{name: name, kind: "array"} }
func pick(name, v string, other ...string) field {
	return enum(name, append([]string{v}, other...)).or(v)
}

func enum(name string, values []string) field {
	return field{name: name, kind: "string", values: values}
}

func number(name string, low, high, v float64) field {
	return field{name: name, kind: "number", low: rat(low), high: rat(high), value: v}
}

func count(name string, low, high, v int64) field {
	return field{name: name, kind: "integer", low: big.NewRat(low, 1), high: big.NewRat(high, 1), value: v}
}

func rat(f float64) *big.Rat { return new(big.Rat).SetFloat64(f) }

// seedField is any whole number, as the services accept any.
func seedField() field { return field{name: "seed", kind: "integer"} }

func (f field) must() field    { f.required, f.value = true, nil; return f }
func (f field) or(v any) field { f.value = v; return f }

// fault is what is wrong with one input. rule is "required", "type", "enum", "low" or "high".
type fault struct {
	field field
	rule  string
	got   any
}

// check returns the input with its defaults filled in, what is wrong with it, and the names that the schema does not
// have, which models ignore. If nullable, null counts as absent.
func check(schema []field, input obj, nullable bool) (out obj, faults []fault, unknown []string) {
	out = obj{}
	for _, f := range schema {
		v, there := input[f.name]
		if !there || v == nil && nullable {
			if f.required {
				faults = append(faults, fault{f, "required", nil})
			}
			if f.value != nil {
				out[f.name] = f.value
			}
			continue
		}
		if rule := f.broken(v); rule != "" {
			faults = append(faults, fault{f, rule, v})
			continue
		}
		out[f.name] = v
	}
	for k := range input {
		if !slices.ContainsFunc(schema, func(f field) bool { return f.name == k }) {
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	return out, faults, unknown
}

// broken returns the rule that v breaks; empty if none.
func (f field) broken(v any) string {
	ok := false
	switch f.kind {
	case "string", "uri":
		var s string
		s, ok = v.(string)
		if ok && f.values != nil && !slices.Contains(f.values, s) {
			return "enum"
		}
	case "boolean":
		_, ok = v.(bool)
	case "array":
		_, ok = v.([]any)
	case "object":
		_, ok = v.(obj)
	case "size":
		return f.sizeBroken(v)
	case "integer", "number":
		var n json.Number
		if n, ok = v.(json.Number); ok {
			return f.outside(n)
		}
	}
	if !ok {
		if f.values != nil {
			return "enum"
		}
		return "type"
	}
	return ""
}

func (f field) outside(n json.Number) string {
	r, ok := new(big.Rat).SetString(n.String())
	switch {
	case !ok || f.kind == "integer" && !r.IsInt():
		return "type"
	case f.low != nil && r.Cmp(f.low) < 0:
		return "low"
	case f.high != nil && r.Cmp(f.high) > 0:
		return "high"
	}
	return ""
}

// Typed reads of a checked input; a default has the Go type that its builder took.
func textOf(in obj, k string) string {
	s, _ := in[k].(string)
	return s
}

func flagOf(in obj, k string) bool {
	b, _ := in[k].(bool)
	return b
}

func intOf(in obj, k string) int {
	switch v := in[k].(type) {
	case int64:
		return int(v)
	case json.Number:
		r, ok := new(big.Rat).SetString(v.String())
		if ok && r.Num().IsInt64() {
			return int(r.Num().Int64())
		}
	}
	return 0
}
