package main

import (
	"encoding/base64"
	"net/http"

	"switchyard"
	"switchyard/sim"
)

// Prompts for which the upstream has an answer ready: four pictures of 2 MiB, or of 8.
const (
	long  = "a signal box at dusk, with the light of the last train on its windows and on the wet rails"
	large = "a signal box at dusk, as a " + largeMark + " of a picture, with the last train's light on its windows"

	predict4      = `{"instances":[{"prompt":"` + long + `"}],"parameters":{"sampleCount":4}}`
	predict4Large = `{"instances":[{"prompt":"` + large + `"}],"parameters":{"sampleCount":4}}`
	generate4     = `{"model":"gpt-image-1-mini","prompt":"` + long + `","n":4,"size":"1024x1024"}`
	generateLarge = `{"model":"gpt-image-1-mini","prompt":"` + large + `","n":4,"size":"1024x1024"}`
	dallE4        = `{"model":"dall-e-2","prompt":"` + long + `","n":4,"size":"1024x1024"}`

	fourMB    = 4 * pictureSize * 4 / 3
	fourLarge = 4 * largeSize * 4 / 3
)

// peakMost is how much memory answers may take at once, by the number of callers: it must not grow with the pictures.
var peakMost = map[int]float64{16: 72, 100: 96}

// pictures is S3: large answers, passed on as they are, translated into another dialect, and with base64 encoded or
// decoded.
func pictures(o options, callers int) []scenario {
	peak := bar{what: "peak RSS, MiB", measure: peakRSS, most: peakMost[callers]}
	s3 := func(name string, c call, bars ...bar) scenario {
		return scenario{group: "S3", name: name, many: callers, total: o.times(400), plain: c.header == nil, call: c, bars: append(bars, peak)}
	}
	big := func(name string, c call) scenario { // of 45 MB each, so there are fewer
		return scenario{group: "S3", name: name, many: callers, total: o.times(max(48, callers)), call: c, bars: []bar{peak}}
	}
	same := bar{what: "CPU-ms a MB", measure: perMB, kind: machine, most: 0.45}
	remade := bar{what: "CPU-ms a MB", measure: perMB, kind: machine, most: 0.60}
	hosted := bar{what: "CPU-ms a picture's MB", measure: perPictureMB, kind: machine, most: 0.60}
	file := call{method: http.MethodGet, path: "/v1/files/file-1/content", least: fourMB}
	transparent := s3("generation 4 × 2 MiB, transparent", post(imagesPath, generate4, "", fourMB), bar{what: "CPU a MB", measure: perMB, kind: ratio, most: 2})
	transparent.yardstick = true
	return []scenario{
		transparent,
		s3("passed through, 11 MB", file, bar{what: "CPU a MB", measure: perMB, kind: ratio, most: 1.3}),
		s3("Imagen → OpenAI", post(predictPath, predict4, "gpt", fourMB), same),
		s3("OpenAI → Imagen", post(imagesPath, generate4, "imagen", fourMB), same),
		s3("fal URLs → Imagen", post(predictPath, predict4, "flux", fourMB), remade),
		s3("Imagen → hosted URLs", post(imagesPath, dallE4, "imagen", 100), hosted),
		s3("generation 4 × 2 MiB, by TLS", post(imagesPath, generate4, "secure", fourMB)),
		big("generation 4 × 8 MiB, transparent", post(imagesPath, generateLarge, "", fourLarge)),
		big("Imagen → OpenAI, 4 × 8 MiB", post(predictPath, predict4Large, "gpt", fourLarge)),
	}
}

// references is S4: large requests.
func references(o options) []scenario {
	data := base64.StdEncoding.EncodeToString(sim.Picture(switchyard.Size{Width: 512, Height: 512}, "png", sim.Art{Bytes: 8 << 20}))
	edit := `{"contents":[{"parts":[{"text":"a hat"},{"inlineData":{"mimeType":"image/png","data":"` + data + `"}}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`
	cpu := bar{what: "CPU-ms a MB", measure: perMB, kind: machine, most: 0.45}
	peak := bar{what: "peak RSS, MiB", measure: peakRSS, most: 96}
	once := bar{what: "uploads by the app", measure: uploads, most: 1}
	s4 := func(name, target string, bars ...bar) scenario {
		return scenario{group: "S4", name: name, many: 32, total: o.times(320), plain: target == "", call: post(contentPath, edit, target, 100), bars: bars}
	}
	transparent := s4("8 MiB reference, transparent", "", cpu, peak)
	transparent.yardstick = true
	second := s4("8 MiB reference, by the second target", "second", once, peak) // no bar for its CPU: the body goes out twice
	second.refused = true
	return []scenario{
		transparent,
		s4("8 MiB reference, generateContent → edits", "gpt", cpu, peak),
		second,
	}
}
