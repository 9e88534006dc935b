package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/color"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

const (
	maxEditImages = 16
	maxImageBytes = 50 << 20
	maxMaskBytes  = 4 << 20
	maxURLChars   = 20_971_520
)

// edits takes a multipart form, or JSON.
func (o *openai) edits(x *exchange) {
	j := imageJob{edit: true}
	kind, params, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	var body obj
	var files formFiles
	switch kind {
	case "multipart/form-data":
		var err error
		if body, files, err = readForm(x.body, params["boundary"]); err != nil {
			o.fail(x, http.StatusBadRequest, "invalid_request_error", nil, nil, "Could not parse multipart form")
			x.note(err.Error())
			return
		}
	case plainJSON:
		var err error
		if body, err = x.object(); err != nil {
			o.badJSON(x)
			return
		}
	default:
		o.fail(x, http.StatusBadRequest, "invalid_request_error", nil, "unsupported_content_type",
			"Unsupported content type: '"+kind+"'. This API method only accepts 'multipart/form-data' and 'application/json' requests.")
		return
	}
	if !o.read(x, body, &j) {
		return
	}
	var e *paramError
	if kind == plainJSON {
		e = j.readURLs(x, body)
	} else {
		e = j.readFiles(files)
	}
	if e != nil {
		o.badParam(x, e)
		return
	}
	o.make(x, &j)
}

// formFiles are the parts of a form that hold files.
type formFiles struct {
	images       [][]byte
	mask, markup []byte
}

// readForm turns text parts into what JSON would have had. What a file is for is known by its part's name, and its
// type by its bytes alone: content types and file names are often nonsense.
func readForm(body []byte, boundary string) (obj, formFiles, error) {
	out, files := obj{}, formFiles{}
	m := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return out, files, nil
		}
		if err != nil {
			return nil, files, err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, files, err
		}
		switch name := part.FormName(); {
		case name == "image" || strings.HasPrefix(name, "image["):
			files.images = append(files.images, data)
		case name == "mask":
			files.mask = data
		case name == "markup":
			files.markup = data
			out[name] = ""
		default:
			out[name] = formValue(name, string(data))
		}
	}
}

// formValue turns texts of numbers and booleans into these.
func formValue(name, s string) any {
	switch name {
	case "n", "output_compression", "partial_images", "frame_count", "frame_duration_ms":
		return json.Number(s)
	case "stream":
		if s == "true" || s == "false" {
			return s == "true"
		}
	}
	return s
}

func badImage(param string) *paramError {
	return &paramError{
		"image_generation_user_error", param, "invalid_image_file",
		"Invalid image file or mode for image 1, please check your image file.",
	}
}

func (j *imageJob) readFiles(f formFiles) *paramError {
	if len(f.images) == 0 {
		return wrong("image", "missing_required_parameter", "Missing required parameter: 'image'.")
	}
	if len(f.images) > maxEditImages {
		return wrong("image", "array_above_max_length", "Invalid 'image': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxEditImages, len(f.images))
	}
	for _, data := range f.images {
		ref, err := asReference(data)
		if err != nil || ref.format == "gif" || len(data) > maxImageBytes {
			return badImage("image")
		}
		j.refs = append(j.refs, ref)
	}
	if f.markup != nil {
		if ref, err := asReference(f.markup); err != nil || ref.format != "png" || f.mask != nil {
			return badImage("markup")
		}
	}
	if f.mask != nil {
		return j.readMask(f.mask)
	}
	return nil
}

// readMask requires a PNG with alpha, of the first picture's size.
func (j *imageJob) readMask(data []byte) *paramError {
	cfg, err := png.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil || len(data) >= maxMaskBytes:
		return userError("mask", "Invalid mask image format - mask must be a PNG file of less than 4 MB")
	case cfg.ColorModel != color.NRGBAModel && cfg.ColorModel != color.NRGBA64Model:
		return userError("mask", "Invalid mask image format - mask image missing alpha channel")
	case len(j.refs) > 0 && (cfg.Width != j.refs[0].size.Width || cfg.Height != j.refs[0].size.Height):
		return userError("mask", "Invalid mask image format - mask size does not match image size")
	}
	j.mask = true
	return nil
}

// readURLs takes the images of the JSON form: each by an address or by a file's id.
func (j *imageJob) readURLs(x *exchange, body obj) *paramError {
	images, ok := body["images"].([]any)
	if !ok || len(images) == 0 {
		return wrong("images", "missing_required_parameter", "Missing required parameter: 'images'.")
	}
	if len(images) > maxEditImages {
		return wrong("images", "array_above_max_length", "Invalid 'images': array too long. Expected an array with maximum length %d, but got an array with length %d instead.", maxEditImages, len(images))
	}
	for _, v := range images {
		ref, byID, e := j.imageRef(x, v, "images")
		if e != nil {
			return e
		}
		if byID {
			j.files++
			continue
		}
		j.refs = append(j.refs, ref)
	}
	if body["mask"] == nil {
		return nil
	}
	ref, byID, e := j.imageRef(x, body["mask"], "mask")
	if e != nil || byID {
		j.mask = byID
		return e
	}
	return j.readMask(ref.data)
}

func (j *imageJob) imageRef(x *exchange, v any, param string) (reference, bool, *paramError) {
	m, ok := v.(obj)
	if !ok {
		return reference{}, false, badType(param, "an object", v)
	}
	uri, hasURI := m["image_url"].(string)
	id, hasID := m["file_id"].(string)
	if hasURI == hasID || len(m) != 1 {
		return reference{}, false, wrong(param, "invalid_value", "Each image must have exactly one of 'image_url' and 'file_id'.")
	}
	if hasID {
		if !strings.HasPrefix(id, "file-") {
			return reference{}, false, wrong(param, "image_file_not_found", "No such File object: %s", id)
		}
		return reference{}, true, nil
	}
	if len(uri) > maxURLChars {
		return reference{}, false, wrong(param, "string_above_max_length", "Invalid '%s': string too long. Expected a string with maximum length %d, but got a string with length %d instead.", param, maxURLChars, len(uri))
	}
	ref, err := x.load(uri, nil)
	if errors.Is(err, errDownload) {
		return ref, false, wrong(param, "invalid_image_url", "Error while downloading file.")
	}
	if err != nil || ref.format == "gif" {
		return ref, false, badImage(param)
	}
	return ref, false, nil
}
