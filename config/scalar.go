package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// text lets a type read a scalar that has a form of its own.
func (d *decoder) text(n *Node, into encoding.TextUnmarshaler) {
	s, ok := d.scalarText(n)
	if !ok {
		return
	}
	if err := into.UnmarshalText([]byte(s)); err != nil {
		n.Errorf("%w", unexpanded(err, s, n.node.Value))
	}
}

func (d *decoder) scalar(n *Node, v reflect.Value) {
	s, ok := d.scalarText(n)
	if !ok {
		return
	}
	set, ok := setters(v)
	if !ok {
		n.Errorf("cannot be decoded into %v", v.Type())
		return
	}
	quoted := n.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	if v.Kind() != reflect.String && v.Type() != durationType && quoted && s == n.node.Value {
		n.Errorf("want %s, without quotes, got %s", wanted(v), n.kind())
		return
	}
	if err := set(s); err != nil {
		n.Errorf("want %s, got %s", wanted(v), n.kind())
	}
}

// scalarText is Text that also reports it if the value is a mapping or a list.
func (d *decoder) scalarText(n *Node) (string, bool) {
	if !n.IsScalar() {
		n.Errorf("want a single value, got %s", n.kind())
		return "", false
	}
	return n.Text()
}

// setters returns the function that sets a value of a basic kind from a string.
func setters(v reflect.Value) (func(string) error, bool) {
	switch {
	case v.Type() == durationType:
		return func(s string) error {
			return into(v.SetInt, func() (int64, error) { d, err := ParseDuration(s); return int64(d), err })
		}, true
	case v.Kind() == reflect.String:
		return func(s string) error { v.SetString(s); return nil }, true
	case v.Kind() == reflect.Bool:
		return func(s string) error { return into(v.SetBool, func() (bool, error) { return parseBool(s) }) }, true
	case v.CanInt():
		return func(s string) error {
			return into(v.SetInt, func() (int64, error) { return strconv.ParseInt(s, 10, v.Type().Bits()) })
		}, true
	case v.CanUint():
		return func(s string) error {
			return into(v.SetUint, func() (uint64, error) { return strconv.ParseUint(s, 10, v.Type().Bits()) })
		}, true
	case v.CanFloat():
		return func(s string) error { return into(v.SetFloat, func() (float64, error) { return parseFloat(s) }) }, true
	}
	return nil, false
}

// into sets what parse reads; if parse errs, the value stays as it is.
func into[T any](set func(T), parse func() (T, error)) error {
	x, err := parse()
	if err == nil {
		set(x)
	}
	return err
}

// wanted names the form of value that v takes.
func wanted(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration such as 30s, 10m or 7d"
	case v.Kind() == reflect.Bool:
		return "true, false, on or off"
	case v.CanInt() && v.Type().Bits() == 64:
		return "a whole number"
	case v.CanInt():
		return fmt.Sprintf("a whole number of %d bits", v.Type().Bits())
	case v.CanUint():
		return "a whole number, not negative"
	}
	return "a number"
}

var errForm = errors.New("wrong form")

func parseBool(s string) (bool, error) {
	switch s {
	case "true", "on":
		return true, nil
	case "false", "off":
		return false, nil
	}
	return false, errForm
}

func parseFloat(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return 0, errForm
	}
	return f, err
}

// ParseDuration reads a span of time as files write it: what time.ParseDuration takes, and days, which that leaves out because some have 23
// hours; ours all have 24. A negative span is an error.
func ParseDuration(s string) (time.Duration, error) {
	var days time.Duration
	if whole, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(whole, 10, 16)
		if err != nil {
			return 0, err
		}
		days, s = time.Duration(n)*24*time.Hour, rest
		if s == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err == nil && (d < 0 || days+d < 0) {
		return 0, errForm
	}
	return days + d, err
}

// unexpanded returns err with the text as the file has it, in place of the value of a variable. Error messages quote their input, and that
// value may be a secret in the wrong place.
func unexpanded(err error, value, written string) error {
	if value == written || value == "" {
		return err
	}
	return &said{strings.ReplaceAll(err.Error(), value, written), errForm}
}
