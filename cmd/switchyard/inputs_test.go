package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestInputMegapixels: what a provider charges for the pixels of a reference image is in the estimate and in the bill, where the image
// comes with the request. A budget that passes over what has no price lets such a request through.
func TestInputMegapixels(t *testing.T) {
	k := startKit(t, `
providers:
  fal: {<fal>}
targets:
  edit: {provider: fal, model: fal-ai/flux-pro/kontext, price: {image: 0.04, input_megapixel: 0.01}}
routes:
  - {name: all, targets: [edit]}
budgets:
  - {name: daily, scope: all, usd: 100}
`)
	png := base64.StdEncoding.EncodeToString([]byte(aPicture))
	for name, c := range map[string][2]string{
		"OpenAI": {"/v1/images/edits", fmt.Sprintf(`{"prompt":"a","images":[{"image_url":"data:image/png;base64,%s"}]}`, png)},
		"Gemini": {
			"/v1beta/models/gemini-nano-banana-2.1:generateContent",
			fmt.Sprintf(`{"contents":[{"parts":[{"text":"a"},{"inlineData":{"mimeType":"image/png","data":%q}}]}],"generationConfig":{"responseModalities":["IMAGE"]}}`, png),
		},
		"fal, as it came":  {"/fal/run/fal-ai/flux-pro/kontext", fmt.Sprintf(`{"prompt":"a","image_url":"data:image/png;base64,%s"}`, png)},
		"as PHP writes it": {"/fal/run/fal-ai/flux-pro/kontext", fmt.Sprintf(`{"prompt":"a","image_url":"data:image\/png;base64,%s"}`, strings.ReplaceAll(png, "/", `\/`))},
	} {
		a := k.post(c[0], c[1])
		if cost := a.header.Get("X-Switchyard-Cost-Usd"); a.status != http.StatusOK || cost != "0.05" {
			t.Errorf("%s: %d for $%s, %.300s", name, a.status, cost, a.body)
		}
	}
}
