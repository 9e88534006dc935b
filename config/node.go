package config

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// Unmarshaler is for types that take more than one form of value, such as a section or "off". They report what is
// wrong by Node.Errorf, and go on.
type Unmarshaler interface {
	UnmarshalConfig(*Node)
}

// Defaulter is for types in maps and lists: SetDefaults fills a new element before the file's words are laid over it.
type Defaulter interface {
	SetDefaults()
}

// Exampler is for structs whose form is not obvious: the error for a wrong one shows an example.
type Exampler interface {
	Example() string
}

// Node is one value in a file, while it is being decoded.
type Node struct {
	dec  *decoder
	node *yaml.Node
	path string
}

// Path is where the value stands among the keys; Pos is where in the file.
func (n *Node) Path() string { return n.path }

// Pos is where the node stands.
func (n *Node) Pos() Pos { return n.dec.doc.At(n.path) }

// Text returns the scalar with its variables put in. It is false if the value is a mapping or a list, or if a
// variable is missing; that has been reported then.
func (n *Node) Text() (string, bool) {
	if n.node.Kind != yaml.ScalarNode {
		return "", false
	}
	text, err := expand(n.node.Value, n.dec.doc.env)
	if err != nil {
		n.Errorf("%w", err)
		return "", false
	}
	return text, true
}

// IsScalar reports whether the value is neither a mapping nor a list.
func (n *Node) IsScalar() bool { return n.node.Kind == yaml.ScalarNode }

// Decode decodes the value into into, a non-nil pointer.
func (n *Node) Decode(into any) { n.dec.value(n, reflect.ValueOf(into).Elem()) }

// Errorf reports that the value is wrong.
func (n *Node) Errorf(format string, args ...any) {
	n.dec.errs = append(n.dec.errs, &Fault{n.Pos(), n.path, fmt.Errorf(format, args...)})
}

// entries returns a mapping's keys and values in the file's order, except those that Parse has refused.
func (n *Node) entries() []entry {
	all := make([]entry, 0, len(n.node.Content)/2)
	for i := 0; i+1 < len(n.node.Content); i += 2 {
		key := n.node.Content[i]
		value := n.child(Key(n.path, key.Value), n.node.Content[i+1])
		if !value.refused() {
			all = append(all, entry{key.Value, Pos{n.dec.doc.name, key.Line, key.Column}, value})
		}
	}
	return all
}

// refused reports whether Parse has found the value faulty, or has seen its key before.
func (n *Node) refused() bool { return n.dec.doc.nodes[n.path] != n.node }

type entry struct {
	name  string
	pos   Pos // of the key
	value *Node
}

func (n *Node) child(path string, node *yaml.Node) *Node {
	return &Node{dec: n.dec, node: node, path: path}
}

// kind says what the value is, for messages.
func (n *Node) kind() string {
	switch n.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.node.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.node.Value
	case "!!bool":
		return n.node.Value
	}
	return fmt.Sprintf("the text %.40q", n.node.Value) // as written: a variable's value may be a secret
}
