package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is a JSON Schema (draft 2020-12), as much of it as config files need.
type Schema struct {
	Draft       string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Ref         string             `json:"$ref,omitempty"`
	Type        []string           `json:"type,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"` // of a string
	Minimum     *int               `json:"minimum,omitempty"` // of a number
	Maximum     *int               `json:"maximum,omitempty"`
	Default     json.RawMessage    `json:"default,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Others      *Schema            `json:"additionalProperties,omitempty"`
	Defs        map[string]*Schema `json:"$defs,omitempty"`

	never bool // matches nothing
}

// MarshalJSON writes the schema that nothing matches as false.
func (s *Schema) MarshalJSON() ([]byte, error) {
	if s.never {
		return []byte("false"), nil
	}
	type plain Schema
	return json.Marshal((*plain)(s))
}

// Scalar says what a type that reads its own text looks like in a file.
type Scalar struct {
	Number  bool   // it may be a plain number, of at least 0
	Pattern string // of a text; empty: any
}

// Describer adds what a Schema cannot see in the types themselves. Any of the fields may be nil.
type Describer struct {
	Comment func(t reflect.Type, key string) string   // of a struct's key
	Choices func(t reflect.Type, key string) []string // the only texts that a struct's key may be; nil if not so limited
	Scalars map[reflect.Type]Scalar                   // of types that read their own text
}

// SchemaOf describes the files that Decode accepts into a value such as defaults, a struct that holds what an empty
// file means. It leaves out what only Validate checks, such as names that must exist.
func SchemaOf[T any](defaults T, d Describer) (*Schema, error) {
	b := &schemer{Describer: d, defs: map[string]*Schema{}}
	v := reflect.New(reflect.TypeFor[T]()).Elem()
	v.Set(reflect.ValueOf(defaults))
	s := b.of(v)
	s.Draft, s.Defs = "https://json-schema.org/draft/2020-12/schema", b.defs
	if len(b.unknown) > 0 {
		return nil, fmt.Errorf("config: no form is known of %s", strings.Join(b.unknown, ", "))
	}
	return s, nil
}

// described is implemented by types of this package that read their own node.
type described interface {
	schema(b *schemer) *Schema
}

type schemer struct {
	Describer
	defs    map[string]*Schema // of types that contain themselves, by their names
	unknown []string
}

// placeholder may stand in place of any scalar: a variable is put in before the value is read.
const placeholder = `\$\{`

const null = "null"

// anyText is for what takes any scalar.
var anyText = []string{"string", "number", "boolean", null}

// of returns the schema of what v is decoded from; v holds the default.
func (b *schemer) of(v reflect.Value) *Schema {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return b.of(fresh(v.Type().Elem()))
		}
		return b.of(v.Elem())
	}
	switch x := v.Addr().Interface().(type) {
	case described:
		return x.schema(b)
	case encoding.TextUnmarshaler:
		return b.text(v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return b.structure(v)
	case reflect.Map:
		return &Schema{Type: []string{"object", null}, Others: b.of(fresh(v.Type().Elem()))}
	case reflect.Slice:
		s := &Schema{Type: []string{"array", null}, Items: b.of(fresh(v.Type().Elem()))}
		s.Items.Default = nil
		return s
	case reflect.Interface:
		return &Schema{}
	}
	return b.scalar(v)
}

func (b *schemer) structure(v reflect.Value) *Schema {
	name := v.Type().Name()
	if !contains(v.Type(), v.Type(), nil) {
		return b.keys(v)
	}
	if b.defs[name] == nil {
		b.defs[name] = &Schema{} // it is being made
		b.defs[name] = b.keys(v)
	}
	return &Schema{AnyOf: []*Schema{{Ref: "#/$defs/" + name}}}
}

func (b *schemer) keys(v reflect.Value) *Schema {
	s := &Schema{Type: []string{"object", null}, Properties: map[string]*Schema{}, Others: &Schema{never: true}}
	b.fill(s, v)
	return s
}

func (b *schemer) fill(s *Schema, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		key, option, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if option == "inline" {
			b.fill(s, v.Field(i))
		}
		if key == "" || key == "-" || !t.Field(i).IsExported() {
			continue
		}
		p := b.of(v.Field(i))
		if b.Choices != nil {
			if choices := b.Choices(t, key); choices != nil {
				p = b.choice(choices, v.Field(i))
			}
		}
		if b.Comment != nil {
			p.Description = b.Comment(t, key)
		}
		s.Properties[key] = p
	}
}

// choice is the schema of one of these texts; if v is a list or a mapping, of a list or a mapping of them.
func (b *schemer) choice(choices []string, v reflect.Value) *Schema {
	one := &Schema{AnyOf: []*Schema{{Enum: choices}, {Type: []string{"string"}, Pattern: placeholder}, {Type: []string{null}}}}
	switch v.Kind() {
	case reflect.Slice:
		return &Schema{Type: []string{"array", null}, Items: one}
	case reflect.String:
		one.Default = literal(v)
	}
	return one
}

func (b *schemer) text(v reflect.Value) *Schema {
	form, ok := b.Scalars[v.Type()]
	if v.Type() == reflect.TypeFor[Bytes]() {
		form, ok = Scalar{Pattern: `^[0-9.]+ *([KMGT]i)?B$`}, true
	}
	if !ok && !slices.Contains(b.unknown, v.Type().String()) {
		b.unknown = append(b.unknown, v.Type().String())
	}
	s := &Schema{Type: []string{"string", null}, Default: literal(v)}
	if form.Pattern != "" {
		s.Pattern = form.Pattern + "|" + placeholder
	} else {
		s.Type = anyText
	}
	if form.Number {
		s.Type, s.Minimum = []string{"number", "string", null}, new(int)
	}
	return s
}

func (b *schemer) scalar(v reflect.Value) *Schema {
	s := &Schema{Default: literal(v), Pattern: placeholder}
	switch {
	case v.Type() == durationType:
		s.Type, s.Pattern = []string{"string", null}, `^([0-9]+d)?([0-9.]+(ns|us|µs|ms|s|m|h))*$|`+placeholder
	case v.Kind() == reflect.String:
		s.Type, s.Pattern = anyText, ""
	case v.Kind() == reflect.Bool:
		s.Type, s.Pattern = []string{"boolean", "string", null}, `^(on|off)$|`+placeholder
	case v.CanUint():
		s.Type, s.Minimum = []string{"integer", "string", null}, new(int)
	case v.CanInt():
		s.Type = []string{"integer", "string", null}
	default:
		s.Type = []string{"number", "string", null}
	}
	return s
}

// contains reports whether a value of type t can have one of type inner in it.
func contains(t, inner reflect.Type, seen []reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		e := t.Elem()
		return e == inner || contains(e, inner, seen)
	case reflect.Struct:
		if slices.Contains(seen, t) {
			return false
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Tag.Get("yaml") != "" && (f.Type == inner || contains(f.Type, inner, append(seen, t))) {
				return true
			}
		}
	}
	return false
}

// literal returns a default as a file would have it; nil if there is nothing to write.
func literal(v reflect.Value) json.RawMessage {
	if v.IsZero() && v.Kind() != reflect.Bool {
		return nil
	}
	var text string
	switch x := v.Addr().Interface().(type) {
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return nil
		}
		text = string(b)
	case *time.Duration:
		text = FormatDuration(*x)
	default:
		out, err := json.Marshal(v.Interface())
		if err != nil {
			return nil
		}
		return out
	}
	out, _ := json.Marshal(text) // a string always can
	return out
}

func (m *Map[T]) schema(b *schemer) *Schema {
	return &Schema{Type: []string{"object", null}, Others: b.of(fresh(reflect.TypeFor[T]()))}
}

func (o *OrOff[T]) schema(b *schemer) *Schema {
	return &Schema{AnyOf: []*Schema{b.of(reflect.ValueOf(&o.Value).Elem()), {Type: []string{"boolean"}}, {Enum: []string{"on", "off"}}}}
}

func (*Later) schema(*schemer) *Schema { return &Schema{Type: []string{null}} }
