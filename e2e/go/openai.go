package main

import (
	"context"
	"encoding/base64"
	"io"
	"os"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// newOpenAI is openai-go's client. j.Base ends in /v1.
func newOpenAI(j job) openai.Client {
	opts := []option.RequestOption{option.WithBaseURL(j.Base), option.WithAPIKey(j.Key)}
	if j.Retries != nil {
		opts = append(opts, option.WithMaxRetries(*j.Retries))
	}
	return openai.NewClient(opts...)
}

func asked(j job) (openai.ImageGenerateParams, []option.RequestOption) {
	p := openai.ImageGenerateParams{Prompt: j.Prompt, Model: j.Model, Size: openai.ImageGenerateParamsSize(j.Size)}
	if j.N > 0 {
		p.N = openai.Int(int64(j.N))
	}
	var more []option.RequestOption
	for k, v := range j.Input {
		more = append(more, option.WithJSONSet(k, v))
	}
	return p, more
}

// generate makes pictures from words.
func generate(ctx context.Context, j job) (result, error) {
	client := newOpenAI(j)
	p, more := asked(j)
	reply, err := client.Images.Generate(ctx, p, more...)
	return delivered(ctx, reply, err)
}

// edit sends files, as an app does that has them on disk.
func edit(ctx context.Context, j job) (result, error) {
	client := newOpenAI(j)
	p := openai.ImageEditParams{Prompt: j.Prompt, Model: j.Model}
	var files []io.Reader
	for _, name := range append(j.Images, j.Mask) {
		if name == "" {
			continue // no mask
		}
		f, err := os.Open(name)
		if err != nil {
			return result{}, err
		}
		defer f.Close()
		if name == j.Mask {
			p.Mask = openai.File(f, "mask.png", "image/png")
		} else {
			files = append(files, f)
		}
	}
	if len(files) == 1 {
		p.Image.OfFile = files[0]
	} else {
		p.Image.OfFileArray = files
	}
	reply, err := client.Images.Edit(ctx, p)
	return delivered(ctx, reply, err)
}

// delivered are the pictures of an answer, those behind links as somebody would get them whom the link is shown to.
func delivered(ctx context.Context, reply *openai.ImagesResponse, err error) (result, error) {
	if err != nil {
		return result{}, err
	}
	var res result
	for _, d := range reply.Data {
		p, err := fromBase64(d.B64JSON, string(reply.OutputFormat))
		if d.URL != "" {
			p, err = download(ctx, d.URL)
		}
		if err != nil {
			return result{}, err
		}
		res.pictures = append(res.pictures, p)
	}
	return res, nil
}

func fromBase64(text, format string) (picture, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	p := picture{data: data}
	if format != "" {
		p.mime = "image/" + format
	}
	return p, err
}

// stream shows drafts as they come. The pictures are those of completed events.
func stream(ctx context.Context, j job) (result, error) {
	client := newOpenAI(j)
	p, more := asked(j)
	events := client.Images.GenerateStreaming(ctx, p, more...)
	defer events.Close()
	var res result
	for events.Next() {
		switch e := events.Current().AsAny().(type) {
		case openai.ImageGenPartialImageEvent:
			res.Partials++
		case openai.ImageGenCompletedEvent:
			p, err := fromBase64(e.B64JSON, string(e.OutputFormat))
			if err != nil {
				return result{}, err
			}
			res.pictures = append(res.pictures, p)
		}
	}
	return res, events.Err()
}

// list is a request that makes no picture: it passes through.
func list(ctx context.Context, j job) (result, error) {
	client := newOpenAI(j)
	var ids []string
	all := client.Models.ListAutoPaging(ctx)
	for all.Next() {
		ids = append(ids, all.Current().ID)
	}
	return result{Text: strings.Join(ids, " ")}, all.Err()
}
