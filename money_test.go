package switchyard_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"switchyard"
)

func TestMoney(t *testing.T) {
	for text, want := range map[string]switchyard.Money{
		"0.04": 40_000_000, "0": 0, "3": 3_000_000_000, "-0.000000001": -1, "0.000725": 725_000, "1.50": 1_500_000_000, "9223372036.854775807": 1<<63 - 1,
	} {
		got, err := switchyard.ParseMoney(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := switchyard.ParseMoney(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s", text, got)
		}
	}
	for _, text := range []string{"", "a", "1e3", "0.0000000001", "1/3", "9223372036.854775808", "0x10", "0b11", "0o17", "1_0", "Inf", "NaN"} {
		if got, err := switchyard.ParseMoney(text); err == nil {
			t.Errorf("%q is $%s", text, got)
		}
	}
}

func TestInDollars(t *testing.T) {
	for m, want := range map[switchyard.Money]string{
		0: "$0.00", 3 * switchyard.Dollar: "$3.00", 800_000_000: "$0.80", 33_600_000: "$0.0336", 1: "$0.000000001", -1_500_000_000: "-$1.50",
	} {
		if got := m.InDollars(); got != want {
			t.Errorf("%d: %s, want %s", m, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0 %", 0.0004: "<0.1 %", 0.001: "0.1 %", 0.957: "95.7 %", 0.5625: "56.3 %", 0.0625: "6.3 %", 0.999: "99.9 %", 0.9996: ">99.9 %", 1: "100 %",
	} {
		if got := switchyard.Percent(share); got != want {
			t.Errorf("%v: %s, want %s", share, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct{ m, n, d, want int64 }{
		{1, 1, 2, 1},
		{1, 1, 3, 0},
		{-1, 1, 2, -1},
		{5, 3, 2, 8},
		{1 << 62, 4, 8, 1 << 61},
		{30_000_000_000, 1120, 1_000_000, 33_600_000},
		{7, -1, 2, -4},
		{7, 1, -2, -4},
		{1 << 62, 1 << 62, 1, math.MaxInt64},
		{-1 << 62, 1 << 62, 1, math.MinInt64}, // as near as can be, and of the right sign
	} {
		if got := switchyard.Money(c.m).Times(c.n, c.d); int64(got) != c.want {
			t.Errorf("%d × %d / %d = %d, want %d", c.m, c.n, c.d, got, c.want)
		}
	}
}

func TestSecret(t *testing.T) {
	s := switchyard.NewSecret("sk-very-secret")
	text, _ := s.MarshalText()
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s), fmt.Sprint([]switchyard.Secret{s}), fmt.Sprintf("%v", struct{ S switchyard.Secret }{s}), string(text), s.LogValue().String()} {
		if strings.Contains(printed, "very") || strings.Contains(printed, "76657279") {
			t.Errorf("printed as %s", printed)
		}
	}
	if s.Reveal() != "sk-very-secret" || !s.Equal(switchyard.NewSecret("sk-very-secret")) || s.Equal(switchyard.NewSecret("sk")) || s.IsZero() {
		t.Error("it is not what it was")
	}
}

func TestAspect(t *testing.T) {
	for _, c := range []struct {
		size switchyard.Size
		want string
	}{{switchyard.Size{Width: 1536, Height: 1024}, "3:2"}, {switchyard.Size{Width: 1376, Height: 768}, "43:24"}, {switchyard.Size{}, ""}} {
		if got := c.size.Aspect().String(); got != c.want {
			t.Errorf("%v is %s, want %s", c.size, got, c.want)
		}
	}
	choices := []switchyard.Aspect{{W: 1, H: 1}, {W: 16, H: 9}, {W: 9, H: 16}, {W: 4, H: 3}}
	if got := (switchyard.Aspect{W: 7, H: 4}).Nearest(choices); got != (switchyard.Aspect{W: 16, H: 9}) {
		t.Errorf("7:4 is nearest to %s", got)
	}
	for _, text := range []string{"1024", "0x5", "-1x5", "1x", "ax b", "99999999x1"} {
		if _, err := switchyard.ParseSize(text); err == nil {
			t.Errorf("%q is a size", text)
		}
	}
}
