package rule

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"
)

// Alert is the compiled "when" of an alert. It is never changed; many goroutines may run it at once.
type Alert struct {
	program
	ast   *cel.Ast
	watch watched
}

// watched is the first thing in an expression that is compared with a number: that is what an alert is about.
type watched struct {
	id   int64
	text string
}

// Readings are what the condition of an alert may know. A number that is in no map is unknown: there was no traffic to
// measure it by.
type Readings struct {
	Numbers map[string]float64 // :: one of AlertNumbers → its value
	Subject string             // the one subject that an alert with a "by" is about now
	Down    map[string]bool    // for down(): provider → whether it is down
	Open    map[string]bool    // for breaker_open(): target → whether its breaker is open
	Spent   map[string]float64 // for spent(): budget → share of it that is used
	WarnAt  map[string]float64 // for warn_at(): budget → share at which to warn
}

// Verdict is what a condition comes to.
type Verdict struct {
	Holds bool
	Known bool    // false: the result depends on something unknown, and so the condition does not hold
	Value float64 // of what is compared with a number; 1 or 0 if nothing is. Always finite
	About string  // what is compared with a number, as it is written
}

// CompileAlert checks the condition of an alert. by is the name of the variable that holds its subject; empty if it has
// none. The error joins an *Error for each thing that is wrong.
func CompileAlert(src, by string) (*Alert, error) {
	env, err := alerts()
	if err != nil {
		return nil, fmt.Errorf("rule: %w", err)
	}
	if by != "" {
		if env, err = env.Extend(cel.Variable(by, cel.StringType)); err != nil {
			return nil, fmt.Errorf("rule: %w", err)
		}
	}
	checked, err := checkIn(env, src, cel.BoolType)
	if err != nil {
		return nil, err
	}
	prog, err := env.Program(checked, cel.EvalOptions(cel.OptExhaustiveEval), cel.CostLimit(maxCost))
	if err != nil {
		return nil, &Error{Msg: err.Error()}
	}
	return &Alert{program{src, prog}, checked, watch(checked)}, nil
}

// Judge evaluates the condition.
func (a *Alert) Judge(r *Readings) (Verdict, error) {
	vars, err := cel.FunctionVars(&readings{r}, r.functions())
	if err != nil {
		return Verdict{}, fmt.Errorf("rule %q: %w", a.src, err)
	}
	out, details, err := a.cel.Eval(vars)
	if err != nil {
		return Verdict{}, fmt.Errorf("rule %q: %w", a.src, err)
	}
	v := Verdict{Holds: out == types.True, Known: !types.IsUnknown(out), About: a.watch.text}
	if v.Holds {
		v.Value = 1
	}
	if a.watch.text != "" {
		v.Value = 0
		if got, ok := details.State().Value(a.watch.id); ok {
			v.Value = finite(got)
		}
	}
	return v, nil
}

// Names returns the names that are written out as arguments of a function in the condition, such as the providers in
// calls of down.
func (a *Alert) Names(function string) []string {
	var names []string
	each(a.ast.NativeRep().Expr(), func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != function {
			return
		}
		if name, ok := constant(e.AsCall().Args()[0]); ok {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Reads reports whether the condition uses one of these variables.
func (a *Alert) Reads(variables ...string) bool {
	found := false
	each(a.ast.NativeRep().Expr(), func(e ast.Expr) {
		found = found || e.Kind() == ast.IdentKind && slices.Contains(variables, e.AsIdent())
	})
	return found
}

// AlertNumbers are the variables of conditions. All are doubles, over the window of the alert.
var AlertNumbers = []string{
	"generations", "success_rate", "mean_seconds", "p95_seconds", "images", "cost_usd", "possible_usd", "unknown_price",
	"attempts", "errors", "fallback_cost_ratio", "config_refused", "ledger_failing", "models_ending",
}

// The functions in conditions; each takes a name.
const (
	FuncDown   = "down"
	FuncOpen   = "breaker_open"
	FuncSpent  = "spent"
	FuncWarnAt = "warn_at"
)

// functions answer from the readings.
func (r *Readings) functions() map[string]cel.LateBoundFunction {
	return map[string]cel.LateBoundFunction{
		FuncDown:   asked(r.Down, func(down bool) ref.Val { return types.Bool(down) }),
		FuncOpen:   asked(r.Open, func(open bool) ref.Val { return types.Bool(open) }),
		FuncSpent:  asked(r.Spent, func(share float64) ref.Val { return types.Double(share) }),
		FuncWarnAt: asked(r.WarnAt, func(share float64) ref.Val { return types.Double(share) }),
	}
}

// asked makes a function that looks a name up.
func asked[T any](known map[string]T, value func(T) ref.Val) cel.LateBoundFunction {
	return func(_ string, args ...ref.Val) ref.Val {
		name, _ := args[0].(types.String)
		v, ok := known[string(name)]
		if !ok {
			return unknown
		}
		return value(v)
	}
}

// unknown is a value that is not known. In CEL, whatever depends on it is unknown, too, and nothing else is.
var unknown = types.NewUnknown(1, nil)

// readings give the library a variable when it asks for it.
type readings struct{ *Readings }

func (r *readings) ResolveName(name string) (any, bool) {
	if v, ok := r.Numbers[name]; ok {
		return v, true
	}
	if slices.Contains(AlertNumbers, name) {
		return unknown, true
	}
	return r.Subject, true // the only other variable
}

func (r *readings) Parent() cel.Activation { return nil }

// watch finds what an expression compares with a number.
func watch(checked *cel.Ast) (w watched) {
	tree := checked.NativeRep()
	each(tree.Expr(), func(e ast.Expr) {
		if w.text != "" || e.Kind() != ast.CallKind || !compares(e.AsCall().FunctionName()) {
			return
		}
		left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
		if left.Kind() == ast.LiteralKind {
			left = right
		}
		if t := tree.GetType(left.ID()); t.IsExactType(cel.DoubleType) || t.IsExactType(cel.IntType) {
			w.id = left.ID()
			w.text, _ = parser.Unparse(left, tree.SourceInfo())
		}
	})
	w.text = strings.Join(strings.Fields(w.text), " ")
	return w
}

func compares(function string) bool {
	switch function {
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals, operators.Equals, operators.NotEquals:
		return true
	}
	return false
}

// finite returns a number that every format can hold; 0 in place of any other.
func finite(v ref.Val) float64 {
	var n float64
	switch v := v.(type) {
	case types.Double:
		n = float64(v)
	case types.Int:
		n = float64(v)
	}
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}
