package sim

import (
	"strings"

	"switchyard"
)

// googleModel is one model of the Gemini API. Prices and token counts as recorded in November 2026.
type googleModel struct {
	id     string
	title  string
	dead   bool
	imagen bool

	perImage switchyard.Money // Imagen

	table   map[string]map[string]switchyard.Size // :: ratio → size class → pixels
	tokens  map[string]int64                      // :: size class → image tokens; its keys are the classes the model knows
	in, out switchyard.Money                      // for a million tokens: text and images in; text and thoughts out
	image   switchyard.Money                      // for a million image tokens
	newer   bool                                  // 3.x: JPEG, 14 references of 560 tokens, thoughts
	draft   bool                                  // shows a draft first
}

const cent = switchyard.Dollar / 100

var (
	proImage = googleModel{
		id: "gemini-3-pro-image", title: "Nano Banana Pro", table: tenRatios, newer: true, draft: true,
		tokens: map[string]int64{"1K": 1120, "2K": 1120, "4K": 2000}, in: 200 * cent, out: 1200 * cent, image: 12000 * cent,
	}
	flash31Image = googleModel{
		id: "gemini-3.1-flash-image", title: "Nano Banana 2", dead: true, table: allRatios, newer: true,
		tokens: map[string]int64{"512": 747, "1K": 1120, "2K": 1680, "4K": 2520}, in: 50 * cent, out: 300 * cent, image: 6000 * cent,
	}
	flash25Image = googleModel{
		id: "gemini-2.5-flash-image", title: "Nano Banana", table: flash25,
		tokens: map[string]int64{"": 1290}, in: 30 * cent, out: 250 * cent, image: 3000 * cent,
	}
)

// preview returns m as it was under an earlier name, which has been shut down.
func (m googleModel) preview(id string) googleModel {
	m.id, m.title, m.dead = id, m.title+" (preview)", true
	return m
}

var googleModels = []googleModel{
	{id: "imagen-4.0-generate-001", title: "Imagen 4", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagen-4.0-ultra-generate-001", title: "Imagen 4 Ultra", dead: true, imagen: true, perImage: 6 * cent},
	{id: "imagen-4.0-fast-generate-001", title: "Imagen 4 Fast", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagen-4.0-generate-preview-06-06", title: "Imagen 4 (preview)", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagen-4.0-ultra-generate-preview-06-06", title: "Imagen 4 Ultra (preview)", dead: true, imagen: true, perImage: 6 * cent},
	{id: "imagen-3.0-generate-002", title: "Imagen 3", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagen-3.0-generate-001", title: "Imagen 3", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagen-3.0-fast-generate-001", title: "Imagen 3 Fast", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagen-3.0-capability-001", title: "Imagen 3 Capability", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagen-3.0-capability-002", title: "Imagen 3 Capability", dead: true, imagen: true, perImage: 4 * cent},
	{id: "imagegeneration@006", title: "Imagen 2", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagegeneration@005", title: "Imagen 2", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagegeneration@004", title: "Imagen", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagegeneration@003", title: "Imagen", dead: true, imagen: true, perImage: 2 * cent},
	{id: "imagegeneration@002", title: "Imagen", dead: true, imagen: true, perImage: 2 * cent},
	{
		id: "gemini-nano-banana-2.1", title: "Nano Banana 2.1", table: allRatios, newer: true,
		tokens: map[string]int64{"1K": 1120, "2K": 1680, "4K": 3780}, in: 150 * cent, out: 750 * cent, image: 3000 * cent,
	},
	proImage,
	{
		id: "gemini-3.1-flash-lite-image", title: "Nano Banana 2 Lite", table: allRatios, newer: true,
		tokens: map[string]int64{"1K": 1120}, in: 25 * cent, out: 150 * cent, image: 3000 * cent,
	},
	flash31Image, flash25Image,
	proImage.preview("gemini-3-pro-image-preview"), flash31Image.preview("gemini-3.1-flash-image-preview"),
	flash25Image.preview("gemini-2.5-flash-image-preview"), flash25Image.preview("gemini-2.0-flash-preview-image-generation"),
}

// sizeRows are the pixels by ratio, for the classes 512, 1K, 2K and 4K.
const sizeRows = `
1:1 512x512 1024x1024 2048x2048 4096x4096
1:4 256x1024 512x2048 1024x4096 2048x8192
1:8 192x1536 384x3072 768x6144 1536x12288
2:3 424x632 848x1264 1696x2528 3392x5056
3:2 632x424 1264x848 2528x1696 5056x3392
3:4 448x600 896x1200 1792x2400 3584x4800
4:1 1024x256 2048x512 4096x1024 8192x2048
4:3 600x448 1200x896 2400x1792 4800x3584
4:5 464x576 928x1152 1856x2304 3712x4608
5:4 576x464 1152x928 2304x1856 4608x3712
8:1 1536x192 3072x384 6144x768 12288x1536
9:16 384x688 768x1376 1536x2752 3072x5504
16:9 688x384 1376x768 2752x1536 5504x3072
21:9 792x336 1584x672 3168x1344 6336x2688`

const flash25Rows = `
1:1 1024x1024
2:3 832x1248
3:2 1248x832
3:4 864x1184
4:3 1184x864
4:5 896x1152
5:4 1152x896
9:16 768x1344
16:9 1344x768
21:9 1536x672`

var (
	allRatios = sizeTable(sizeRows, "512", "1K", "2K", "4K")
	tenRatios = without(allRatios, "1:4", "4:1", "1:8", "8:1")
	flash25   = sizeTable(flash25Rows, "")
)

func sizeTable(rows string, classes ...string) map[string]map[string]switchyard.Size {
	t := map[string]map[string]switchyard.Size{}
	for row := range strings.Lines(strings.TrimSpace(rows)) {
		f := strings.Fields(row)
		t[f[0]] = map[string]switchyard.Size{}
		for i, class := range classes {
			size, err := switchyard.ParseSize(f[i+1])
			if err != nil {
				panic(err)
			}
			t[f[0]][class] = size
		}
	}
	return t
}

func without(t map[string]map[string]switchyard.Size, ratios ...string) map[string]map[string]switchyard.Size {
	out := map[string]map[string]switchyard.Size{}
	for k, v := range t {
		out[k] = v
	}
	for _, r := range ratios {
		delete(out, r)
	}
	return out
}

// model finds id. gone is true if it has been shut down, whether we know the model or not.
func (g *google) model(b Behavior, id string) (m googleModel, gone, ok bool) {
	for _, m := range googleModels {
		if m.id != id {
			continue
		}
		gone := matches(b.Gone, id) || m.dead && !matches(b.Alive, id)
		return m, gone, true
	}
	return googleModel{}, matches(b.Gone, id), false
}

// serves reports whether the model has a method.
func (m googleModel) serves(method string) bool {
	if m.imagen {
		return method == "predict"
	}
	return method == "generateContent" || method == "streamGenerateContent"
}

// describe returns the model as it is in the list.
func (m googleModel) describe() obj {
	methods := list{"generateContent", "countTokens", "batchGenerateContent"}
	if m.imagen {
		methods = list{"predict"}
	}
	return obj{
		"name": "models/" + m.id, "version": "001", "displayName": m.title, "description": m.title,
		"inputTokenLimit": 32768, "outputTokenLimit": 32768, "supportedGenerationMethods": methods,
		"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 1,
	}
}
