package sim

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"
)

func (s *replicate) job(id string) *prediction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id]
}

// asked finds the prediction that a request is about, and applies the faults of polling.
func (s *replicate) asked(x *exchange, id string) *prediction {
	j := s.job(id)
	if j == nil {
		s.notFound(x)
		return nil
	}
	x.edit(func(c *Call) { c.Model, c.Prompt = j.o.m.name, j.o.prompt })
	x.b = x.b.prompted(j.o.prompt)
	x.poll = true
	if x.struck(x.b.PollFault) {
		return nil
	}
	return j
}

// get answers a prediction. The first Behavior.Polls reads do not see that it is over.
func (s *replicate) get(x *exchange, id string) {
	j := s.asked(x, id)
	if j == nil {
		return
	}
	s.mu.Lock()
	j.reads++
	reads := j.reads
	s.mu.Unlock()
	v := s.view(j)
	if reads <= x.b.Polls && v["status"] != "canceled" {
		status := "processing"
		if reads <= x.b.Polls/2 {
			status = "starting"
		}
		s.unfinished(v, status)
	}
	x.json(http.StatusOK, plainJSON, v)
}

// cancel ends a prediction; it does nothing if that is over.
func (s *replicate) cancel(x *exchange, id string) {
	j := s.asked(x, id)
	if j == nil {
		return
	}
	status := "canceled"
	if x.b.Quirks.Aborted {
		status = "aborted"
	}
	if s.finish(j, func() { j.status, j.metrics = status, obj{"total_time": 0.1} }) {
		s.p.world.work(func() { s.hook(j, "completed") })
	}
	x.json(http.StatusOK, plainJSON, s.view(j))
}

// list lists the newest first, 100 on a page.
func (s *replicate) list(x *exchange) {
	const page = 100
	s.mu.Lock()
	ids := append([]string(nil), s.order...)
	s.mu.Unlock()
	skip, _ := strconv.Atoi(x.r.URL.Query().Get("cursor"))
	skip = min(max(skip, 0), len(ids))
	results := list{}
	var next, previous any
	for i := len(ids) - 1 - skip; i >= 0; i-- {
		if len(results) == page {
			next = s.p.URL + "/v1/predictions?cursor=" + strconv.Itoa(skip+page)
			break
		}
		if j := s.job(ids[i]); j != nil {
			v := s.view(j)
			delete(v, "logs")
			results = append(results, v)
		}
	}
	if skip > 0 {
		previous = s.p.URL + "/v1/predictions?cursor=" + strconv.Itoa(max(0, skip-page))
	}
	x.json(http.StatusOK, plainJSON, obj{"next": next, "previous": previous, "results": results})
}

// serveFiles keeps uploads on the delivery site, at paths that it does not reveal.
func (s *replicate) serveFiles(x *exchange, rest []string) {
	get := x.r.Method == http.MethodGet
	switch {
	case len(rest) == 0 && x.r.Method == http.MethodPost:
		s.upload(x)
		return
	case len(rest) == 0 && get:
		s.mu.Lock()
		results := list{}
		for _, id := range s.named {
			if v, ok := s.files[id]; ok {
				results = append(results, v)
			}
		}
		s.mu.Unlock()
		x.json(http.StatusOK, plainJSON, obj{"next": nil, "previous": nil, "results": results})
		return
	case len(rest) == 0:
		s.notFound(x)
		return
	}
	s.mu.Lock()
	v, ok := s.files[rest[0]]
	s.mu.Unlock()
	switch {
	case !ok:
		s.notFound(x)
	case len(rest) == 1 && get:
		x.json(http.StatusOK, plainJSON, v)
	case len(rest) == 2 && rest[1] == "content" && get:
		f, _ := s.delivery.get(privatePath + rest[0])
		x.write(http.StatusOK, f.mime, f.data)
	case len(rest) == 1 && x.r.Method == http.MethodDelete:
		s.mu.Lock()
		delete(s.files, rest[0])
		s.mu.Unlock()
		s.delivery.remove(privatePath + rest[0])
		x.w.WriteHeader(http.StatusNoContent)
	default:
		s.notFound(x)
	}
}

func (s *replicate) upload(x *exchange) {
	kind, params, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		s.invalid(x, []invalidField{{"required", "", "content is required"}})
		return
	}
	m := multipart.NewReader(bytes.NewReader(x.body), params["boundary"])
	var data []byte
	name, mimeType, found := "", "", false
	metadata := obj{}
	for {
		part, err := m.NextPart()
		if err != nil {
			break
		}
		content, _ := io.ReadAll(part)
		switch part.FormName() {
		case "content":
			data, name, mimeType, found = content, part.FileName(), part.Header.Get("Content-Type"), true
		case "metadata":
			_ = json.Unmarshal(content, &metadata)
		}
	}
	if !found {
		s.invalid(x, []invalidField{{"required", "", "content is required"}})
		return
	}
	id, now := rand.Text(), time.Now().UTC()
	sum, sum5 := sha256.Sum256(data), md5.Sum(data)
	s.delivery.put(privatePath+id, file{mime: mimeType, data: data})
	v := obj{
		"id": id, "name": name, "content_type": mimeType, "size": len(data), "etag": hex.EncodeToString(sum5[:]),
		"checksums": obj{"sha256": hex.EncodeToString(sum[:]), "md5": hex.EncodeToString(sum5[:])}, "metadata": metadata,
		"created_at": now.Format(stamp), "expires_at": now.Add(24 * time.Hour).Format(stamp), "urls": obj{"get": s.p.URL + "/v1/files/" + id},
	}
	s.mu.Lock()
	s.files[id] = v
	s.named = append(s.named, id)
	if len(s.named) > maxJobs {
		delete(s.files, s.named[0])
		s.named = s.named[1:]
	}
	s.mu.Unlock()
	x.json(http.StatusCreated, plainJSON, v)
}
