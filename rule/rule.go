package rule

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Rule is a compiled "when". It is never changed; many requests run it at once.
type Rule struct {
	program
	needs    []AnyOf
	quick    quick
	mentions Mentions
}

// Text is a compiled expression that gives a string, such as an experiment's "unit". Like Rule it may be shared.
type Text struct {
	program
	mentions Mentions
}

// Compile checks an expression that is true or false. The error joins an *Error for each thing that is wrong.
func Compile(src string) (*Rule, error) {
	checked, err := check(src, cel.BoolType)
	if err != nil {
		return nil, err
	}
	expr := checked.NativeRep().Expr()
	r := &Rule{program{src: src}, needs(expr), quicken(expr), mentions(expr)}
	if r.quick.whole {
		return r, nil
	}
	if r.program, err = plan(src, checked); err != nil {
		return nil, err
	}
	return r, nil
}

// CompileText checks an expression that gives a string.
func CompileText(src string) (*Text, error) {
	checked, err := check(src, cel.StringType)
	if err != nil {
		return nil, err
	}
	p, err := plan(src, checked)
	if err != nil {
		return nil, err
	}
	return &Text{p, mentions(checked.NativeRep().Expr())}, nil
}

// Match evaluates the rule. If it errs the rule does not match, and the caller should count that. The error may quote what
// the app sent: health and metrics must not show it, but name the route.
//
// A text equality costs some twenty nanoseconds, and so does a rule with more to it if an equality that it needs does not
// hold. Any other rule costs a few hundred, and one with a loop (exists, all, map, filter) as much again for each turn.
func (r *Rule) Match(f *Facts) (bool, error) {
	if r.quick.run != nil {
		if ok := r.quick.run(f); !ok || r.quick.whole {
			return ok, nil
		}
	}
	out, err := r.run(f)
	return out == types.True, err
}

// Needs returns equalities without which the rule cannot match: if one AnyOf is not satisfied, Match returns false and no
// error. There may be none. The caller must not change them.
func (r *Rule) Needs() []AnyOf { return r.needs }

// Mentions returns what the rule looks up in headers and query.
func (r *Rule) Mentions() Mentions { return r.mentions }

// Mentions returns what the expression looks up in headers and query.
func (t *Text) Mentions() Mentions { return t.mentions }

// Eval evaluates the expression. If it errs the text is empty.
func (t *Text) Eval(f *Facts) (string, error) {
	out, err := t.run(f)
	if err != nil {
		return "", err
	}
	s, _ := out.(types.String)
	return string(s), nil
}

// program is what Rule and Text share.
type program struct {
	src string
	cel cel.Program // nil for a Rule that does not need it
}

// String is the expression as it was written.
func (p program) String() string { return p.src }

func (p program) run(f *Facts) (ref.Val, error) {
	out, _, err := p.cel.Eval((*activation)(f))
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", p.src, err)
	}
	return out, nil
}

// activation gives the library a variable when it asks for it. It is the Facts themselves, and what it gives is no
// larger than a pointer, so that neither is allocated.
type activation Facts

func (a *activation) ResolveName(name string) (any, bool) {
	f := (*Facts)(a)
	switch name {
	case "request":
		return object[isRequest]{f}, true
	case "headers":
		return dict[headerTable]{f.Headers}, true
	case "query":
		return dict[multiTable]{f.Query}, true
	case "key":
		return object[isKey]{f}, true
	case "estimate_usd":
		return f.Estimate, true
	}
	return nil, false
}

func (a *activation) Parent() cel.Activation { return nil }
