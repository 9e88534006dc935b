package sim

import (
	"crypto/rand"
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"time"

	"switchyard"
)

func (o *openai) generations(x *exchange) {
	if kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type")); kind != plainJSON {
		o.fail(x, http.StatusBadRequest, "invalid_request_error", nil, "unsupported_content_type",
			"Unsupported content type: '"+kind+"'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: "+x.r.Header.Get("Content-Type")+"'. Please try again with a supported content type.")
		return
	}
	body, err := x.object()
	if err != nil {
		o.badJSON(x)
		return
	}
	var j imageJob
	if o.read(x, body, &j) {
		o.make(x, &j)
	}
}

// make generates and answers. If moderation stops one picture of several, the whole request fails.
func (o *openai) make(x *exchange, j *imageJob) {
	began := time.Now()
	x.generate(j.m.id, j.n, func() {
		x.w.Header().Set("Openai-Processing-Ms", strconv.FormatInt(time.Since(began).Milliseconds(), 10))
		switch x.b.Fault {
		case Filter, FilterOutput, FilterSome:
			o.blocked(x, j.m)
			return
		case Empty:
			j.n = 0
		}
		u := j.usage()
		x.p.charge(j.m.id, j.n, j.cost(u), j.prompt, x.r.Header)
		x.made = true
		switch {
		case j.m.dalle:
			o.answerDalle(x, j)
		case j.stream:
			o.stream(x, j, u)
		default:
			v := j.header(obj{"created": time.Now().Unix(), "usage": u.object(x.b.Quirks.NoDetails)})
			data := list{}
			for i := range j.n {
				data = append(data, obj{"b64_json": j.picture(x, i)})
			}
			v["data"] = data
			x.json(http.StatusOK, plainJSON, v)
		}
	})
}

// header adds to v the values that were really used, which are never auto.
func (j *imageJob) header(v obj) obj {
	v["background"], v["output_format"], v["quality"], v["size"] = j.background, j.format, j.quality, j.size.String()
	if j.user != nil {
		v["safety_identifier"] = j.user
	}
	return v
}

func (j *imageJob) art(index int) Art {
	return Art{
		Prompt: j.prompt, Index: index, References: len(j.refs) + j.files, Mask: j.mask,
		Transparent: j.background == "transparent", Quality: max(1, min(j.compression, 95)),
	}
}

func (j *imageJob) picture(x *exchange, index int) string {
	if j.format == "svg" {
		return base64.StdEncoding.EncodeToString([]byte(vector))
	}
	return base64.StdEncoding.EncodeToString(x.picture(j.size, j.format, j.art(index)))
}

// stream sends partial pictures, and then a completed event for each image. There is no [DONE].
func (o *openai) stream(x *exchange, j *imageJob, u imageUsage) {
	kind := "image_generation"
	if j.edit {
		kind = "image_edit"
	}
	one := func(name, data string) obj {
		return j.header(obj{"type": kind + "." + name, "b64_json": data, "created_at": time.Now().Unix()})
	}
	var all []event
	for i := range j.n {
		for k := range j.partials {
			v := one("partial_image", j.picture(x, DraftIndex+k))
			v["partial_image_index"] = k
			all = append(all, event{name: kind + ".partial_image", data: v})
		}
		v := one("completed", j.picture(x, i))
		v["usage"] = u.object(x.b.Quirks.NoDetails)
		all = append(all, event{name: kind + ".completed", data: v})
	}
	x.events("text/event-stream; charset=utf-8", all)
}

// answerDalle answers with links that need no key, and with the prompt as the model rewrote it.
func (o *openai) answerDalle(x *exchange, j *imageJob) {
	data := list{}
	for i := range j.n {
		one := obj{}
		if j.m.id == "dall-e-3" {
			one["revised_prompt"] = "A calm photograph. " + j.prompt
		}
		if j.url {
			path := "/img/" + rand.Text() + ".png"
			x.site.put(path, file{mime: "image/png", draw: x.p.sketch(x.b, j.size, "png", j.art(i))})
			one["url"] = x.site.URL + path
		} else {
			one["b64_json"] = j.picture(x, i)
		}
		data = append(data, one)
	}
	x.json(http.StatusOK, plainJSON, obj{"created": time.Now().Unix(), "data": data})
}

// imageUsage is tokens as the Images API counts them, for a whole answer.
type imageUsage struct{ text, imageIn, imageOut int64 }

func (j *imageJob) usage() imageUsage {
	if j.n == 0 {
		return imageUsage{}
	}
	return imageUsage{
		text:     textTokens(j.prompt) + 3,
		imageIn:  int64(len(j.refs)+j.files) * j.m.perRef,
		imageOut: int64(j.n) * (j.m.imageTokens(j.quality, j.size) + 100*int64(j.partials)),
	}
}

func (j *imageJob) cost(u imageUsage) switchyard.Money {
	if j.m.dalle {
		return switchyard.Money(j.n) * dallePrice(j.m.id, j.size.String(), j.quality)
	}
	return million(j.m.text, u.text) + million(j.m.imageIn, u.imageIn) + million(j.m.imageOut, u.imageOut)
}

func (u imageUsage) object(noDetails bool) obj {
	in := u.text + u.imageIn
	v := obj{
		"input_tokens": in, "output_tokens": u.imageOut, "total_tokens": in + u.imageOut,
		"input_tokens_details": obj{"image_tokens": u.imageIn, "text_tokens": u.text},
	}
	if !noDetails {
		v["output_tokens_details"] = obj{"image_tokens": u.imageOut, "text_tokens": 0}
	}
	return v
}
