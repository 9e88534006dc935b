package switchyard

import (
	"math"
	"strconv"
)

// Percent is a share of a whole, from 0 to 1, for people: "95.7 %". Only all is "100 %", and only nothing is "0 %".
func Percent(share float64) string {
	switch {
	case share == 1:
		return "100 %"
	case share == 0:
		return "0 %"
	case share > 0.999 && share < 1:
		return ">99.9 %"
	case share > 0 && share < 0.001:
		return "<0.1 %"
	}
	// FormatFloat by itself would make 56.2 of 56.25, where browsers make 56.3.
	return strconv.FormatFloat(math.Round(1000*share)/10, 'f', 1, 64) + " %"
}
