package config

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Leaf is one setting in force: its path, and its value as it would be in a file. Secrets are masked as <secret>.
type Leaf struct {
	Path  string `json:"path"`
	Value string `json:"value"`

	mark string // differs between secrets; never shown
}

// Mark returns a text that differs from one secret to another; empty for what is not a secret.
func (l Leaf) Mark() string { return l.mark }

// Masked is shown in place of secrets.
const Masked = "<secret>"

// fingerprinted is a secret that prints masked, but that can be told from another.
type fingerprinted interface {
	encoding.TextMarshaler
	Fingerprint() string
}

// Leaves returns the settings of a struct that Decode has filled, defaults included, except those that are zero. The
// path of an element of a list has the element's name if it has one, so that a new element changes no other path. The
// names in a list, in their order, are a leaf, too.
func Leaves(v any) []Leaf {
	var w leafer
	// A copy that has an address, as methods need it.
	c := reflect.New(reflect.TypeOf(v)).Elem()
	c.Set(reflect.ValueOf(v))
	w.add("", c)
	return w.leaves
}

type leafer struct{ leaves []Leaf }

// leaved is implemented by types of this package that have a form of their own in files.
type leaved interface {
	addTo(w *leafer, path string)
}

func (w *leafer) note(path, value string) {
	w.leaves = append(w.leaves, Leaf{Path: path, Value: value})
}

func (w *leafer) add(path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			c := reflect.New(v.Elem().Type()).Elem()
			c.Set(v.Elem())
			w.add(path, c)
		}
		return
	}
	switch x := v.Addr().Interface().(type) {
	case leaved:
		x.addTo(w, path)
		return
	case fingerprinted:
		if !v.IsZero() {
			w.leaves = append(w.leaves, Leaf{path, Masked, x.Fingerprint()})
		}
		return
	}
	switch {
	case v.IsZero() && v.Kind() != reflect.Bool:
	case isScalar(v):
		l := Leaf{Path: path, Value: scalarText(v)}
		if v.Kind() == reflect.String && l.Value != v.String() { // it is not printed whole: perhaps an address with a password
			l.mark = mark(v.String())
		}
		w.leaves = append(w.leaves, l)
	case v.Kind() == reflect.Struct:
		w.structure(path, v)
	case v.Kind() == reflect.Map:
		w.mapping(path, v)
	case v.Kind() == reflect.Slice:
		w.list(path, v)
	}
}

func (w *leafer) structure(path string, v reflect.Value) {
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case !v.Type().Field(i).IsExported() || name == "-":
		case option == "inline":
			w.add(path, v.Field(i))
		case name != "":
			w.add(Key(path, name), v.Field(i))
		}
	}
}

// secretive finds, where values have no type, the keys whose values are likely secrets.
var secretive = regexp.MustCompile(`(?i)key|token|secret|password`)

func (w *leafer) mapping(path string, v reflect.Value) {
	keys := map[string]reflect.Value{}
	for it := v.MapRange(); it.Next(); {
		keys[it.Key().String()] = it.Value()
	}
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		c := reflect.New(v.Type().Elem()).Elem()
		c.Set(keys[name])
		if v.Type().Elem().Kind() == reflect.Interface && secretive.MatchString(name) {
			w.leaves = append(w.leaves, Leaf{Key(path, name), Masked, mark(fmt.Sprint(c.Interface()))})
			continue
		}
		w.add(Key(path, name), c)
	}
}

// list is one leaf if its elements are scalars, else a leaf with their names and those of each.
func (w *leafer) list(path string, v reflect.Value) {
	words := make([]string, v.Len())
	scalars := true
	for i := range words {
		e := v.Index(i)
		scalars = scalars && isScalar(e)
		if isScalar(e) {
			words[i] = scalarText(e)
		} else if f := e.FieldByName("Name"); e.Kind() == reflect.Struct && f.Kind() == reflect.String {
			words[i] = f.String()
		}
	}
	unique := len(slices.Compact(slices.Sorted(slices.Values(words)))) == len(words) && !slices.Contains(words, "")
	if scalars || unique {
		w.note(path, strings.Join(words, ", "))
	}
	for i := range words {
		switch {
		case scalars:
		case unique:
			w.add(Key(path, words[i]), v.Index(i))
		default:
			w.add(Index(path, i), v.Index(i))
		}
	}
}

// mark returns a text that differs from one hidden text to another.
func mark(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}

func isScalar(v reflect.Value) bool {
	if v.Kind() == reflect.Interface {
		return !v.IsNil() && isScalar(v.Elem())
	}
	_, text := v.Interface().(encoding.TextMarshaler)
	switch v.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice, reflect.Pointer:
		_, words := v.Interface().(fmt.Stringer)
		return text || words && v.Kind() == reflect.Struct
	}
	return true
}

func scalarText(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	case time.Duration:
		return FormatDuration(x)
	}
	return fmt.Sprint(v.Interface())
}

// FormatDuration writes a span of time as ParseDuration reads it, two days and more as days, and without minutes and seconds that are zero.
func FormatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (m *Map[T]) addTo(w *leafer, path string) {
	if len(*m) == 0 {
		return
	}
	w.note(path, strings.Join(m.Names(), ", "))
	for i := range *m {
		w.add(Key(path, (*m)[i].Name), reflect.ValueOf(&(*m)[i].Value).Elem())
	}
}

func (o *OrOff[T]) addTo(w *leafer, path string) {
	if o.Off {
		w.note(path, "off")
		return
	}
	w.add(path, reflect.ValueOf(&o.Value).Elem())
}

func (*Later) addTo(*leafer, string) {}
