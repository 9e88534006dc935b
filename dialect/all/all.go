// Package all is the list of dialects. A new provider is a folder beside it and a line in it.
package all

import (
	"switchyard/dialect"
	"switchyard/dialect/fal"
	"switchyard/dialect/gemini"
	"switchyard/dialect/openai"
	"switchyard/dialect/replicate"
	"switchyard/dialect/vertex"
)

// Dialects returns all of them, in the order in which they claim paths without a prefix: OpenAI, which takes what is
// left of /v1, comes last.
func Dialects() []dialect.Dialect {
	return []dialect.Dialect{vertex.Dialect{}, gemini.Dialect{}, replicate.Dialect{}, fal.Dialect{}, openai.Dialect{}}
}

// Names returns what they are called, in the same order.
func Names() (names []string) {
	for _, d := range Dialects() {
		names = append(names, d.Name())
	}
	return names
}

// Find returns the dialect of a name; nil if there is none.
func Find(name string) dialect.Dialect {
	for _, d := range Dialects() {
		if d.Name() == name {
			return d
		}
	}
	return nil
}
