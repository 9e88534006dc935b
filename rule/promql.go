package rule

import (
	"fmt"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// PromQL says how the parts of conditions are written in Prometheus' language. Each function returns an expression that
// can be part of an arithmetic one; empty if there is none.
type PromQL struct {
	Number func(name string) string           // of one of AlertNumbers
	Call   func(function, name string) string // for a name; if that is empty, for each subject. True is 1, false is 0
}

// PromQL writes the condition for Prometheus, where a comparison keeps the series for which it holds. What cannot be
// written so is an error.
func (a *Alert) PromQL(p PromQL) (string, error) { return p.condition(a.ast.NativeRep().Expr()) }

var (
	promLogic   = map[string]string{operators.LogicalAnd: "and", operators.LogicalOr: "or"}
	promCompare = map[string]string{
		operators.Less: "<", operators.LessEquals: "<=", operators.Greater: ">", operators.GreaterEquals: ">=",
		operators.Equals: "==", operators.NotEquals: "!=",
	}
	promArithmetic = map[string]string{
		operators.Add: "+", operators.Subtract: "-", operators.Multiply: "*", operators.Divide: "/",
	}
)

// condition writes an expression that is true or false.
func (p PromQL) condition(e ast.Expr) (string, error) {
	if e.Kind() != ast.CallKind {
		return "", errNoPromQL(e)
	}
	c := e.AsCall()
	if logic, ok := promLogic[c.FunctionName()]; ok {
		return p.join(c.Args(), ") "+logic+" (", p.condition)
	}
	if compare, ok := promCompare[c.FunctionName()]; ok {
		left, err := p.number(c.Args()[0])
		if err != nil {
			return "", err
		}
		right, err := p.number(c.Args()[1])
		if err != nil {
			return "", err
		}
		return left + " " + compare + " " + right, nil
	}
	want := " == 1"
	if c.FunctionName() == operators.LogicalNot {
		e, want = c.Args()[0], " == 0"
	}
	text, err := p.number(e)
	if err != nil {
		return "", err
	}
	return text + want, nil
}

// number writes an expression that is a number.
func (p PromQL) number(e ast.Expr) (text string, err error) {
	switch e.Kind() {
	case ast.IdentKind:
		text = p.Number(e.AsIdent())
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Double:
			text = strconv.FormatFloat(float64(v), 'g', -1, 64)
		case types.Int:
			text = strconv.FormatInt(int64(v), 10)
		}
	case ast.CallKind:
		c := e.AsCall()
		if operator, ok := promArithmetic[c.FunctionName()]; ok {
			return p.join(c.Args(), " "+operator+" ", p.number)
		}
		if len(c.Args()) == 1 {
			name, spelled := constant(c.Args()[0])
			if spelled || c.Args()[0].Kind() == ast.IdentKind {
				text = p.Call(c.FunctionName(), name)
			}
		}
	}
	if text == "" {
		err = errNoPromQL(e)
	}
	return text, err
}

// join writes both sides, in parentheses.
func (p PromQL) join(sides []ast.Expr, between string, write func(ast.Expr) (string, error)) (string, error) {
	left, err := write(sides[0])
	if err != nil {
		return "", err
	}
	right, err := write(sides[1])
	if err != nil {
		return "", err
	}
	return "(" + left + between + right + ")", nil
}

func errNoPromQL(e ast.Expr) error {
	what := "a part of it"
	switch e.Kind() {
	case ast.IdentKind:
		what = e.AsIdent()
	case ast.CallKind:
		what = e.AsCall().FunctionName()
	}
	return fmt.Errorf("%s has no form in PromQL", what)
}
