package gemini

import (
	"cmp"
	"strings"

	"switchyard"
	"switchyard/spool"
)

// decodeConfig reads the configuration of an answer. It returns readers of what is in it about the image, which may be in two places.
func decodeConfig(r *spool.Reader, req *switchyard.Request) []*spool.Reader {
	req.Seed = seed(r)
	if n := r.Int(key(r, "candidateCount")); n != nil && *n != 1 {
		r.Leave(key(r, "candidateCount"))
	}
	about := append([]*spool.Reader{r.Object(key(r, "imageConfig"))}, imageFormats(r)...)
	for _, img := range about {
		decodeShape(img, req)
	}
	switch {
	case req.Aspect != switchyard.Aspect{}:
	case len(req.References) > 0:
		req.MatchInput = true
	default:
		req.Aspect = switchyard.Aspect{W: 1, H: 1}
	}
	return about
}

// imageFormats are what responseFormat, which is newer than imageConfig, says of the image: Google's samples have an object there, the
// SDK of Vertex AI a list.
func imageFormats(r *spool.Reader) (formats []*spool.Reader) {
	name := key(r, "responseFormat")
	for _, v := range r.Get(name).OneOrMany() {
		if v.Get("image").Kind() != spool.Object {
			r.Leave(name)
			continue
		}
		format := spool.Read(v.Get("image"), r.Path(name)+".image")
		format.AsText = r.AsText
		formats = append(formats, format)
	}
	return formats
}

// decodeShape reads the size, the format and who may be shown, as far as one place says it.
func decodeShape(img *spool.Reader, req *switchyard.Request) {
	if name := key(img, "aspectRatio"); said(img, name) != "" {
		if aspect, ok := parseAspect(img.Text(name)); ok {
			req.Aspect = aspect
		} else {
			img.Leave(name)
		}
	}
	req.Resolution = cmp.Or(word(img, key(img, "imageSize"), classes), req.Resolution)
	req.People = cmp.Or(word(img, key(img, "personGeneration"), people), req.People)
	out := img
	if name := key(img, "imageOutputOptions"); img.Get(name).Given() { // Vertex AI's
		out = img.Object(name)
	}
	if mime := strings.ToLower(said(out, key(out, "mimeType"))); mime != "" {
		req.Format = strings.TrimPrefix(strings.TrimPrefix(mime, "image/"), "image_")
	}
	if n := out.Int(key(out, "compressionQuality")); n != nil {
		req.Compression = n
	}
	if strings.EqualFold(img.Get("delivery").Text(), "URI") {
		img.Leave("delivery") // only Google has a place where the app finds it
	}
}

// said returns a text; empty if it is that of an enumeration which says nothing, such as ASPECT_RATIO_UNSPECIFIED.
func said(r *spool.Reader, name string) string {
	if text := r.Text(name); !strings.HasSuffix(strings.ToUpper(text), "_UNSPECIFIED") {
		return text
	}
	return ""
}

// word returns what a word of an enumeration means. One that is new to us stays among the extras.
func word(r *spool.Reader, name string, means map[string]string) string {
	text := strings.ToLower(said(r, name))
	meaning, ok := means[text]
	if text != "" && !ok {
		r.Leave(name)
	}
	return meaning
}

// parseAspect reads "16:9", or the same as the enumeration has it, "ASPECT_RATIO_SIXTEEN_BY_NINE".
func parseAspect(text string) (switchyard.Aspect, bool) {
	if words, ok := strings.CutPrefix(strings.ToUpper(text), "ASPECT_RATIO_"); ok {
		w, h, _ := strings.Cut(words, "_BY_")
		a := switchyard.Aspect{W: numbers[w], H: numbers[h]}
		return a, a.W > 0 && a.H > 0
	}
	a, err := switchyard.ParseAspect(text)
	return a, err == nil
}

// numbers are those of which the enumeration makes its ratios.
var numbers = map[string]int{
	"ONE": 1, "TWO": 2, "THREE": 3, "FOUR": 4, "FIVE": 5, "EIGHT": 8, "NINE": 9, "SIXTEEN": 16, "TWENTY_ONE": 21,
}

// classes are the words for sizes, and those of the enumeration.
var classes = map[string]string{
	"512": "512", "1k": "1K", "2k": "2K", "4k": "4K",
	"image_size_five_twelve": "512", "image_size_one_k": "1K", "image_size_two_k": "2K", "image_size_four_k": "4K",
}
