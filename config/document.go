package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on a file, far above any that a person writes.
const (
	maxText  = 4 << 20
	maxDepth = 64
)

// Document is a file that has been parsed. It keeps the positions, so that what is found wrong later can be reported
// with its place; it is not changed after Parse, and may be used from many goroutines.
type Document struct {
	name  string
	env   func(string) (string, bool)
	root  *yaml.Node            // nil if the file says nothing
	nodes map[string]*yaml.Node // :: path → value
	pos   map[string]Pos        // :: path → where the value is; if it is longer than a line, where its key is
}

// Decode parses text and decodes all of it into into, a pointer to a struct. A non-nil err is of type Errors. The
// Document is there even then, so that the caller can go on and report what else is wrong.
//
// Name is the file's name in messages. Env looks up ${NAME}; nil means that there is no variable.
func Decode(name string, text []byte, env func(string) (string, bool), into any) (*Document, error) {
	d, err := Parse(name, text, env)
	return d, Join(err, d.Decode("", into))
}

// Parse reads text and checks what can be checked without knowing the settings.
func Parse(name string, text []byte, env func(string) (string, bool)) (*Document, error) {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	d := &Document{name: name, env: env, nodes: map[string]*yaml.Node{}, pos: map[string]Pos{}}
	if len(text) > maxText {
		return d, d.whole(1, fmt.Errorf("file has %d bytes, more than the %d allowed", len(text), maxText))
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF): // nothing but comments: all defaults
		return d, nil
	case err != nil:
		return d, d.syntax(text, err)
	}
	var next yaml.Node
	switch err := dec.Decode(&next); {
	case err == nil:
		return d, d.whole(next.Line, errors.New("a second document; only one is allowed"))
	case !errors.Is(err, io.EOF):
		return d, d.syntax(text, err)
	}
	d.root = root.Content[0]
	c := checker{d: d}
	c.check(d.root, "", 0)
	return d, Join(c.errs...)
}

// Decode decodes the value at path, "" for the whole file, into into, a non-nil pointer. If the file has no such
// path, into stays as it is. To make layers, decode several paths into the same value, the most general first.
func (d *Document) Decode(path string, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("config: cannot decode into %T, want a pointer", into)
	}
	n := d.root
	if path != "" {
		n = d.nodes[path]
	}
	if n == nil {
		return nil
	}
	dec := &decoder{doc: d}
	dec.value(&Node{dec: dec, node: n, path: path}, v.Elem())
	return Join(dec.errs...)
}

// At returns where the value at path is; if the file does not have it, where the nearest thing around it is.
func (d *Document) At(path string) Pos {
	for ; path != ""; path = parent(path) {
		if p, ok := d.pos[path]; ok {
			return p
		}
	}
	return Pos{d.name, 1, 1}
}

// Has reports whether the file says something at path; a key with nothing after it does not.
func (d *Document) Has(path string) bool {
	n := d.nodes[path]
	return n != nil && !isNull(n)
}

// Empty reports whether there is nothing at path but a mapping that has no value, except perhaps at the keys but.
func (d *Document) Empty(path string, but ...string) bool {
	n := d.nodes[path]
	return n != nil && n.Kind == yaml.MappingNode && silent(n, but...)
}

// silent reports whether there is no value in n, however deep, except at the keys but.
func silent(n *yaml.Node, but ...string) bool {
	if n.Kind != yaml.MappingNode {
		return isNull(n)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(but, n.Content[i].Value) && !silent(n.Content[i+1]) {
			return false
		}
	}
	return true
}

// Errorf returns a fault at path.
func (d *Document) Errorf(path, format string, args ...any) error {
	return &Fault{d.At(path), path, fmt.Errorf(format, args...)}
}

func (d *Document) whole(line int, err error) error {
	return Errors{{Pos: Pos{d.name, max(line, 1), 1}, Err: err}}
}

// yamlLine finds the line at which the library stopped; only the text of its error says that.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

const (
	hintQuotes = "; within braces or brackets, a text that has such signs or quotes in it, as ${NAME} does, must stand in quotes"
	hintIndent = "; is the line indented as those it belongs to?"
)

// hints are what is most likely wrong where the library says what it wanted.
var hints = []struct{ begin, hint string }{
	{"did not find expected ','", hintQuotes},
	{"did not find expected '-'", hintIndent},
	{"did not find expected key", hintIndent},
	{"mapping values are not allowed", hintIndent + " A text with a colon and a space in it must stand in quotes"},
	{"found character that cannot start", "; a text that begins with @, % or ` must stand in quotes"},
	{"unknown anchor", "; a text that begins with * must stand in quotes"},
}

func (d *Document) syntax(text []byte, err error) error {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return d.whole(1, err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	line, _ := strconv.Atoi(m[1]) // 0 if there is none
	problem := err.Error()[len(m[0]):]
	if line == 0 || strings.HasPrefix(problem, "did not find expected") {
		// There the library names the line before the block that the fault is in, or none. Its error is the same for all that
		// it had to read to meet the fault.
		line = 1 + sort.Search(len(lines)-1, func(i int) bool {
			var node yaml.Node
			again := yaml.Unmarshal(bytes.Join(lines[:i+1], nil), &node)
			return again != nil && again.Error() == err.Error()
		})
	}
	if line <= len(lines) && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t")) {
		return d.whole(line, errors.New("a tab: lines are indented by spaces")) // the library's own message is about tokens
	}
	for _, h := range hints {
		if strings.HasPrefix(problem, h.begin) {
			problem += h.hint
			break
		}
	}
	return d.whole(line, errors.New(problem))
}
