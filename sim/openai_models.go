package sim

import (
	"strings"

	"switchyard"
)

// openaiModel is one model of the Images API, as recorded in November 2026.
type openaiModel struct {
	id         string
	dead       bool
	dalle      bool
	fixed      []string // sizes; nil for free ones
	qualities  []string
	fidelity   []string // values of input_fidelity; nil if it is not known
	markup     bool
	complexity bool // and GIF, SVG
	tokens     tokenTable
	perRef     int64            // tokens of one reference
	text       switchyard.Money // of a million tokens
	imageIn    switchyard.Money
	imageOut   switchyard.Money
}

// tokenTable is output tokens by quality; for squares, portraits and landscapes.
type tokenTable map[string][3]int64

var (
	threeSizes    = []string{"1024x1024", "1536x1024", "1024x1536"}
	threeGrades   = []string{"low", "medium", "high"}
	fiveGrades    = []string{"low", "medium", "high", "xhigh", "max"}
	firstTokens   = tokenTable{"low": {272, 408, 400}, "medium": {1056, 1584, 1568}, "high": {4160, 6240, 6208}}
	secondTokens  = tokenTable{"low": {196, 158, 158}, "medium": {1756, 1372, 1372}, "high": {7024, 5488, 5488}}
	third25Tokens = tokenTable{
		"low": {196, 158, 158}, "medium": {512, 400, 400}, "high": {1756, 1372, 1372},
		"xhigh": {3512, 2744, 2744}, "max": {7024, 5488, 5488},
	}
	third26Tokens = tokenTable{
		"low": {784, 664, 664}, "medium": {1536, 1200, 1200}, "high": {1756, 1353, 1353},
		"xhigh": {3512, 2744, 2744}, "max": {7024, 5488, 5488},
	}
)

const dollar = switchyard.Dollar

var openaiModels = []openaiModel{
	{id: "dall-e-2", dead: true, dalle: true, fixed: []string{"256x256", "512x512", "1024x1024"}, qualities: []string{"standard"}},
	{id: "dall-e-3", dead: true, dalle: true, fixed: []string{"1024x1024", "1792x1024", "1024x1792"}, qualities: []string{"standard", "hd"}},
	{
		id: "gpt-image-1", dead: true, fixed: threeSizes, qualities: threeGrades, fidelity: []string{"low", "high"},
		tokens: firstTokens, perRef: 323, text: 5 * dollar, imageIn: 10 * dollar, imageOut: 40 * dollar,
	},
	{
		id: "gpt-image-1-mini", fixed: threeSizes, qualities: threeGrades, fidelity: []string{"low"},
		tokens: firstTokens, perRef: 323, text: 2 * dollar, imageIn: 250 * cent, imageOut: 8 * dollar,
	},
	{
		id: "gpt-image-1.5", fixed: threeSizes, qualities: threeGrades, fidelity: []string{"low", "high"},
		tokens: firstTokens, perRef: 323, text: 5 * dollar, imageIn: 8 * dollar, imageOut: 32 * dollar,
	},
	{
		id: "chatgpt-image-latest", fixed: threeSizes, qualities: threeGrades, fidelity: []string{"low", "high"},
		tokens: firstTokens, perRef: 323, text: 5 * dollar, imageIn: 8 * dollar, imageOut: 32 * dollar,
	},
	newer("gpt-image-2", threeGrades, secondTokens),
	newer("gpt-image-2-2026-04-21", threeGrades, secondTokens),
	newer("gpt-image-2.5-sunburst", fiveGrades, third25Tokens),
	newer("gpt-image-2.5-flare", fiveGrades, third25Tokens),
	newer("gpt-image-2.5-sunburst-2026-09-08", fiveGrades, third25Tokens),
	newer("gpt-image-2.5-flare-2026-09-08", fiveGrades, third25Tokens),
	newer("gpt-image-2.6-sunburst", fiveGrades, third26Tokens),
	newer("gpt-image-2.6-flare", fiveGrades, third26Tokens),
}

func newer(id string, qualities []string, t tokenTable) openaiModel {
	return openaiModel{
		id: id, qualities: qualities, tokens: t, perRef: 1460, text: 5 * dollar, imageIn: 8 * dollar, imageOut: 30 * dollar,
		markup: len(qualities) == 5, complexity: strings.HasPrefix(id, "gpt-image-2.6"),
	}
}

// model finds id among the living models.
func (o *openai) model(b Behavior, id string) (openaiModel, bool) {
	for _, m := range openaiModels {
		if m.id == id {
			return m, !matches(b.Gone, id) && (!m.dead || matches(b.Alive, id))
		}
	}
	return openaiModel{}, false
}

// imageTokens returns how many tokens one image of that size counts as.
func (m openaiModel) imageTokens(quality string, s switchyard.Size) int64 {
	t := m.tokens[quality]
	switch {
	case s.Width == s.Height:
		return t[0]
	case s.Width < s.Height:
		return t[1]
	}
	return t[2]
}

// dallePrice returns the price of one image.
func dallePrice(id, size, quality string) switchyard.Money {
	if id == "dall-e-2" {
		return map[string]switchyard.Money{"256x256": dollar * 16 / 1000, "512x512": dollar * 18 / 1000, "1024x1024": 2 * cent}[size]
	}
	price := 4 * cent
	if size != "1024x1024" {
		price = 8 * cent
	}
	if quality == "hd" {
		price += 4 * cent
	}
	return price
}
