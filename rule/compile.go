package rule

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Bounds on an expression. The ones that people write have a hundred characters.
const (
	maxLength = 4096
	maxNodes  = 1000
	maxDepth  = 50
	maxRegex  = 10_000 // instructions; a pattern can come from a header
	maxCost   = 100_000
)

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

// environment is built at first use: it takes a millisecond, which a start without rules should not spend. Alerts have
// one of their own; bounded is for both.
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

// alerts is the environment of alerts' conditions, whose variables are doubles.
var alerts = sync.OnceValues(func() (*cel.Env, error) {
	options := bounded()
	for _, name := range AlertNumbers {
		options = append(options, cel.Variable(name, cel.DoubleType))
	}
	for name, result := range map[string]*cel.Type{
		FuncDown: cel.BoolType, FuncOpen: cel.BoolType, FuncSpent: cel.DoubleType, FuncWarnAt: cel.DoubleType,
	} {
		options = append(options, cel.Function(name,
			cel.Overload(name+"_string", []*cel.Type{cel.StringType}, result, cel.LateFunctionBinding())))
	}
	return cel.NewEnv(options...)
})

func check(src string, want *cel.Type) (*cel.Ast, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	return checkIn(env, src, want)
}

func checkIn(env *cel.Env, src string, want *cel.Type) (*cel.Ast, error) {
	switch {
	case strings.TrimSpace(src) == "":
		return nil, &Error{Msg: "empty expression"}
	case len(src) > maxLength:
		return nil, &Error{Msg: fmt.Sprintf("expression has %d bytes, more than the %d allowed", len(src), maxLength)}
	}
	checked, issues := env.Compile(src)
	if issues.Err() != nil {
		return nil, located(src, issues)
	}
	if got := checked.OutputType(); !got.IsExactType(want) {
		return nil, &Error{1, 1, fmt.Sprintf("want a result of type %s, got %s", want, got)}
	}
	return checked, nil
}

func plan(src string, checked *cel.Ast) (program, error) {
	env, err := environment()
	if err != nil {
		return program{}, fmt.Errorf("rule: %w", err)
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if loops(checked.NativeRep().Expr()) { // the others need no budget, and counting would slow them down
		options = append(options, cel.CostLimit(maxCost))
	}
	prog, err := env.Program(checked, options...)
	if err != nil { // for example a constant pattern that is not a regular expression
		return program{}, &Error{Msg: err.Error()}
	}
	return program{src, prog}, nil
}

// halfOperator finds the sign of another language's operator, or half of one of CEL's.
var halfOperator = regexp.MustCompile(`token recognition error at: '([=&|])`)

// located turns the library's findings, whose columns count from 0, into ours. It leaves out findings that only follow
// from another.
func located(src string, issues *cel.Issues) error {
	lines := strings.Split(src, "\n")
	var errs, follow []error
	for _, e := range issues.Errors() {
		if half := halfOperator.FindStringSubmatch(e.Message); half != nil { // what the library says besides only follows from it
			return &Error{e.Location.Line(), e.Location.Column() + 1, fmt.Sprintf("Syntax error: %q alone is no operator; did you mean %q?", half[1], half[1]+half[1])}
		}
		ours := &Error{e.Location.Line(), e.Location.Column() + 1, readable(e.Message)}
		if ours.Line >= 1 && ours.Line <= len(lines) {
			// The library reports a wrong field at its dot; people look for the name.
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

// readable returns a finding without the list of everything that could stand there instead.
func readable(finding string) string {
	finding, _, _ = strings.Cut(finding, " expecting {")
	return strings.Replace(finding, "mismatched input '<EOF>'", "it ends too early", 1)
}
