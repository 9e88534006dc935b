package main

import (
	"bytes"
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"testing"
)

// TestDemo: the main job. Every picture comes through Switchyard, before and after Imagen's end, as asked for. How much
// faster is for people to see: no test here depends on how fast a machine is.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--exit", "--json", "--speed", "100", "--out", dir}, noEnv, &out, &errs); code != 0 {
		t.Fatalf("exit status %d: %s", code, errs.String())
	}
	var all acts
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatalf("%s: %v", out.String(), err)
	}
	if b := all.Before; b.Images+b.Failed != 23 || b.Failed == 0 || b.Providers["google"] != b.Images || b.Cost.String() != "0.8" {
		t.Errorf("the old way: %+v", b)
	}
	for name, a := range map[string]act{"after": all.After, "retired": all.Retired} {
		made := 0
		for _, n := range a.Providers {
			made += n
		}
		if a.Images != 23 || a.Failed != 0 || made != 23 {
			t.Errorf("%s: %+v", name, a)
		}
		files, err := filepath.Glob(filepath.Join(dir, name, "*"))
		if err != nil || len(files) != 23 {
			t.Errorf("%s: %d pictures", name, len(files))
		}
		for _, file := range files {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			img, _, err := image.Decode(f)
			if err != nil || img.Bounds() != image.Rect(0, 0, 1024, 1024) {
				t.Errorf("%s: %v", file, err)
			}
			_ = f.Close()
		}
	}
}
