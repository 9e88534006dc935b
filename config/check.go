package config

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// checker walks a file once: it refuses what no setting may use, and notes where everything is.
type checker struct {
	d    *Document
	errs []error
}

func (c *checker) check(n *yaml.Node, path string, depth int) {
	at := Pos{c.d.name, n.Line, n.Column}
	if err := refuse(n, depth); err != nil {
		c.errs = append(c.errs, &Fault{at, path, err})
		return
	}
	c.d.nodes[path] = n
	if _, ok := c.d.pos[path]; !ok {
		c.d.pos[path] = at
	}
	switch n.Kind {
	case yaml.MappingNode:
		c.mapping(n, path, depth)
	case yaml.SequenceNode:
		for i, e := range n.Content {
			c.check(e, Index(path, i), depth+1)
		}
	}
}

func (c *checker) mapping(n *yaml.Node, path string, depth int) {
	first := make(map[string]int, len(n.Content)/2) // :: key → line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := Pos{c.d.name, key.Line, key.Column}
		if err := refuseKey(key); err != nil {
			c.errs = append(c.errs, &Fault{at, path, err})
			continue
		}
		below := Key(path, key.Value)
		if line, twice := first[key.Value]; twice {
			c.errs = append(c.errs, &Fault{at, below, fmt.Errorf("key is there twice, first in line %d", line)})
			continue
		}
		first[key.Value] = key.Line
		if value.Kind != yaml.ScalarNode || isNull(value) {
			c.d.pos[below] = at // a section's place is where its name stands
		}
		c.check(value, below, depth+1)
	}
}

func refuse(n *yaml.Node, depth int) error {
	switch {
	case depth > maxDepth:
		return fmt.Errorf("nested more than %d levels deep", maxDepth)
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return errors.New("anchors and aliases are not supported; write it out")
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("tags such as %s are not supported", n.Tag)
	}
	return nil
}

func refuseKey(key *yaml.Node) error {
	switch {
	case key.Kind != yaml.ScalarNode || isNull(key) || key.Value == "":
		return errors.New("a key must be a name")
	case key.ShortTag() == "!!merge":
		return errors.New("merge keys are not supported; write it out")
	}
	return refuse(key, 0)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
