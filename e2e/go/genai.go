package main

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"strings"

	old "genai1"
	"google.golang.org/genai"
)

// content is what an app is about to ask a model of Gemini's for.
type content struct {
	*genai.Client
	model  string
	parts  []*genai.Content
	config *genai.GenerateContentConfig
}

// generative is a call of genai's. The job's base has no version.
func generative(call func(context.Context, content) (result, error)) call {
	return func(ctx context.Context, j job) (result, error) {
		at := &genai.ClientConfig{APIKey: j.Key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: j.Base}}
		if j.Form == "vertex" {
			at = &genai.ClientConfig{
				Backend: genai.BackendVertexAI, Project: project, Location: "global",
				HTTPClient: http.DefaultClient, HTTPOptions: genai.HTTPOptions{BaseURL: j.Base, Headers: token(j.Key)},
			}
		}
		client, err := genai.NewClient(ctx, at)
		if err != nil {
			return result{}, err
		}
		parts := []*genai.Part{genai.NewPartFromText(j.Prompt)}
		for _, name := range j.Images {
			data, err := os.ReadFile(name)
			if err != nil {
				return result{}, err
			}
			parts = append(parts, genai.NewPartFromBytes(data, "image/png"))
		}
		config := &genai.GenerateContentConfig{ResponseModalities: []string{"IMAGE"}}
		if j.Ratio != "" {
			config.ImageConfig = &genai.ImageConfig{AspectRatio: j.Ratio}
		}
		return call(ctx, content{client, j.Model, []*genai.Content{genai.NewContentFromParts(parts, genai.RoleUser)}, config})
	}
}

// project is whose models Vertex AI is asked for.
const project = "sim-project"

// token is a key as an app has it that Google Cloud gives a token; the SDK has its own ways to get one.
func token(key string) http.Header { return http.Header{"Authorization": {"Bearer " + key}} }

// generateContent waits for the whole answer. A refusal is no error there, but a reason.
func generateContent(ctx context.Context, c content) (res result, err error) {
	reply, err := c.Models.GenerateContent(ctx, c.model, c.parts, c.config)
	if err != nil {
		return res, err
	}
	res.draw(reply)
	return res, nil
}

// streamContent takes it in bits.
func streamContent(ctx context.Context, c content) (res result, err error) {
	for reply, err := range c.Models.GenerateContentStream(ctx, c.model, c.parts, c.config) {
		if err != nil {
			return res, err
		}
		res.Chunks++
		res.draw(reply)
	}
	return res, nil
}

func (r *result) draw(reply *genai.GenerateContentResponse) {
	if f := reply.PromptFeedback; f != nil {
		r.Reason = string(f.BlockReason)
	}
	for _, c := range reply.Candidates {
		r.Reason = cmp.Or(r.Reason, string(c.FinishReason))
		if c.Content == nil {
			continue
		}
		for _, p := range c.Content.Parts {
			if p.InlineData != nil && !p.Thought {
				r.pictures = append(r.pictures, picture{data: p.InlineData.Data, mime: p.InlineData.MIMEType})
			}
		}
	}
}

// listGemini is a request that makes no picture: it passes through.
func listGemini(ctx context.Context, c content) (result, error) {
	var names []string
	for m, err := range c.Models.All(ctx) {
		if err != nil {
			return result{}, err
		}
		names = append(names, m.Name)
	}
	return result{Text: strings.Join(names, " ")}, nil
}

// predict is GenerateImages, Imagen's form, in the last version that sends it.
func predict(ctx context.Context, j job) (res result, err error) {
	at := &old.ClientConfig{APIKey: j.Key, Backend: old.BackendGeminiAPI, HTTPOptions: old.HTTPOptions{BaseURL: j.Base}}
	if j.Form == "vertex" {
		at = &old.ClientConfig{
			Backend: old.BackendVertexAI, Project: project, Location: "us-central1",
			HTTPClient: http.DefaultClient, HTTPOptions: old.HTTPOptions{BaseURL: j.Base, Headers: token(j.Key)},
		}
	}
	client, err := old.NewClient(ctx, at)
	if err != nil {
		return res, err
	}
	reply, err := client.Models.GenerateImages(ctx, j.Model, j.Prompt, &old.GenerateImagesConfig{NumberOfImages: int32(j.N), AspectRatio: j.Ratio})
	if err != nil {
		return res, err
	}
	for _, g := range reply.GeneratedImages {
		res.Reason = cmp.Or(res.Reason, g.RAIFilteredReason)
		if g.Image != nil && len(g.Image.ImageBytes) > 0 {
			res.pictures = append(res.pictures, picture{data: g.Image.ImageBytes, mime: g.Image.MIMEType})
		}
	}
	return res, nil
}
