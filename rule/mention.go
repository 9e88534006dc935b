package rule

import (
	"net/textproto"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// Mentions are the names by which an expression looks into headers, query and estimate_usd. Names that it computes are
// not among them.
type Mentions struct {
	Headers []string // as net/http writes them
	Query   []string
	Targets []string // whose estimate it asks for
}

// Add adds what o mentions; each name is there once.
func (m *Mentions) Add(o Mentions) {
	m.Headers = union(m.Headers, o.Headers)
	m.Query = union(m.Query, o.Query)
	m.Targets = union(m.Targets, o.Targets)
}

func union(a, b []string) []string {
	a = append(slices.Clone(a), b...)
	slices.Sort(a)
	return slices.Compact(a)
}

// mentions collects them from an expression: headers["x-tier"], headers.tier, "x-tier" in headers.
func mentions(e ast.Expr) (m Mentions) {
	each(e, func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			m.note(e.AsSelect().Operand(), e.AsSelect().FieldName())
		case ast.CallKind:
			args := e.AsCall().Args()
			if len(args) != 2 {
				return
			}
			table, name := args[0], args[1]
			switch e.AsCall().FunctionName() {
			case operators.In:
				table, name = name, table
			case operators.Index, operators.OptIndex:
			default:
				return
			}
			if text, ok := constant(name); ok {
				m.note(table, text)
			}
		}
	})
	return m
}

func (m *Mentions) note(table ast.Expr, name string) {
	if table.Kind() != ast.IdentKind {
		return
	}
	switch table.AsIdent() {
	case "headers":
		m.Add(Mentions{Headers: []string{textproto.CanonicalMIMEHeaderKey(name)}})
	case "query":
		m.Add(Mentions{Query: []string{name}})
	case "estimate_usd":
		m.Add(Mentions{Targets: []string{name}})
	}
}
