package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"switchyard"
)

// prompts are an evening's work of the app.
var prompts = [23]string{
	"a lighthouse keeper with a brass telescope", "a baker dusted with flour at dawn", "a clockmaker among tiny gears",
	"a violinist in a rainy doorway", "a shepherd under northern lights", "a deep-sea diver removing her helmet",
	"a beekeeper in a meadow of clover", "a train driver in a polished cab", "a glassblower with a glowing globe",
	"a cartographer inking a coastline", "a surgeon resting after a long night", "a boxer taping her hands",
	"a gardener holding a giant pumpkin", "a puppeteer behind a red curtain", "a pilot beside a yellow biplane",
	"a librarian on a rolling ladder", "a fisherman mending blue nets", "a potter at a spinning wheel",
	"an astronomer under an open dome", "a tailor with a mouth full of pins", "a chess player deep in thought",
	"a mountaineer with frost in his beard", "a signalman in an old switchyard",
}

// oldApp is an app as it was written years ago, against Imagen's API. It knows nothing of what answers.
type oldApp struct {
	base, key string
	folder    string
}

// portraits makes every picture, parallel of them at once, and is the number of those that failed.
func (a *oldApp) portraits(ctx context.Context, parallel int, progress func(done, failed int)) int {
	var done, failed atomic.Int64
	work := make(chan int)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for i := range work {
				if err := a.portrait(ctx, i); err != nil {
					failed.Add(1)
				}
				progress(int(done.Add(1)), int(failed.Load()))
			}
		})
	}
	for i := range prompts {
		work <- i
	}
	close(work)
	workers.Wait()
	return int(failed.Load())
}

// portrait asks for one picture and saves it.
func (a *oldApp) portrait(ctx context.Context, i int) error {
	body, _ := json.Marshal(map[string]any{
		"instances":  []any{map[string]string{"prompt": "Portrait of " + prompts[i]}},
		"parameters": map[string]any{"sampleCount": 1, "aspectRatio": "1:1", "outputOptions": map[string]string{"mimeType": "image/png"}},
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/v1beta/models/imagen-4.0-generate-001:predict", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Goog-Api-Key", a.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body)
		return fmt.Errorf("%s", resp.Status)
	}
	var answer struct {
		Predictions []struct {
			Bytes    []byte `json:"bytesBase64Encoded"`
			MimeType string `json:"mimeType"`
		} `json:"predictions"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if len(answer.Predictions) == 0 {
		return fmt.Errorf("no picture")
	}
	picture := answer.Predictions[0]
	_, size, err := switchyard.Inspect(bytes.NewReader(picture.Bytes), int64(len(picture.Bytes)))
	if err != nil {
		return err
	}
	if size != (switchyard.Size{Width: 1024, Height: 1024}) {
		return fmt.Errorf("the picture is %s", size)
	}
	name := fmt.Sprintf("%02d.%s", i+1, strings.TrimPrefix(picture.MimeType, "image/"))
	return os.WriteFile(filepath.Join(a.folder, name), picture.Bytes, 0o644)
}
