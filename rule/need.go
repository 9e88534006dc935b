package rule

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// If an expression needs a fact to have a value, it is false wherever the fact has another, whatever the rest of it would
// be: in CEL false && error and error && false are both false, without an error. So the rest need not be evaluated, and
// no error gets lost. The exception is a loop that exceeds its budget, which ends the whole evaluation: so nothing to the
// right of a loop counts as needed.

// needs returns what an expression cannot be true without. Wherever one of the needs is not satisfied, the expression is
// false, without an error, and before any loop in it begins.
func needs(e ast.Expr) []AnyOf {
	switch operator(e) {
	case operators.LogicalAnd:
		var all []AnyOf
		for _, part := range e.AsCall().Args() {
			all = append(all, needs(part)...)
			if loops(part) {
				break
			}
		}
		return all
	case operators.LogicalOr:
		var union AnyOf
		for _, part := range e.AsCall().Args() {
			of := needs(part)
			if len(of) == 0 {
				return nil
			}
			union = append(union, slices.MinFunc(of, func(a, b AnyOf) int { return len(a) - len(b) })...)
		}
		return []AnyOf{union}
	case operators.Equals, operators.In:
		if fact, texts, ok := equality(e); ok {
			of := make(AnyOf, len(texts))
			for i, t := range texts {
				of[i] = Equal{fact, t}
			}
			return []AnyOf{of}
		}
	}
	return nil
}

// quick is the part of an expression that can be evaluated without CEL. If run is false, the expression is false in the
// way that needs describes. If run is true and whole is set, the expression is true. The zero quick says nothing.
type quick struct {
	run   func(*Facts) bool
	whole bool
}

func quicken(e ast.Expr) quick {
	switch operator(e) {
	case operators.LogicalAnd:
		return both(e.AsCall().Args())
	case operators.LogicalOr:
		return either(e.AsCall().Args())
	case operators.LogicalNot:
		if of := quicken(e.AsCall().Args()[0]); of.whole {
			return quick{func(f *Facts) bool { return !of.run(f) }, true}
		}
	case operators.Equals, operators.In:
		return compare(e, true)
	case operators.NotEquals:
		return compare(e, false)
	}
	return quick{}
}

// both evaluates those parts of a conjunction that are quick.
func both(parts []ast.Expr) quick {
	var runs []func(*Facts) bool
	whole := true
	for _, part := range parts {
		q := quicken(part)
		if q.run != nil {
			runs = append(runs, q.run)
		}
		whole = whole && q.whole
		if loops(part) {
			break
		}
	}
	if len(runs) == 0 {
		return quick{}
	}
	return quick{func(f *Facts) bool {
		for _, run := range runs {
			if !run(f) {
				return false
			}
		}
		return true
	}, whole}
}

// either is quick if all its parts are.
func either(parts []ast.Expr) quick {
	var runs []func(*Facts) bool
	whole := true
	for _, part := range parts {
		q := quicken(part)
		if q.run == nil {
			return quick{}
		}
		runs, whole = append(runs, q.run), whole && q.whole
	}
	return quick{func(f *Facts) bool {
		for _, run := range runs {
			if run(f) {
				return true
			}
		}
		return false
	}, whole}
}

func compare(e ast.Expr, want bool) quick {
	fact, texts, ok := equality(e)
	if !ok {
		return quick{}
	}
	return quick{func(f *Facts) bool {
		_, found := slices.BinarySearch(texts, fact.Text(f))
		return found == want
	}, true}
}

// operator returns the name of a call; empty for everything else.
func operator(e ast.Expr) string {
	if e.Kind() != ast.CallKind {
		return ""
	}
	return e.AsCall().FunctionName()
}

// loops reports whether the expression has a loop.
func loops(e ast.Expr) bool {
	var found bool
	each(e, func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	})
	return found
}

// each visits the parts of an expression, from the outside to the inside and from left to right.
func each(e ast.Expr, visit func(ast.Expr)) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(visit))
}
