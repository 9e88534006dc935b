package gemini

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

// Needs asks for the bytes of every reference that Google does not keep itself: not all models can fetch addresses. No model takes masks.
func (Dialect) Needs(_ *switchyard.Target, req *switchyard.Request) []dialect.Need {
	var needs []dialect.Need
	for i := range req.References {
		if img := &req.References[i].Image; img.Kept == "" {
			needs = append(needs, dialect.Need{Image: img})
		}
	}
	return needs
}

// Encode writes the form that the target's model speaks.
func (Dialect) Encode(t *switchyard.Target, req *switchyard.Request, s dialect.Supply) (*dialect.Outgoing, error) {
	c := &spool.Composer{}
	method, value := "generateContent", any(encodeContent(c, req, s))
	if t.Row != nil && t.Row.Form == Predict {
		method, value = "predict", encodePredict(req)
	}
	body, err := withParams(c, value, t.Params)
	if err != nil {
		return nil, err
	}
	return &dialect.Outgoing{
		Method: http.MethodPost,
		Path:   "/v1beta/models/" + url.PathEscape(t.Model) + ":" + method,
		Header: http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}},
		Body:   body,
	}, nil
}

// withParams writes value as JSON; the members that the target fixes replace its own.
func withParams(c *spool.Composer, value any, params map[string]json.RawMessage) (switchyard.Blob, error) {
	if len(params) == 0 {
		return c.JSON(value)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for name, param := range params {
		members[name] = param
	}
	return c.JSON(members)
}

type contentRequest struct {
	Contents []turn          `json:"contents"`
	Config   contentConfig   `json:"generationConfig"`
	Safety   []safetySetting `json:"safetySettings,omitempty"`
}

type contentConfig struct {
	Modalities []string     `json:"responseModalities"`
	Seed       *uint64      `json:"seed,omitempty"`
	Image      *imageConfig `json:"imageConfig,omitempty"`
}

type imageConfig struct {
	AspectRatio string `json:"aspectRatio,omitempty"`
	ImageSize   string `json:"imageSize,omitempty"`
}

type safetySetting struct {
	Category  string `json:"category"`
	Threshold string `json:"threshold"`
}

func encodeContent(c *spool.Composer, req *switchyard.Request, s dialect.Supply) contentRequest {
	t := turn{Role: "user"}
	if req.Prompt != "" { // a part with nothing in it is refused
		t.Parts = append(t.Parts, part{Text: req.Prompt})
	}
	for i := range req.References {
		img := s.Of(&req.References[i].Image)
		if img.Kept != "" {
			t.Parts = append(t.Parts, part{File: &fileData{img.MIME, img.URL}})
			continue
		}
		t.Parts = append(t.Parts, part{Inline: &inlineData{cmp.Or(img.MIME, "image/png"), c.Inline("", img.Blob)}})
	}
	out := contentRequest{Contents: []turn{t}, Config: contentConfig{Modalities: []string{"IMAGE"}}}
	if req.Seed != nil {
		seed := *req.Seed % (1 << 31) // an int32 on the wire
		out.Config.Seed = &seed
	}
	if image := (imageConfig{req.Aspect.String(), req.Resolution}); image != (imageConfig{}) {
		out.Config.Image = &image
	}
	if threshold := thresholdOf(req.Safety, "OFF"); threshold != "" {
		for _, category := range []string{"HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT"} {
			out.Safety = append(out.Safety, safetySetting{"HARM_CATEGORY_" + category, threshold})
		}
	}
	return out
}

// thresholdOf returns a safety level in Google's words; off is the word for none.
func thresholdOf(level, off string) string {
	switch level {
	case switchyard.SafetyStrict:
		return "BLOCK_LOW_AND_ABOVE"
	case switchyard.SafetyDefault:
		return "BLOCK_MEDIUM_AND_ABOVE"
	case switchyard.SafetyRelaxed:
		return "BLOCK_ONLY_HIGH"
	case switchyard.SafetyOff:
		return off
	}
	return ""
}

type predictRequest struct {
	Instances  []instance `json:"instances"`
	Parameters parameters `json:"parameters"`
}

type instance struct {
	Prompt string `json:"prompt"`
}

type parameters struct {
	SampleCount    int            `json:"sampleCount"`
	AspectRatio    string         `json:"aspectRatio,omitempty"`
	NegativePrompt string         `json:"negativePrompt,omitempty"`
	GuidanceScale  *float64       `json:"guidanceScale,omitempty"`
	Seed           *uint64        `json:"seed,omitempty"`
	SafetySetting  string         `json:"safetySetting,omitempty"`
	People         string         `json:"personGeneration,omitempty"`
	RaiReason      bool           `json:"includeRaiReason"`
	Language       string         `json:"language,omitempty"`
	Output         *outputOptions `json:"outputOptions,omitempty"`
	Watermark      *bool          `json:"addWatermark,omitempty"`
	ImageSize      string         `json:"sampleImageSize,omitempty"`
	Enhance        *bool          `json:"enhancePrompt,omitempty"`
}

type outputOptions struct {
	MimeType    string `json:"mimeType"`
	Compression *int   `json:"compressionQuality,omitempty"`
}

// encodePredict also asks for the reasons of filtered images, which distinguish them from failures.
func encodePredict(req *switchyard.Request) predictRequest {
	p := parameters{
		SampleCount: req.Images, AspectRatio: req.Aspect.String(), NegativePrompt: req.NegativePrompt,
		GuidanceScale: req.Guidance, Seed: req.Seed, SafetySetting: thresholdOf(req.Safety, "BLOCK_NONE"),
		RaiReason: true, Language: req.Language, Watermark: req.Watermark, ImageSize: req.Resolution, Enhance: req.Enhance,
	}
	switch req.People {
	case "none":
		p.People = "DONT_ALLOW"
	case "adult":
		p.People = "ALLOW_ADULT"
	case "all":
		p.People = "ALLOW_ALL"
	}
	if req.Format != "" {
		p.Output = &outputOptions{"image/" + req.Format, req.Compression}
	}
	return predictRequest{[]instance{{req.Prompt}}, p}
}

// Forward sends the app's own body to the API version that the app called; if the target has another model, the path
// names that.
func (d Dialect) Forward(t *switchyard.Target, req *switchyard.Request, m *spool.Message) (*dialect.Outgoing, error) {
	call, _ := parsePath(m.Path)
	model := call.model
	if t.Model != req.Model {
		model = t.Model
	}
	path := (&url.URL{Path: call.before + model}).EscapedPath() + ":" + call.method
	out := &dialect.Outgoing{Method: m.Method, Path: path, Query: m.Query, Header: dialect.Along(d, t, m.Header)}
	body, err := dialect.Edited(m, t.Params)
	out.Body = body
	return out, err
}
