package router

import "switchyard"

// Choices returns the words that a key of a route may have: "pick", "require.capabilities", "experiment.goal"; nil if it
// takes others, too.
func Choices(key string) []string {
	switch key {
	case "pick":
		return picks
	case "require.capabilities":
		return capabilities
	case "experiment.goal":
		return goals
	case "pay_twice":
		return []string{"allow", "never"}
	case "when_all_open":
		return []string{"fail", "try"}
	case "fidelity":
		return []string{"report", "strict"}
	case "rejoin":
		return []string{"on", "off"}
	case "fallback_on":
		var words []string
		for _, o := range switchyard.Outcomes() {
			words = append(words, string(o))
		}
		return words
	}
	return nil
}
