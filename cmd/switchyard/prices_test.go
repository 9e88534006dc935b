package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pricedConfig = `
providers:
  fal: {dialect: fal, price: {second: 0.001}}
targets:
  flux: {provider: fal, model: fal-ai/flux/dev, price: {megapixel: 0.02}}
  gift: {provider: fal, model: fal-ai/fast-sdxl, price: {image: 0}}
`

func TestPricesCommand(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(name, []byte(pricedConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"prices", "--config", name}, 0, []string{
			"fal-ai/flux/dev  $0.025/MP + $0.03/MP with references  price-book  2026-11-24",
			"fal-ai/flux/dev  $0.02/MP  target flux  " + name,
			"fal-ai/fast-sdxl  unknown  price-book", "fal-ai/fast-sdxl  free  target gift",
			"(what has no other price)  $0.001/s  provider fal",
			"gpt-image-2  $0.005–$0.36987/image + $0.01168/reference, or by its tokens",
		}},
		{[]string{"prices", "--config", name, "gpt-image-2-2026-04-21", "fal-ai/fast-sdxl"}, 0, []string{
			"$0.165  per image, high 1024x1536", "$30.00  per million image tokens out", "from:  OpenAI pricing page", "unknown",
		}},
		{[]string{"prices", "--config", name, "nobody"}, exitFailed, []string{`no table knows a model "nobody"`}},
		{[]string{"prices", "--config", "nowhere.yaml"}, exitFailed, []string{"nowhere.yaml"}},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), c.args, noEnv, &out, &errs)
		text := spaced(out.String() + errs.String())
		for _, says := range c.says {
			if code != c.code || !strings.Contains(text, spaced(says)) {
				t.Errorf("%v: exit status %d, want %q in\n%s", c.args, code, says, text)
			}
		}
	}
}

// spaced is a text whose columns are one space apart.
func spaced(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestPricesJSON(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(name, []byte(pricedConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"prices", "--json", "--config", name, "fal-ai/flux/dev", "fal-ai/fast-sdxl"}, noEnv, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	var rows []pricedRow
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 4 {
		t.Fatalf("%v, %d rows: %s", err, len(rows), out.String())
	}
	if r := rows[0]; len(r.Parts) != 2 || r.Parts[1] != (pricePart{"megapixel", "with references", "0.03"}) || r.Source == "" || !r.Known {
		t.Errorf("flux/dev is %+v", r)
	}
	if r := rows[1]; r.By != "target flux" || r.Date != "" || r.Parts[0].USD != "0.02" {
		t.Errorf("its override is %+v", r)
	}
	if rows[2].Known || !rows[3].Known {
		t.Errorf("what nobody knows and what is free: %+v", rows[2:])
	}
}
