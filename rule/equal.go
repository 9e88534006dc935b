package rule

import (
	"net/textproto"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Fact names one text among the Facts: request.model, key.labels.tier, headers["x-tier"]. Two values are == if they name
// the same text; the case of a header's name does not matter.
type Fact struct {
	field *field // of request or key; nil for a name in a table
	in    source
	name  string // in the table; a header's name as net/http writes it
}

type source uint8

const (
	inHeaders source = iota + 1
	inQuery
	inLabels
)

// Text returns the text; it is "" where an expression sees "". It allocates nothing.
func (x Fact) Text(f *Facts) string {
	var text string
	switch x.in {
	case inHeaders:
		text, _ = multiTable(f.Headers).lookup(x.name)
	case inQuery:
		text, _ = multiTable(f.Query).lookup(x.name)
	case inLabels:
		text = f.Key.Labels[x.name]
	default:
		text = x.field.text(f)
	}
	return text
}

// Named reports whether the fact is one of a table. The text of such a fact is "", unless Facts.Named yields it.
func (x Fact) Named() bool { return x.in != 0 }

// Named yields the facts whose names come from the request: headers, parameters of the query, labels of the key. Every
// other fact in those tables is "". It allocates nothing.
func (f *Facts) Named(yield func(x Fact, text string) bool) {
	for name, values := range f.Headers {
		if text, _ := firstOf(values); !yield(Fact{in: inHeaders, name: name}, text) {
			return
		}
	}
	for name, values := range f.Query {
		if text, _ := firstOf(values); !yield(Fact{in: inQuery, name: name}, text) {
			return
		}
	}
	for name, text := range f.Key.Labels {
		if !yield(Fact{in: inLabels, name: name}, text) {
			return
		}
	}
}

// Names returns how many facts Named yields.
func (f *Facts) Names() int { return len(f.Headers) + len(f.Query) + len(f.Key.Labels) }

// Equal says that a fact has a value.
type Equal struct {
	Fact  Fact
	Value string
}

// AnyOf is satisfied when one of its equalities holds.
type AnyOf []Equal

// equality reads an expression that compares one fact with texts: fact == "text", also the other way round, or fact in
// ["text", …]. The texts are sorted.
func equality(e ast.Expr) (fact Fact, texts []string, ok bool) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return Fact{}, nil, false
	}
	left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
	switch e.AsCall().FunctionName() {
	case operators.Equals, operators.NotEquals:
		if left.Kind() == ast.LiteralKind {
			left, right = right, left
		}
		text, isText := constant(right)
		fact, ok = factOf(left)
		return fact, []string{text}, ok && isText
	case operators.In:
		if texts = constants(right); len(texts) == 0 {
			return Fact{}, nil, false
		}
		fact, ok = factOf(left)
		return fact, texts, ok
	}
	return Fact{}, nil, false
}

func constant(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// constants returns the elements of a list, sorted, each once; nil if one of them is not a constant.
func constants(e ast.Expr) []string {
	if e.Kind() != ast.ListKind {
		return nil
	}
	var texts []string
	for _, element := range e.AsList().Elements() {
		text, ok := constant(element)
		if !ok {
			return nil
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return slices.Compact(texts)
}

// factOf returns the fact that an expression reads: a text of request or key, or a name in a table.
func factOf(e ast.Expr) (Fact, bool) {
	of, name, ok := member(e)
	if !ok {
		return Fact{}, false
	}
	switch path(of) {
	case "request":
		return textField(requestFields, name)
	case "key":
		return textField(keyFields, name)
	case "headers":
		return Fact{in: inHeaders, name: textproto.CanonicalMIMEHeaderKey(name)}, true
	case "query":
		return Fact{in: inQuery, name: name}, true
	case "key.labels":
		return Fact{in: inLabels, name: name}, true
	}
	return Fact{}, false
}

// textField returns a field that is a text. It leaves out aspect, which is written anew each time it is read.
func textField(fields map[string]*field, name string) (Fact, bool) {
	f := fields[name]
	return Fact{field: f}, f != nil && f.kind == text && name != "aspect"
}

// member takes apart a.name and a["name"], but not has(a.name).
func member(e ast.Expr) (of ast.Expr, name string, ok bool) {
	switch {
	case e.Kind() == ast.SelectKind && !e.AsSelect().IsTestOnly():
		return e.AsSelect().Operand(), e.AsSelect().FieldName(), true
	case e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Index:
		args := e.AsCall().Args()
		name, ok = constant(args[1])
		return args[0], name, ok
	}
	return nil, "", false
}

// path returns a variable, or key.labels; empty for anything else.
func path(e ast.Expr) string {
	if e.Kind() == ast.IdentKind {
		return e.AsIdent()
	}
	if of, name, ok := member(e); ok && of.Kind() == ast.IdentKind {
		return of.AsIdent() + "." + name
	}
	return ""
}
