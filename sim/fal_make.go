package sim

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const falFiltered = "The content could not be processed because it contained material flagged by a content checker."

// make draws, hosts and bills what in asks for, or returns why not. x gives only the behaviour and the dice; the
// request may be over.
func (f *fal) make(x *exchange, in *falInput, began time.Time) answer {
	black := make([]bool, in.n)
	n := in.n
	switch flt := x.b.Fault; {
	case flt == Empty:
		n = 0
	case (flt == Filter || flt == FilterOutput || flt == FilterSome) && !in.m.open && (flt != FilterSome || n == 1):
		p := problem("content_policy_violation", falFiltered, list{"body", "prompt"}, nil)
		p["input"] = in.prompt
		return answer{http.StatusUnprocessableEntity, map[string]string{"X-Fal-Retryable": "false"}, obj{"detail": list{p}}}
	case flt == FilterSome && !in.m.open:
		n--
	case flt == FilterSome:
		black[n-1] = true
	case flt == Filter || flt == FilterOutput:
		for i := range black {
			black[i] = true
		}
	}
	cost, units := in.m.price(in.size, textOf(in.in, "resolution"), n)
	if in.vector() {
		cost, units = 2*cost, 2*units
	}
	f.p.charge(in.m.id, n, cost, in.prompt, in.header)
	return answer{
		http.StatusOK,
		map[string]string{"X-Fal-Billable-Units": strconv.FormatInt(units, 10)},
		f.output(x, in, black[:n], time.Since(began)),
	}
}

// output returns what the model answers.
func (f *fal) output(x *exchange, in *falInput, black []bool, took time.Duration) obj {
	images, flags := list{}, list{}
	for i, b := range black {
		images = append(images, f.image(x, in, i, b))
		flags = append(flags, b)
	}
	out := obj{"images": images}
	switch in.m.shape {
	case shapeDescription:
		out["description"] = ""
		return out
	case shapeImages:
		return out
	case shapeOne:
		out = obj{}
		if len(images) > 0 {
			out["image"] = images[0]
		}
	case shapeSticker:
		if len(images) > 0 {
			out["sticker_image"], out["sticker_image_background_removed"] = images[0], images[0]
		}
	}
	if x.b.Quirks.Quiet {
		return out
	}
	out["seed"] = json.Number(strconv.FormatInt(x.p.random(1<<31), 10))
	if seed, ok := in.in["seed"].(json.Number); ok {
		out["seed"] = seed
	} else if x.b.Quirks.BigSeed {
		out["seed"] = json.Number("17454220438242315174")
	}
	switch in.m.shape {
	case shapeSeed, shapeOne:
		return out
	case shapeSticker:
		out["has_nsfw_concepts"] = obj{"images": slices.Contains(black, true)}
		return out
	}
	out["timings"] = obj{"inference": took.Seconds()}
	out["has_nsfw_concepts"] = flags
	out["prompt"] = in.prompt
	return out
}

// vector reports whether recraft draws vectors, which cost twice as much as pixels.
func (i *falInput) vector() bool {
	return strings.HasPrefix(textOf(i.in, "style"), "vector_illustration")
}

const vector = `<svg xmlns="http://www.w3.org/2000/svg" width="1024" height="1024"><rect width="1024" height="1024"/></svg>`

func (f *fal) image(x *exchange, in *falInput, index int, black bool) obj {
	art := Art{Prompt: in.prompt, Index: index, References: in.refs, Mask: in.mask, Black: black, Quality: 95}
	size, format := in.size, in.format
	draw := f.p.sketch(x.b, size, format, art)
	if in.vector() {
		path := "/files/panda/" + rand.Text() + ".svg"
		f.cdn.put(path, file{mime: "image/svg+xml", data: []byte(vector)})
		return obj{"url": f.cdn.URL + path, "content_type": "image/svg+xml", "file_name": "image.svg", "file_size": len(vector)}
	}
	v := obj{"content_type": "image/" + format}
	if !x.b.Quirks.Quiet {
		v["width"], v["height"] = size.Width, size.Height
	}
	if flagOf(in.in, "sync_mode") {
		v["url"] = inlineURI(format, draw())
		return v
	}
	extension := strings.Replace(format, "jpeg", "jpg", 1)
	path := "/files/panda/" + rand.Text() + "." + extension
	f.cdn.put(path, file{mime: "image/" + format, draw: draw, fault: Behavior{}.prompted(in.prompt).DeliveryFault})
	v["url"] = f.cdn.URL + path
	return v
}

// serveCDN serves results and uploads to everyone, and takes the bytes of an upload that was announced to rest.
func (f *fal) serveCDN(x *exchange) {
	if x.r.Method == http.MethodPut && strings.HasPrefix(x.r.URL.Path, "/files/upload/") {
		path := "/files/" + strings.TrimPrefix(x.r.URL.Path, "/files/upload/")
		announced, ok := f.cdn.get(path)
		if !ok || announced.data != nil || x.r.URL.Query().Get("sig") == "" {
			x.write(http.StatusForbidden, "text/plain", []byte("Forbidden\n"))
			return
		}
		f.cdn.remove(path)
		f.cdn.put(path, file{mime: x.r.Header.Get("Content-Type"), data: x.body})
		x.w.WriteHeader(http.StatusOK)
		return
	}
	if x.r.Method == http.MethodPost && x.r.URL.Path == "/files/upload" {
		f.upload(x)
		return
	}
	f.cdn.deliver(x, "public, max-age=31536000, immutable")
}

// serveRest announces uploads, and publishes the keys of the webhooks' signatures.
func (f *fal) serveRest(x *exchange) {
	switch path := x.r.URL.Path; {
	case path == "/.well-known/jwks.json":
		x.json(http.StatusOK, plainJSON, f.signer.jwks())
	case !f.admit(x):
	case path == "/storage/upload/initiate" && x.r.Method == http.MethodPost:
		body, err := x.object()
		name, _ := body["file_name"].(string)
		mime, _ := body["content_type"].(string)
		if err != nil || name == "" || mime == "" || x.r.URL.Query().Get("storage_type") == "" {
			x.send(*unprocessable(problem("value_error.missing", "field required", list{"body", "file_name"}, nil)))
			return
		}
		id := rand.Text() + "/" + strings.ReplaceAll(name, "/", "_")
		f.cdn.put("/files/"+id, file{mime: mime})
		x.json(http.StatusOK, plainJSON, obj{"file_url": f.cdn.URL + "/files/" + id, "upload_url": f.cdn.URL + "/files/upload/" + id + "?sig=" + rand.Text()})
	case path == "/storage/auth/token" && x.r.Method == http.MethodPost:
		x.json(http.StatusOK, plainJSON, obj{
			"token": uploadToken, "token_type": "Bearer", "base_url": f.cdn.URL,
			"expires_at": time.Now().UTC().Add(time.Hour).Format(time.RFC3339),
		})
	default:
		x.json(http.StatusNotFound, plainJSON, obj{"detail": "Not Found"})
	}
}

const uploadToken = "sim-upload"

// upload is how the Python client does it: it sends the bytes at once, with a token from rest.
func (f *fal) upload(x *exchange) {
	if x.r.Header.Get("Authorization") != "Bearer "+uploadToken {
		x.write(http.StatusUnauthorized, "text/plain", []byte("Unauthorized\n"))
		return
	}
	path := "/files/" + rand.Text() + "/" + strings.ReplaceAll(x.r.Header.Get("X-Fal-File-Name"), "/", "_")
	f.cdn.put(path, file{mime: x.r.Header.Get("Content-Type"), data: x.body})
	x.json(http.StatusOK, plainJSON, obj{"access_url": f.cdn.URL + path})
}
