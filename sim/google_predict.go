package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"switchyard"
)

// imagenSizes are the pixels by ratio, for 1K and 2K.
var imagenSizes = sizeTable(`
1:1 1024x1024 2048x2048
3:4 896x1280 1792x2560
4:3 1280x896 2560x1792
9:16 768x1408 1536x2816
16:9 1408x768 2816x1536`, "1K", "2K")

// Texts of Imagen's filters, as recorded.
const (
	raiAll    = "Unable to show generated images. All images were filtered out because they violated Vertex AI's usage guidelines. You will not be charged for blocked images. Try rephrasing the prompt. If you think this was an error, send feedback. Support codes: 39322892, 29310472"
	raiSome   = "Your current safety filter threshold filtered out %d generated images. You will not be charged for blocked images. Try rephrasing the prompt. If you think this was an error, send feedback."
	raiPrompt = "Image generation failed with the following error: The prompt could not be submitted. This prompt contains sensitive words that violate Google's Responsible AI practices. Try rephrasing the prompt. If you think this was an error, send feedback. Support codes: 42876398"
)

// predictJob is a checked :predict request.
type predictJob struct {
	prompt     string
	count      int
	size       switchyard.Size
	format     string
	quality    int
	bucket     string // where to write the pictures; empty: into the answer
	reason     bool   // includeRaiReason
	attributes bool   // includeSafetyAttributes
}

func (g *google) predict(x *exchange, m googleModel) {
	job, ok := g.readPredict(x, m)
	if !ok {
		return
	}
	x.generate(m.id, job.count, func() {
		made, filtered := job.count, 0
		switch x.b.Fault {
		case Filter:
			g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", raiPrompt)
			return
		case FilterOutput:
			made, filtered = 0, job.count
		case FilterSome:
			made, filtered = job.count-1, 1
		case Empty:
			made = 0
		}
		x.p.charge(m.id, made, m.perImage*switchyard.Money(made), job.prompt, x.r.Header)
		x.made = true
		x.json(http.StatusOK, googleJSON, job.answer(x, made, filtered))
	})
}

// answer lists the images; then, if asked for, one reason for all that were filtered; then, if asked for, the prompt's
// own scores, which are no image.
func (j predictJob) answer(x *exchange, made, filtered int) obj {
	predictions := list{}
	for i := range made {
		p := obj{"mimeType": "image/" + j.format}
		if j.bucket != "" {
			p["gcsUri"] = fmt.Sprintf("%s/1763841600000/sample_%d.%s", j.bucket, i, j.format)
		} else {
			data := x.picture(j.size, j.format, Art{Prompt: j.prompt, Index: i, Quality: j.quality})
			p["bytesBase64Encoded"] = base64.StdEncoding.EncodeToString(data)
		}
		if j.attributes {
			p["safetyAttributes"] = obj{"categories": list{"Porn", "Violence"}, "scores": list{0, 0.1}}
		}
		predictions = append(predictions, p)
	}
	if j.reason && filtered > 0 {
		text := raiAll
		if made > 0 {
			text = fmt.Sprintf(raiSome, filtered)
		}
		predictions = append(predictions, obj{"raiFilteredReason": text})
	}
	if j.attributes {
		predictions = append(predictions, positivePrompt())
	}
	if len(predictions) == 0 {
		return obj{}
	}
	return obj{"predictions": predictions}
}

func positivePrompt() obj {
	names := list{
		"Death, Harm & Tragedy", "Firearms & Weapons", "Hate", "Health", "Illicit Drugs", "Politics", "Porn",
		"Religion & Belief", "Toxic", "Violence", "Vulgarity", "War & Conflict",
	}
	scores := make(list, len(names))
	for i := range scores {
		scores[i] = 0
	}
	return obj{"contentType": "Positive Prompt", "safetyAttributes": obj{"categories": names, "scores": scores}}
}

// readPredict checks the request. Google's API takes any parameter, since parameters are free-form values to it; the
// model looks at those that it knows.
func (g *google) readPredict(x *exchange, m googleModel) (j predictJob, ok bool) {
	body, err := x.object()
	if err != nil {
		g.badJSON(x, err)
		return j, false
	}
	for k := range body {
		if k != "instances" && k != "parameters" && !(k == "labels" && x.cloud()) {
			g.unknownName(x, k, "")
			return j, false
		}
	}
	instances, _ := body["instances"].([]any)
	params, isMap := body["parameters"].(obj)
	if len(instances) != 1 || body["parameters"] != nil && !isMap {
		g.invalid(x, "want exactly one instance, and parameters as an object")
		return j, false
	}
	instance, _ := instances[0].(obj)
	j.prompt, _ = instance["prompt"].(string)
	x.about(m.id, j.prompt)
	if j.prompt == "" {
		g.invalid(x, "instances[0].prompt is missing")
		return j, false
	}
	if note := j.read(params, m, x); note == onlyLow || note == noSeed {
		g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", note)
		return j, false
	} else if note != "" {
		g.invalid(x, note)
		return j, false
	}
	return j, true
}

const (
	onlyLow = "Only block_low_and_above is supported for safetySetting."
	noSeed  = "Seed is not supported when watermark is enabled."
)

// read reads the parameters, ignoring the case of their values, and returns what is wrong.
func (j *predictJob) read(params obj, m googleModel, x *exchange) string {
	j.count, j.format = 4, "png"
	ratio, class := "1:1", "1K"
	var ignored []string
	for k, v := range params {
		text, isText := v.(string)
		ok := true
		switch k {
		case "sampleCount":
			j.count, ok = integer(v, 1, 4)
		case "aspectRatio":
			_, ok = imagenSizes[text]
			ratio = text
		case "sampleImageSize":
			class = strings.ToUpper(text)
			ok = class == "1K" || class == "2K" && !strings.Contains(m.id, "fast") && !strings.Contains(m.id, "imagen-3")
		case "guidanceScale":
			_, ok = v.(json.Number)
		case "personGeneration":
			ok = oneOf(text, "DONT_ALLOW", "ALLOW_ADULT", "ALLOW_ALL")
		case "safetySetting":
			if ok = oneOf(text, "BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH", "BLOCK_NONE"); ok && !x.cloud() && !oneOf(text, "BLOCK_LOW_AND_ABOVE") {
				return onlyLow
			}
		case "includeSafetyAttributes":
			j.attributes, ok = v.(bool)
		case "includeRaiReason":
			j.reason, ok = v.(bool)
		case "language":
			ok = isText && oneOf(text, "auto", "en", "ja", "ko", "hi", "zh", "pt", "es")
		case "outputOptions":
			ok = j.output(v)
		case "seed", "storageUri", "negativePrompt", "addWatermark", "enhancePrompt":
			if !x.cloud() {
				ignored = append(ignored, "parameters."+k)
			} else if ok = j.cloud(k, v, params); !ok && k == "seed" && params["addWatermark"] != false {
				return noSeed
			}
		default:
			ignored = append(ignored, "parameters."+k)
		}
		if !ok {
			return fmt.Sprintf("parameters.%s: %v", k, v)
		}
	}
	x.ignored(ignored)
	j.size = imagenSizes[ratio][class]
	return ""
}

// cloud reads the parameters that only Vertex AI knows.
func (j *predictJob) cloud(k string, v any, params obj) bool {
	switch k {
	case "seed":
		_, whole := integer(v, 1, 1<<31-1)
		return whole && params["addWatermark"] == false
	case "storageUri":
		bucket, _ := v.(string)
		j.bucket = strings.TrimSuffix(bucket, "/")
		return strings.HasPrefix(bucket, "gs://")
	}
	return true
}

func (j *predictJob) output(v any) bool {
	o, ok := v.(obj)
	if !ok {
		return false
	}
	if mime, there := o["mimeType"]; there {
		if mime != "image/png" && mime != "image/jpeg" {
			return false
		}
		j.format = strings.TrimPrefix(mime.(string), "image/")
	}
	if q, there := o["compressionQuality"]; there {
		j.quality, ok = integer(q, 0, 100)
		j.quality = max(1, j.quality)
	}
	return ok
}

// oneOf ignores case, as Google does.
func oneOf(s string, values ...string) bool {
	return slices.ContainsFunc(values, func(v string) bool { return strings.EqualFold(v, s) })
}

// integer returns v if it is a whole number from low to high.
func integer(v any, low, high int) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := strconv.Atoi(n.String())
	return i, err == nil && i >= low && i <= high
}

func (g *google) badJSON(x *exchange, err error) {
	x.note(err.Error())
	text := "Invalid JSON payload received. Unexpected token."
	g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", text,
		obj{"@type": typePrefix + "BadRequest", "fieldViolations": list{obj{"description": text}}})
}

// unknownName refuses a field that is not there; at is the path of its parent in snake_case, empty at the top.
func (g *google) unknownName(x *exchange, name, at string) {
	text := "Invalid JSON payload received. Unknown name \"" + name + "\""
	violation := obj{}
	if at != "" {
		text += " at '" + at + "'"
		violation["field"] = at
	}
	text += ": Cannot find field."
	violation["description"] = text
	g.fail(x, http.StatusBadRequest, "INVALID_ARGUMENT", text,
		obj{"@type": typePrefix + "BadRequest", "fieldViolations": list{violation}})
}
