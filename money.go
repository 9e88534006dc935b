package switchyard

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Money is an amount in nano-dollars: a whole number, so that sums are exact whatever their order. One dollar is 1e9.
type Money int64

// Dollar is one US dollar.
const Dollar Money = 1_000_000_000

var errMoney = errors.New("want dollars such as 0.04, with at most nine decimals")

// ParseMoney reads a plain decimal number of dollars, exactly. More than nine decimals are refused, not rounded.
func ParseMoney(s string) (Money, error) {
	if strings.Trim(s, "+-.0123456789") != "" { // a big.Rat may also be a fraction, have an exponent, or be in binary
		return 0, fmt.Errorf("money %q: %w", s, errMoney)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("money %q: %w", s, errMoney)
	}
	r.Mul(r, big.NewRat(int64(Dollar), 1))
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, fmt.Errorf("money %q: %w", s, errMoney)
	}
	return Money(r.Num().Int64()), nil
}

// String is dollars without trailing zeros: "0.04", "3", "-0.000000001".
func (m Money) String() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", -u
	}
	whole, frac := u/uint64(Dollar), u%uint64(Dollar)
	if frac == 0 {
		return fmt.Sprintf("%s%d", sign, whole)
	}
	return fmt.Sprintf("%s%d.%s", sign, whole, strings.TrimRight(fmt.Sprintf("%09d", frac), "0"))
}

// InDollars is the exact amount for people, with at least two decimals: "$0.80", "$0.0336", "-$3.00".
func (m Money) InDollars() string {
	text, negative := strings.CutPrefix(m.String(), "-")
	whole, frac, _ := strings.Cut(text, ".")
	text = "$" + whole + "." + frac + strings.Repeat("0", max(2-len(frac), 0))
	if negative {
		return "-" + text
	}
	return text
}

// Dollars is the amount for display and statistics only; never add what it returns.
func (m Money) Dollars() float64 { return float64(m) / float64(Dollar) }

// Times returns m × n / d, rounded half away from zero, without overflow in between; a result that is too large for Money
// becomes the largest Money. It panics if d is zero.
func (m Money) Times(n, d int64) Money {
	p := new(big.Int).Mul(big.NewInt(int64(m)), big.NewInt(n))
	q, r := new(big.Int).QuoRem(p, big.NewInt(d), new(big.Int))
	if r.Abs(r).Lsh(r, 1).CmpAbs(big.NewInt(d)) >= 0 {
		q.Add(q, big.NewInt(int64(p.Sign()*sign(d))))
	}
	switch {
	case q.IsInt64():
		return Money(q.Int64())
	case q.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

func sign(d int64) int {
	if d < 0 {
		return -1
	}
	return 1
}

// UnmarshalText lets money stand in YAML and JSON as a decimal number of dollars.
func (m *Money) UnmarshalText(b []byte) (err error) { *m, err = ParseMoney(string(b)); return err }

// MarshalText is the inverse of UnmarshalText.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
