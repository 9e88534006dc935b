package sim

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"maps"

	"switchyard"
)

// textTokens returns how many tokens a prompt counts as.
func textTokens(s string) int64 { return int64(len(s)+3)/4 + 2 }

func million(price switchyard.Money, tokens int64) switchyard.Money {
	return price.Times(tokens, 1_000_000)
}

// chunks returns the answer as a stream sends it: words, drafts, the whole picture, the end. Without a stream they
// are merged into one. cost is what is charged for it.
func (j contentJob) chunks(x *exchange) (out []any, cost switchyard.Money, images int) {
	u := usageCount{text: textTokens(j.prompt), imageIn: int64(j.references) * 258}
	if j.m.newer {
		u.imageIn = int64(j.references) * 560
	}
	id := rand.Text()[:22]
	chunk := func(candidate obj, usage obj) {
		c := obj{"usageMetadata": usage, "modelVersion": j.m.id, "responseId": id}
		if candidate != nil {
			candidate["index"] = 0
			c["candidates"] = list{candidate}
		}
		out = append(out, c)
	}
	parts := func(p ...any) obj { return obj{"content": obj{"role": "model", "parts": p}} }
	end := func(reason string) obj {
		return obj{"content": obj{"role": "model"}, "finishReason": reason}
	}
	switch {
	case x.b.Fault == Filter:
		chunk(nil, u.first())
		out[0].(obj)["promptFeedback"] = obj{"blockReason": "PROHIBITED_CONTENT"}
	case x.b.Fault == FilterOutput || x.b.Fault == FilterSome:
		chunk(obj{
			"content": obj{}, "finishReason": "IMAGE_SAFETY",
			"finishMessage": "Unable to show the generated image. The image was filtered out because it violated the usage policies.",
		}, u.first())
	case x.b.Fault == Empty:
		chunk(obj{"content": obj{}, "finishReason": "NO_IMAGE"}, u.first())
	case x.b.Quirks.TextOnly || !j.imageOut:
		u.textOut = 15
		chunk(parts(obj{"text": "I can't create that image, but I can draw a sunset instead."}), u.first())
		chunk(end("STOP"), u.all(x.b.Quirks.NoDetails))
	default:
		images = 1
		j.pictures(x, &u, func(p obj) { chunk(parts(p), u.first()) })
		chunk(end("STOP"), u.all(x.b.Quirks.NoDetails))
	}
	return out, u.cost(j.m), images
}

// pictures passes the words, the drafts and the picture to say, and counts the usage.
func (j contentJob) pictures(x *exchange, u *usageCount, say func(part obj)) {
	if j.text {
		u.textOut = 5
		say(obj{"text": "Here is your picture."})
	}
	format := "png"
	if j.m.newer {
		format = "jpeg"
	}
	format = cmp.Or(j.format, format)
	inline := func(index int) obj {
		data := x.picture(j.size, format, Art{Prompt: j.prompt, Index: index, References: j.references})
		return obj{"mimeType": "image/" + format, "data": base64.StdEncoding.EncodeToString(data)}
	}
	if j.m.draft || x.b.Quirks.Drafts {
		u.thoughts = 210
		say(obj{"text": "Let me try the composition first.", "thought": true})
		say(obj{"inlineData": inline(DraftIndex), "thought": true})
	}
	u.imageOut = j.m.tokens[j.class]
	picture := obj{"inlineData": inline(0)}
	if j.m.newer {
		picture["thoughtSignature"] = "c2ln"
	}
	say(picture)
}

// usageCount is tokens as the Gemini API counts them.
type usageCount struct{ text, imageIn, textOut, imageOut, thoughts int64 }

func (u usageCount) prompt() int64 { return u.text + u.imageIn }

// first returns the usage before anything is made.
func (u usageCount) first() obj {
	return obj{"promptTokenCount": u.prompt(), "totalTokenCount": u.prompt(), "promptTokensDetails": u.promptDetails()}
}

func (u usageCount) promptDetails() list {
	d := list{obj{"modality": "TEXT", "tokenCount": u.text}}
	if u.imageIn > 0 {
		d = append(d, obj{"modality": "IMAGE", "tokenCount": u.imageIn})
	}
	return d
}

func (u usageCount) all(noDetails bool) obj {
	out := u.imageOut + u.textOut
	m := obj{"promptTokenCount": u.prompt(), "candidatesTokenCount": out, "totalTokenCount": u.prompt() + out + u.thoughts}
	if u.thoughts > 0 {
		m["thoughtsTokenCount"] = u.thoughts
	}
	if !noDetails {
		m["promptTokensDetails"] = u.promptDetails()
		if u.imageOut > 0 {
			m["candidatesTokensDetails"] = list{obj{"modality": "IMAGE", "tokenCount": u.imageOut}}
		}
	}
	return m
}

// cost returns the charge, which is the same if no image was made; only a blocked prompt is free.
func (u usageCount) cost(m googleModel) switchyard.Money {
	return million(m.in, u.prompt()) + million(m.image, u.imageOut) + million(m.out, u.textOut+u.thoughts)
}

// mergeChunks makes one answer of the stream's chunks.
func mergeChunks(chunks []any) obj {
	last := maps.Clone(chunks[len(chunks)-1].(obj))
	var parts list
	for _, c := range chunks {
		for _, cand := range asList(c.(obj)["candidates"]) {
			parts = append(parts, asList(nested(cand.(obj), "content")["parts"])...)
		}
	}
	if len(parts) > 0 {
		candidate := maps.Clone(asList(last["candidates"])[0].(obj))
		candidate["content"] = obj{"role": "model", "parts": parts}
		last["candidates"] = list{candidate}
	}
	return last
}
