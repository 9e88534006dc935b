package switchyard

import "strconv"

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
	return strconv.FormatFloat(100*share, 'f', 1, 64) + " %"
}
