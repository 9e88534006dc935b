package rule

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Bounds on an expression. What people write has a hundred characters.
const (
	maxLength = 4096
	maxNodes  = 1000
	maxDepth  = 50
	maxRegex  = 10_000 // instructions; a pattern can come from a header
	maxCost   = 100_000
)

// Rule is a compiled "when". It is never changed; many requests run it at once.
type Rule struct{ program }

// Text is a compiled expression that gives a string, such as an experiment's "unit". Like Rule it may be shared.
type Text struct{ program }

// Error is what is wrong with an expression, and where: both count from 1.
type Error struct {
	Line, Col int
	Msg       string
}

// Error is line:col: message, or the message alone if there is no place.
func (e *Error) Error() string {
	if e.Line <= 0 {
		return e.Msg
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Msg)
}

// Compile checks an expression that is true or false. The error joins an *Error for each thing that is wrong.
func Compile(src string) (*Rule, error) {
	p, err := compile(src, cel.BoolType)
	if err != nil {
		return nil, err
	}
	return &Rule{p}, nil
}

// CompileText checks an expression that gives a string.
func CompileText(src string) (*Text, error) {
	p, err := compile(src, cel.StringType)
	if err != nil {
		return nil, err
	}
	return &Text{p}, nil
}

// Match runs the rule. If it errs it does not match, and the caller should count it. The error may quote what the app
// sent; in health and metrics a rule is named by its own text.
func (r *Rule) Match(f *Facts) (bool, error) {
	out, err := r.run(f)
	return err == nil && out == types.True, err
}

// Eval runs the expression; it is empty if it errs.
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
	cel cel.Program
}

// String is the expression as it was written.
func (p program) String() string { return p.src }

func (p program) run(f *Facts) (ref.Val, error) {
	out, _, err := p.cel.Eval(&activation{f})
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", p.src, err)
	}
	return out, nil
}

// activation gives the library a variable when it asks for it.
type activation struct{ facts *Facts }

func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "request":
		return object{a.facts, requestType}, true
	case "headers":
		return dict{headerTable(a.facts.Headers)}, true
	case "query":
		return dict{multiTable(a.facts.Query)}, true
	case "key":
		return object{a.facts, keyType}, true
	case "estimate_usd":
		return a.facts.Estimate, true
	}
	return nil, false
}

func (a *activation) Parent() cel.Activation { return nil }

// environment is built at the first use, since it takes a millisecond that no start without rules should pay.
// Alerts will have one of their own, whose variables are doubles; bounded is for both.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	base, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	return cel.NewEnv(append(bounded(),
		cel.CustomTypeAdapter(base),
		cel.CustomTypeProvider(newProvider(base)),
		cel.Variable("request", requestType),
		cel.Variable("headers", tableType),
		cel.Variable("query", tableType),
		cel.Variable("key", keyType),
		cel.Variable("estimate_usd", cel.MapType(cel.StringType, cel.DoubleType)),
	)...)
})

func bounded() []cel.EnvOption {
	return []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.RegexProgramSizeLimit(maxRegex),
	}
}

func compile(src string, want *cel.Type) (program, error) {
	switch {
	case strings.TrimSpace(src) == "":
		return program{}, &Error{Msg: "empty expression"}
	case len(src) > maxLength:
		return program{}, &Error{Msg: fmt.Sprintf("expression has %d bytes, more than the %d allowed", len(src), maxLength)}
	}
	env, err := environment()
	if err != nil {
		return program{}, fmt.Errorf("rule: %w", err)
	}
	checked, issues := env.Compile(src)
	if issues.Err() != nil {
		return program{}, located(src, issues)
	}
	if got := checked.OutputType(); !got.IsExactType(want) {
		return program{}, &Error{1, 1, fmt.Sprintf("want a result of type %s, got %s", want, got)}
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if loops(checked) {
		options = append(options, cel.CostLimit(maxCost))
	}
	prog, err := env.Program(checked, options...)
	if err != nil { // a constant pattern that is no regular expression, for one
		return program{}, &Error{Msg: err.Error()}
	}
	return program{src, prog}, nil
}

// located turns the library's findings, whose columns count from 0, into ours. Those that only follow from another one
// are left out.
func located(src string, issues *cel.Issues) error {
	lines := strings.Split(src, "\n")
	var errs, follow []error
	for _, e := range issues.Errors() {
		ours := &Error{e.Location.Line(), e.Location.Column() + 1, e.Message}
		if ours.Line >= 1 && ours.Line <= len(lines) {
			// A field is found wrong at its dot; the eye looks for the name.
			if runes := []rune(lines[ours.Line-1]); ours.Col <= len(runes) && ours.Col >= 1 && runes[ours.Col-1] == '.' {
				ours.Col++
			}
		}
		if strings.Contains(e.Message, "!error!") {
			follow = append(follow, ours)
			continue
		}
		errs = append(errs, ours)
	}
	if len(errs) == 0 {
		errs = follow
	}
	return errors.Join(errs...)
}

// loops reports whether the expression has a loop. Counting the cost of the others would only slow them down.
func loops(checked *cel.Ast) bool {
	var found bool
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}
