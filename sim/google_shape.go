package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// shape is what the Gemini API knows of a message: its fields, and what they hold. It accepts names in camelCase and
// in snake_case, and no others.
type shape struct {
	kind   string            // "string", "int32", "float", "bool", "enum", "message", "any"
	many   bool              // a list of it
	fields map[string]*shape // of a message :: name in camelCase → what is in it
}

func message(fields map[string]*shape) *shape { return &shape{kind: "message", fields: fields} }
func listOf(s *shape) *shape                  { return &shape{kind: s.kind, many: true, fields: s.fields} }

// withFields returns a message with more fields; those of the same names are replaced.
func withFields(s *shape, more map[string]*shape) *shape {
	fields := maps.Clone(s.fields)
	maps.Copy(fields, more)
	return message(fields)
}

var (
	aString = &shape{kind: "string"}
	anInt   = &shape{kind: "int32"}
	aFloat  = &shape{kind: "float"}
	aBool   = &shape{kind: "bool"}
	anEnum  = &shape{kind: "enum"}
	anyOf   = &shape{kind: "any"}

	contentShape = message(map[string]*shape{
		"role": aString,
		"parts": listOf(message(map[string]*shape{
			"text": aString, "thought": aBool, "thoughtSignature": aString, "mediaResolution": anyOf, "videoMetadata": anyOf,
			"inlineData":   message(map[string]*shape{"mimeType": aString, "data": aString}),
			"fileData":     message(map[string]*shape{"mimeType": aString, "fileUri": aString}),
			"functionCall": anyOf, "functionResponse": anyOf, "executableCode": anyOf, "codeExecutionResult": anyOf,
		})),
	})

	// generateShape is GenerateContentRequest as the Gemini API has it: what only Vertex has is not in it.
	generateShape = message(map[string]*shape{
		"model": aString, "contents": listOf(contentShape), "systemInstruction": contentShape,
		"safetySettings": listOf(message(map[string]*shape{"category": anEnum, "threshold": anEnum})),
		"tools":          anyOf, "toolConfig": anyOf, "cachedContent": aString, "serviceTier": anyOf, "store": aBool,
		"continuationToken": aString,
		"generationConfig": message(map[string]*shape{
			"candidateCount": anInt, "stopSequences": listOf(aString), "maxOutputTokens": anInt, "temperature": aFloat,
			"topP": aFloat, "topK": aFloat, "seed": anInt, "presencePenalty": aFloat, "frequencyPenalty": aFloat,
			"responseMimeType": aString, "responseSchema": anyOf, "responseJsonSchema": anyOf, "responseLogprobs": aBool,
			"logprobs": anInt, "enableEnhancedCivicAnswers": aBool, "speechConfig": anyOf, "mediaResolution": anEnum,
			"responseModalities": listOf(anEnum),
			"thinkingConfig":     message(map[string]*shape{"thinkingLevel": anEnum, "includeThoughts": aBool, "thinkingBudget": anInt}),
			"imageConfig":        message(map[string]*shape{"aspectRatio": aString, "imageSize": aString}),
			"responseFormat": listOf(message(map[string]*shape{
				"image": message(map[string]*shape{"aspectRatio": anEnum, "imageSize": anEnum, "mimeType": anEnum, "delivery": anEnum}),
			})),
		}),
	})
)

// shapeError is a field that does not exist (name is set), or a value of the wrong type.
type shapeError struct{ name, at, text string }

// fit checks v against s and returns it with all names in camelCase. at is its path in snake_case.
func (s *shape) fit(v any, at string) (any, *shapeError) {
	if s.many {
		items, ok := v.([]any)
		if !ok {
			items = list{v} // proto3 JSON takes a lone value for a list of one
		}
		one := *s
		one.many = false
		for i, item := range items {
			fitted, err := one.fit(item, fmt.Sprintf("%s[%d]", at, i))
			if err != nil {
				return nil, err
			}
			items[i] = fitted
		}
		return items, nil
	}
	if v == nil || s.kind == "any" {
		return v, nil
	}
	if s.kind == "message" {
		return s.fitFields(v, at)
	}
	ok := false
	switch v.(type) {
	case string:
		ok = s.kind == "string" || s.kind == "enum"
	case bool:
		ok = s.kind == "bool"
	case json.Number:
		_, whole := integer(v, -1<<31, 1<<31-1)
		ok = s.kind == "float" || s.kind == "int32" && whole
	}
	if !ok {
		text, _ := json.Marshal(v)
		return nil, &shapeError{at: at, text: fmt.Sprintf("Invalid value at '%s' (TYPE_%s), %s", at, strings.ToUpper(s.kind), text)}
	}
	return v, nil
}

func (s *shape) fitFields(v any, at string) (any, *shapeError) {
	m, ok := v.(obj)
	if !ok {
		return nil, &shapeError{at: at, text: fmt.Sprintf("Invalid value at '%s' (message)", at)}
	}
	out := obj{}
	for k, item := range m {
		name := camel(k)
		field, ok := s.fields[name]
		if !ok || k != name && k != snake(name) {
			return nil, &shapeError{name: k, at: at}
		}
		path := snake(name)
		if at != "" {
			path = at + "." + path
		}
		if _, twice := out[name]; twice {
			return nil, &shapeError{at: path, text: fmt.Sprintf("Invalid value at '%s' (oneof), oneof field is already set.", path)}
		}
		fitted, err := field.fit(item, path)
		if err != nil {
			return nil, err
		}
		if fitted != nil {
			out[name] = fitted
		}
	}
	return out, nil
}

func camel(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
