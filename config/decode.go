package config

import (
	"encoding"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder collects what is wrong while one value after the other is decoded.
type decoder struct {
	doc  *Document
	errs []error
}

// value decodes n into v, which must be settable. It notes what is wrong, and goes on with the rest.
func (d *decoder) value(n *Node, v reflect.Value) {
	if isNull(n.node) || n.refused() {
		return
	}
	switch t := v.Addr().Interface().(type) {
	case Unmarshaler:
		t.UnmarshalConfig(n)
		return
	case encoding.TextUnmarshaler:
		d.text(n, t)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		d.pointer(n, v)
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Interface:
		d.free(n, v)
	default:
		d.scalar(n, v)
	}
}

func (d *decoder) pointer(n *Node, v reflect.Value) {
	if v.IsNil() {
		v.Set(fresh(v.Type().Elem()).Addr())
	}
	d.value(n, v.Elem())
}

func (d *decoder) structure(n *Node, v reflect.Value) {
	if n.node.Kind != yaml.MappingNode {
		want := "a mapping"
		if x, ok := v.Addr().Interface().(Exampler); ok {
			want += " such as " + x.Example()
		}
		n.Errorf("want %s, got %s", want, n.kind())
		return
	}
	known := fields(v)
	for _, e := range n.entries() {
		f, ok := known[e.name]
		if !ok {
			d.errs = append(d.errs, &Fault{e.pos, n.path, unknownKey(e.name, known)})
			continue
		}
		d.value(e.value, f)
	}
}

// fields returns the settable fields by their yaml names. A field without a tag is not in the file. A field tagged
// ",inline" is a struct whose own fields are added.
func fields(v reflect.Value) map[string]reflect.Value {
	all := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case !v.Type().Field(i).IsExported() || name == "-":
		case option == "inline" && v.Field(i).Kind() == reflect.Struct:
			for inner, f := range fields(v.Field(i)) {
				all[inner] = f
			}
		case name != "":
			all[name] = v.Field(i)
		}
	}
	return all
}

func (d *decoder) mapping(n *Node, v reflect.Value) {
	if v.Type().Key().Kind() != reflect.String {
		n.Errorf("cannot be decoded into %v", v.Type()) // our mistake, not the file's, but no reason to panic
		return
	}
	if n.node.Kind != yaml.MappingNode {
		n.Errorf("want a mapping, got %s", n.kind())
		return
	}
	// Use a copy: the map may be shared with the defaults that it came from.
	next := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		next.SetMapIndex(it.Key(), it.Value())
	}
	for _, e := range n.entries() {
		key := reflect.ValueOf(e.name).Convert(v.Type().Key())
		elem := fresh(v.Type().Elem())
		if old := next.MapIndex(key); old.IsValid() {
			elem.Set(old)
		}
		d.value(e.value, elem)
		next.SetMapIndex(key, elem)
	}
	v.Set(next)
}

// list replaces the list that was there: half a default list and half of another would be neither.
func (d *decoder) list(n *Node, v reflect.Value) {
	if n.node.Kind != yaml.SequenceNode {
		n.Errorf("want a list, got %s", n.kind())
		return
	}
	next := reflect.MakeSlice(v.Type(), 0, len(n.node.Content))
	for i, c := range n.node.Content {
		elem := fresh(v.Type().Elem())
		d.value(n.child(Index(n.path, i), c), elem)
		next = reflect.Append(next, elem)
	}
	v.Set(next)
}

// free decodes what has no type: a target's fixed parameters.
func (d *decoder) free(n *Node, v reflect.Value) {
	if v.NumMethod() != 0 {
		n.Errorf("cannot be decoded into %v", v.Type())
		return
	}
	var into reflect.Value
	switch n.node.Kind {
	case yaml.MappingNode:
		into = reflect.New(reflect.TypeFor[map[string]any]()).Elem()
	case yaml.SequenceNode:
		into = reflect.New(reflect.TypeFor[[]any]()).Elem()
	default:
		switch n.node.ShortTag() {
		case "!!int":
			into = reflect.New(reflect.TypeFor[int64]()).Elem()
		case "!!float":
			into = reflect.New(reflect.TypeFor[float64]()).Elem()
		case "!!bool":
			into = reflect.New(reflect.TypeFor[bool]()).Elem()
		default:
			into = reflect.New(reflect.TypeFor[string]()).Elem()
		}
	}
	d.value(n, into)
	v.Set(into)
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	defaultsType = reflect.TypeFor[Defaulter]()
)

// fresh returns a new settable value of type t, with its defaults if it has any.
func fresh(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if p.Type().Implements(defaultsType) {
		p.Interface().(Defaulter).SetDefaults()
	}
	return p.Elem()
}
