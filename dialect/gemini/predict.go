package gemini

import (
	"cmp"
	"strings"

	"switchyard"
	"switchyard/spool"
)

// decodePredict reads Imagen's form. Enumerations are compared without regard to case, as its callers differ in it.
func decodePredict(r *spool.Reader, req *switchyard.Request) error {
	instances := r.Items("instances")
	if len(instances) != 1 {
		return switchyard.Invalid("", "Exactly one instance is expected, got %d.", len(instances))
	}
	inst := spool.Read(instances[0], "instances[0]")
	req.Prompt = inst.Text("prompt")
	if err := decodeEdit(inst, req); err != nil {
		return err
	}
	if err := decodeReferences(inst.Items("referenceImages"), req); err != nil {
		return err
	}
	p := r.Object("parameters")
	if err := decodeParameters(p, req); err != nil {
		return err
	}
	if err := wrongType(r, inst, p); err != nil {
		return err
	}
	req.Extra = rest(r, inst, p) // labels are beside the parameters
	return nil
}

// decodeEdit reads what models before Imagen 3 took besides the prompt: the picture to edit, and its mask.
func decodeEdit(inst *spool.Reader, req *switchyard.Request) error {
	if v := inst.Get("image"); v.Given() {
		img, err := decodeImage(v)
		if err != nil {
			return err
		}
		req.References = append(req.References, switchyard.Reference{Image: img})
	}
	if v := inst.Get("mask"); v.Given() {
		img, err := decodeImage(v.Get("image"))
		if err != nil {
			return err
		}
		req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.White}
	}
	return nil
}

// decodeImage reads a picture that is inline, or in a bucket.
func decodeImage(v *spool.Value) (switchyard.Image, error) {
	img := switchyard.Image{URL: v.Get("gcsUri").Text(), MIME: v.Get("mimeType").Text()}
	if data := v.Get("bytesBase64Encoded"); data.Given() {
		blob, err := data.Base64(0)
		if err != nil {
			return switchyard.Image{}, switchyard.Invalid("", "Request contains an invalid argument.")
		}
		img.Blob, img.URL = blob, ""
	}
	return img, nil
}

func decodeParameters(p *spool.Reader, req *switchyard.Request) error {
	req.Images = 4 // the default of predict
	for _, name := range []string{"sampleCount", "numberOfImages"} {
		if n := p.Int(name); n != nil {
			req.Images = *n
		}
		if req.Images < 1 || req.Images > 4 {
			return switchyard.Invalid("", "%s must be between 1 and 4, but got %d.", name, req.Images)
		}
	}
	req.Aspect = switchyard.Aspect{W: 1, H: 1}
	if ratio := p.Text("aspectRatio"); ratio != "" {
		var err error
		if req.Aspect, err = switchyard.ParseAspect(ratio); err != nil {
			return switchyard.Invalid("", "aspectRatio %q is not supported.", ratio)
		}
	}
	for _, name := range []string{"sampleImageSize", "imageSize"} {
		req.Resolution = cmp.Or(word(p, name, classes), req.Resolution)
	}
	req.Guidance = p.Float("guidanceScale")
	req.People = word(p, "personGeneration", people)
	req.Safety = word(p, "safetySetting", thresholds)
	req.Language = p.Text("language")
	req.NegativePrompt = p.Text("negativePrompt")
	req.Seed = p.Uint("seed")
	req.Watermark, req.Enhance = p.Bool("addWatermark"), p.Bool("enhancePrompt")
	if wants := p.Bool("includeRaiReason"); wants != nil && *wants {
		req.Memo[memoReason] = "true"
	}
	if wants := p.Bool("includeSafetyAttributes"); wants != nil && *wants {
		req.Memo[memoSafety] = "true"
	}
	out := p.Object("outputOptions")
	req.Format = strings.TrimPrefix(out.Text("mimeType"), "image/")
	req.Compression = out.Int("compressionQuality")
	return wrongType(out)
}

// decodeReferences goes by the object that is present, and only after that by the type: a widely used SDK sends
// styles and subjects as REFERENCE_TYPE_CONTROL.
func decodeReferences(items []*spool.Value, req *switchyard.Request) error {
	for _, v := range items {
		img, err := decodeImage(v.Get("referenceImage"))
		if err != nil {
			return err
		}
		kind := v.Get("referenceType").Text()
		if v.Get("maskImageConfig").Given() || kind == "REFERENCE_TYPE_MASK" {
			req.Mask = &switchyard.Mask{Image: img, Polarity: switchyard.White}
			continue
		}
		ref := switchyard.Reference{Image: img}
		if id, ok := v.Get("referenceId").Int(); ok {
			ref.ID = int(id)
		}
		switch subject := v.Get("subjectImageConfig"); {
		case v.Get("styleImageConfig").Given() || kind == "REFERENCE_TYPE_STYLE":
			ref.Role, ref.Description = switchyard.RoleStyle, v.Get("styleImageConfig", "styleDescription").Text()
		case subject.Given() || kind == "REFERENCE_TYPE_SUBJECT":
			ref.Role, ref.Description = switchyard.RoleContent, subject.Get("subjectDescription").Text()
			if subject.Get("subjectType").Text() == "SUBJECT_TYPE_PERSON" {
				ref.Role = switchyard.RoleFace
			}
		case v.Get("controlImageConfig").Given() || kind == "REFERENCE_TYPE_CONTROL":
			ref.Role = switchyard.RoleControl
		case kind == "REFERENCE_TYPE_CONTENT":
			ref.Role = switchyard.RoleContent
		}
		req.References = append(req.References, ref)
	}
	return nil
}
