package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"switchyard"
)

// priceParts are the figures of a price, in the order in which people look for them; none of one that nobody knows, and
// none of what is free.
func priceParts(p *switchyard.Price) []pricePart {
	if p == nil {
		return nil
	}
	var parts []pricePart
	add := func(unit, of string, m switchyard.Money) {
		if m != 0 {
			parts = append(parts, pricePart{unit, of, json.Number(m.String())})
		}
	}
	add("image", "", p.Image)
	for _, key := range slices.Sorted(maps.Keys(p.Images)) {
		add("image", key, p.Images[key])
	}
	add("first megapixel", "", p.FirstMegapixel)
	if p.FirstMegapixel > 0 {
		add("further megapixel", "", p.Megapixel)
	} else {
		add("megapixel", "", p.Megapixel)
	}
	add("megapixel of a reference", "", p.InputMegapixel)
	add("reference", "", p.Reference)
	add("second", "", p.Second)
	if t := p.Tokens; t != nil {
		add("million text tokens in", "", t.TextIn)
		add("million image tokens in", "", t.ImageIn)
		add("million text tokens out", "", t.TextOut)
		add("million image tokens out", "", t.ImageOut)
	}
	for _, part := range priceParts(p.Edit) {
		parts = append(parts, pricePart{part.Unit, strings.TrimSpace(part.Of + " with references"), part.USD})
	}
	return parts
}

// priceText is a price on one line: images by size and quality as a range, tokens only where nothing else is known.
func priceText(p *switchyard.Price) string {
	if p == nil {
		return "unknown"
	}
	var words []string
	if low, high, ok := imageRange(p); ok && low == high {
		words = append(words, low.InDollars()+"/image")
	} else if ok {
		words = append(words, low.InDollars()+"–"+high.InDollars()+"/image")
	}
	short := map[string]string{
		"first megapixel": "first MP", "further megapixel": "MP more", "megapixel": "MP", "megapixel of a reference": "MP in",
		"reference": "reference", "second": "s",
	}
	for _, part := range priceParts(p) {
		if unit := short[part.Unit]; unit != "" {
			words = append(words, strings.TrimSpace(inDollars(part.USD)+"/"+unit+" "+part.Of))
		}
	}
	switch {
	case p.Tokens != nil && len(words) > 0:
		return strings.Join(words, " + ") + ", or by its tokens"
	case p.Tokens != nil:
		words = append(words, p.Tokens.ImageOut.InDollars()+"/M image tokens")
	case len(words) == 0:
		return "free"
	}
	return strings.Join(words, " + ")
}

// imageRange is the lowest and the highest price by the image.
func imageRange(p *switchyard.Price) (low, high switchyard.Money, ok bool) {
	all := slices.Collect(maps.Values(p.Images))
	if p.Image != 0 {
		all = append(all, p.Image)
	}
	if len(all) == 0 {
		return 0, 0, false
	}
	return slices.Min(all), slices.Max(all), true
}
