// Command go is the official SDKs for Go as ordinary apps use them: one process for all tests, which reads a job a line
// from stdin and answers each with a line on stdout, as node/runner.mjs does. A module of its own, so that Switchyard
// depends on none of them.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// job is what one app does once, as far as these SDKs know of it; runner_test.go has it whole.
type job struct {
	ID      int            `json:"id"`
	Dir     string         `json:"dir"` // where images go
	SDK     string         `json:"sdk"`
	Call    string         `json:"call"`
	Form    string         `json:"form"`
	Base    string         `json:"base"`
	Key     string         `json:"key"`
	Model   string         `json:"model"`
	Prompt  string         `json:"prompt"`
	N       int            `json:"n"`
	Size    string         `json:"size"`
	Ratio   string         `json:"ratio"`
	Images  []string       `json:"images"` // files of references
	Mask    string         `json:"mask"`
	Files   string         `json:"files"` // replicate: "upload" sends files before the request
	Retries *int           `json:"retries"`
	Input   map[string]any `json:"input"`
}

// result is what the app got.
type result struct {
	ID       int        `json:"id"`
	Images   []delivery `json:"images,omitempty"`
	Error    *failure   `json:"error,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	Text     string     `json:"text,omitempty"`
	Partials int        `json:"partials,omitempty"`
	Chunks   int        `json:"chunks,omitempty"`
	States   []string   `json:"states,omitempty"`

	pictures []picture
}

// picture is one as the SDK handed it over.
type picture struct {
	data      []byte
	mime, url string
}

type delivery struct {
	File string `json:"file"`
	MIME string `json:"mime,omitempty"`
	URL  string `json:"url,omitempty"` // the beginning, where the SDK gave one
}

// A call is something that an app does.
type call func(context.Context, job) (result, error)

// calls are by SDK and by name.
var calls = map[string]map[string]call{
	"go-openai":    {"generate": generate, "edit": edit, "stream": stream, "models": list},
	"go-genai":     {"generate": generative(generateContent), "stream": generative(streamContent), "models": generative(listGemini), "predict": predict},
	"go-replicate": {"run": replicated(run), "block": replicated(block), "create": replicated(create), "cancel": replicated(cancel), "hook": replicated(hook)},
}

func main() {
	var (
		jobs sync.WaitGroup // side by side: one that waits before it tries again must not hold up the others
		mu   sync.Mutex     // of stdout
	)
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break // the test has ended
		}
		jobs.Go(func() {
			answer, err := json.Marshal(do(line))
			if err != nil {
				panic(err)
			}
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%s\n", answer)
		})
	}
	jobs.Wait()
}

func do(line []byte) result {
	var j job
	if err := json.Unmarshal(line, &j); err != nil {
		panic(err)
	}
	call := calls[j.SDK][j.Call]
	if call == nil {
		return result{ID: j.ID, Error: &failure{Message: j.SDK + " has no call " + j.Call}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	res, err := call(ctx, j)
	if err == nil {
		err = res.save(j)
	}
	if err != nil {
		res.Error = failed(err)
	}
	res.ID = j.ID
	return res
}

// save writes the pictures into the job's folder, for the test to decode.
func (r *result) save(j job) error {
	for i, p := range r.pictures {
		file := filepath.Join(j.Dir, fmt.Sprintf("%d-%d", j.ID, i))
		if err := os.WriteFile(file, p.data, 0o600); err != nil {
			return err
		}
		r.Images = append(r.Images, delivery{File: file, MIME: p.mime, URL: p.url[:min(len(p.url), 100)]})
	}
	return nil
}
