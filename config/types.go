package config

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Map is a mapping whose order in the file matters.
type Map[T any] []Entry[T]

// Entry is one entry of a Map.
type Entry[T any] struct {
	Name  string
	Value T
	Pos   Pos // of the name
}

// Find returns a pointer to the value of a name, or nil.
func (m Map[T]) Find(name string) *T {
	for i := range m {
		if m[i].Name == name {
			return &m[i].Value
		}
	}
	return nil
}

// Names are the names in the file's order.
func (m Map[T]) Names() []string {
	names := make([]string, len(m))
	for i, e := range m {
		names[i] = e.Name
	}
	return names
}

// UnmarshalConfig decodes the file's entries over those that are there; new ones come after them.
func (m *Map[T]) UnmarshalConfig(n *Node) {
	if n.node.Kind != yaml.MappingNode {
		n.Errorf("want a mapping, got %s", n.kind())
		return
	}
	next := append(Map[T](nil), *m...)
	for _, e := range n.entries() {
		v := next.Find(e.name)
		if v == nil {
			v = fresh(reflect.TypeFor[T]()).Addr().Interface().(*T)
			next = append(next, Entry[T]{Name: e.name, Value: *v})
			v = &next[len(next)-1].Value
		}
		n.dec.value(e.value, reflect.ValueOf(v).Elem())
		for i := range next {
			if next[i].Name == e.name {
				next[i].Pos = e.pos
			}
		}
	}
	*m = next
}

// OrOff is a section, or "off", or "on" for the section as its defaults are.
type OrOff[T any] struct {
	Off   bool
	Value T
}

// UnmarshalConfig takes on, off, true, false, or a T, which turns it on.
func (o *OrOff[T]) UnmarshalConfig(n *Node) {
	if !n.IsScalar() {
		o.Off = false
		n.Decode(&o.Value)
		return
	}
	text, ok := n.Text()
	if !ok {
		return
	}
	on, err := parseBool(text)
	if err != nil {
		n.Errorf("want on, off or a mapping, got %s", n.kind())
		return
	}
	o.Off = !on
}

// Later is a setting that has a name but does not work yet. Whatever the file says for it is refused.
type Later struct{}

// UnmarshalConfig refuses whatever is there.
func (*Later) UnmarshalConfig(n *Node) { n.Errorf("not yet") }

// Bytes is an amount of memory or of bytes on the wire, written "24MiB".
type Bytes int64

// Units that Bytes may be written in.
const (
	KiB Bytes = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

var byteUnits = []struct {
	name string
	size Bytes
}{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}} // B comes last, since the others end in B

// ParseBytes reads "64KiB", "1.5MiB", "10GiB", "512B". A number without a unit is an error.
func ParseBytes(s string) (Bytes, error) {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(f >= 0) || f*float64(u.size) >= math.MaxInt64 {
			break
		}
		return Bytes(math.Round(f * float64(u.size))), nil
	}
	if s == "0" {
		return 0, nil
	}
	return 0, fmt.Errorf("size %q: want a number of B, KiB, MiB, GiB or TiB, for example 64MiB", s)
}

// String is the inverse of ParseBytes, in the largest unit that keeps it whole.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return "0B"
}

// UnmarshalText and MarshalText let sizes stand in YAML as "64MiB".
func (b *Bytes) UnmarshalText(t []byte) (err error) { *b, err = ParseBytes(string(t)); return err }

// MarshalText is the inverse of ParseBytes.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }
