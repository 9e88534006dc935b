package sim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/gif"
	"net/http"
	"slices"
	"strings"

	_ "golang.org/x/image/webp"

	"switchyard"
)

// contentJob is a checked generateContent request.
type contentJob struct {
	m          googleModel
	prompt     string
	references int
	size       switchyard.Size
	class      string
	text       bool   // the app wants words too
	imageOut   bool   // and an image
	format     string // of the image; empty if nothing is asked
}

func (g *google) content(x *exchange, m googleModel, stream bool) {
	job, ok := g.readContent(x, m)
	if !ok {
		return
	}
	x.generate(m.id, 1, func() {
		chunks, cost, images := job.chunks(x)
		x.p.charge(m.id, images, cost, job.prompt, x.r.Header)
		x.made = true
		switch {
		case !stream:
			x.json(http.StatusOK, googleJSON, mergeChunks(chunks))
		case x.r.URL.Query().Get("alt") == "sse":
			x.events("text/event-stream", unnamed(chunks))
		default:
			x.json(http.StatusOK, googleJSON, chunks)
		}
	})
}

func (g *google) readContent(x *exchange, m googleModel) (j contentJob, ok bool) {
	j.m = m
	body, err := x.object()
	if err != nil {
		g.badJSON(x, err)
		return j, false
	}
	known, schemes := generateShape, []string{"http", "https"} // of files
	if x.cloud() {
		known, schemes = cloudShape, append(schemes, "gs")
	}
	fitted, bad := known.fit(body, "")
	if bad != nil {
		if bad.name != "" {
			g.unknownName(x, bad.name, bad.at)
			return j, false
		}
		g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", bad.text,
			obj{"@type": typePrefix + "BadRequest", "fieldViolations": list{obj{"field": bad.at, "description": bad.text}}})
		return j, false
	}
	req := fitted.(obj)
	last, note := j.readParts(req, schemes)
	x.about(m.id, j.prompt)
	if note == "" {
		note = j.readConfig(req, last)
	}
	if note != "" {
		g.invalid(x, note)
		return j, false
	}
	return j, true
}

// readParts reads the prompt, which is all of the user's words, one line for each part, and looks at the references.
// last is the size of the last of these.
func (j *contentJob) readParts(req obj, schemes []string) (last switchyard.Size, note string) {
	var words []string
	contents, _ := req["contents"].([]any)
	for i, c := range contents {
		content, _ := c.(obj)
		role, _ := content["role"].(string)
		if role != "user" && role != "model" && !(role == "" && len(contents) == 1) {
			return last, fmt.Sprintf("contents[%d].role %q", i, role)
		}
		parts, _ := content["parts"].([]any)
		if len(parts) == 0 {
			return last, fmt.Sprintf("contents[%d] has no parts", i)
		}
		for _, p := range parts {
			size, text, note := readPart(asObject(p), schemes)
			if note != "" {
				return last, note
			}
			if text != "" && role != "model" {
				words = append(words, text)
			}
			if size != (switchyard.Size{}) {
				last = size
				j.references++
			}
		}
	}
	most := 3
	if j.m.newer {
		most = 14
	}
	if j.references > most {
		return last, fmt.Sprintf("%d images, at most %d", j.references, most)
	}
	if j.prompt = strings.Join(words, "\n"); j.prompt == "" {
		return last, "no text"
	}
	return last, ""
}

func readPart(p obj, schemes []string) (size switchyard.Size, text, note string) {
	text, isText := p["text"].(string)
	inline, isInline := p["inlineData"].(obj)
	ref, isFile := p["fileData"].(obj)
	switch {
	case isText && !isInline && !isFile:
		return size, text, ""
	case isInline && !isText && !isFile:
		mime, _ := inline["mimeType"].(string)
		encoded, _ := inline["data"].(string)
		if !slices.Contains([]string{"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}, mime) {
			return size, "", fmt.Sprintf("inlineData.mimeType %q", mime)
		}
		data, err := decodeBase64(encoded)
		if err != nil {
			return size, "", "inlineData.data: " + err.Error()
		}
		cfg, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil && (mime == "image/heic" || mime == "image/heif") && len(data) > 12 {
			return switchyard.Size{Width: 1024, Height: 1024}, "", ""
		}
		if err != nil {
			return size, "", "inlineData.data: " + err.Error()
		}
		return switchyard.Size{Width: cfg.Width, Height: cfg.Height}, "", ""
	case isFile && !isText && !isInline:
		uri, _ := ref["fileUri"].(string)
		if scheme, _, _ := strings.Cut(uri, "://"); !slices.Contains(schemes, scheme) {
			return size, "", fmt.Sprintf("fileData.fileUri %q", uri)
		}
		return switchyard.Size{Width: 1024, Height: 1024}, "", ""
	}
	return size, "", "a part wants one of text, inlineData, fileData"
}

// decodeBase64 accepts both alphabets, with and without padding.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(s, "=")
	if strings.ContainsAny(s, "-_") {
		return base64.RawURLEncoding.DecodeString(s)
	}
	return base64.RawStdEncoding.DecodeString(s)
}

func (j *contentJob) readConfig(req obj, last switchyard.Size) (note string) {
	cfg, _ := req["generationConfig"].(obj)
	if n, there := cfg["candidateCount"]; there && n != json.Number("1") {
		return fmt.Sprintf("candidateCount %v", n)
	}
	j.text, j.imageOut = true, true
	if modalities, there := cfg["responseModalities"].([]any); there {
		j.text, j.imageOut = false, false
		for _, m := range modalities {
			switch s, _ := m.(string); strings.ToUpper(s) {
			case "TEXT":
				j.text = true
			case "IMAGE":
				j.imageOut = true
			default:
				return fmt.Sprintf("responseModalities %v", m)
			}
		}
	}
	if level, there := nested(cfg, "thinkingConfig")["thinkingLevel"].(string); there {
		if !j.m.newer || !oneOf(level, "MINIMAL", "MEDIUM", "HIGH") {
			return fmt.Sprintf("thinkingLevel %q", level)
		}
	}
	for _, s := range asList(req["safetySettings"]) {
		if note := badSafety(asObject(s)); note != "" {
			return note
		}
	}
	image, mime := nested(cfg, "imageConfig"), nested(nested(cfg, "imageConfig"), "imageOutputOptions")["mimeType"]
	for _, format := range asList(cfg["responseFormat"]) {
		image = inFigures(nested(asObject(format), "image"))
		mime = image["mimeType"]
	}
	if mime, there := mime.(string); there {
		if mime != "image/png" && mime != "image/jpeg" {
			return fmt.Sprintf("mimeType %q", mime)
		}
		j.format = strings.TrimPrefix(mime, "image/")
	}
	return j.readSize(image, last)
}

// inFigures returns what responseFormat says of the image in the way of imageConfig: its words are those of enumerations, but figures
// are taken, too.
func inFigures(format obj) obj {
	out := obj{}
	for name, v := range format {
		word, _ := v.(string)
		if figure, ok := figures[strings.TrimPrefix(strings.TrimPrefix(word, "IMAGE_SIZE_"), "ASPECT_RATIO_")]; ok {
			word = figure
		}
		out[name] = word
	}
	return out
}

var figures = map[string]string{
	"FIVE_TWELVE": "512", "ONE_K": "1K", "TWO_K": "2K", "FOUR_K": "4K", "IMAGE_PNG": "image/png", "IMAGE_JPEG": "image/jpeg",
	"ONE_BY_ONE": "1:1", "TWO_BY_THREE": "2:3", "THREE_BY_TWO": "3:2", "THREE_BY_FOUR": "3:4", "FOUR_BY_THREE": "4:3",
	"FOUR_BY_FIVE": "4:5", "FIVE_BY_FOUR": "5:4", "NINE_BY_SIXTEEN": "9:16", "SIXTEEN_BY_NINE": "16:9", "TWENTY_ONE_BY_NINE": "21:9",
	"ONE_BY_FOUR": "1:4", "FOUR_BY_ONE": "4:1", "ONE_BY_EIGHT": "1:8", "EIGHT_BY_ONE": "8:1",
}

func badSafety(s obj) string {
	category, _ := s["category"].(string)
	threshold, _ := s["threshold"].(string)
	category, ok := strings.CutPrefix(strings.ToUpper(category), "HARM_CATEGORY_")
	if !ok || !oneOf(category, "HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY", "JAILBREAK") ||
		!oneOf(threshold, "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE", "OFF") {
		return fmt.Sprintf("safetySettings %v", s)
	}
	return ""
}

// readSize requires a capital K, and refuses any size for a model without sizes. Without a ratio the picture has that
// of the last reference.
func (j *contentJob) readSize(cfg obj, last switchyard.Size) string {
	ratio, hasRatio := cfg["aspectRatio"].(string)
	class, hasClass := cfg["imageSize"].(string)
	if _, sized := j.m.tokens[""]; hasClass && sized {
		return "imageSize is not for this model"
	} else if !hasClass && !sized {
		class = "1K"
	}
	if _, ok := j.m.tokens[class]; !ok {
		return fmt.Sprintf("imageSize %q", class)
	}
	if !hasRatio {
		ratio = "1:1"
		if last != (switchyard.Size{}) {
			ratio = nearestRatio(last, j.m.table)
		}
	}
	j.class = class
	row, ok := j.m.table[ratio]
	if !ok {
		return fmt.Sprintf("aspectRatio %q", ratio)
	}
	j.size = row[class]
	return ""
}

func nearestRatio(size switchyard.Size, table map[string]map[string]switchyard.Size) string {
	var choices []switchyard.Aspect
	for k := range table {
		a, err := switchyard.ParseAspect(k)
		if err != nil {
			panic(err)
		}
		choices = append(choices, a)
	}
	slices.SortFunc(choices, func(a, b switchyard.Aspect) int { return strings.Compare(a.String(), b.String()) })
	return switchyard.Aspect{W: size.Width, H: size.Height}.Nearest(choices).String()
}

func nested(m obj, key string) obj {
	return asObject(m[key])
}

func asObject(v any) obj {
	m, _ := v.(obj)
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}
