package sim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchyard"
)

// prediction is one job. What is below done is guarded by replicate.mu.
type prediction struct {
	id      string
	o       *order
	created time.Time
	done    chan struct{} // closed when it is over

	status    string
	reads     int
	output    any
	err       any // text or nil
	logs      string
	metrics   obj
	started   time.Time
	completed time.Time
}

func (j *prediction) over() bool {
	return !slices.Contains([]string{"starting", "processing"}, j.status)
}

func (s *replicate) accept(x *exchange, o *order) *prediction {
	j := &prediction{id: strings.ToLower(rand.Text()), o: o, created: time.Now(), status: "starting", done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.id] = j
	s.order = append(s.order, j.id)
	if len(s.order) > maxJobs {
		delete(s.jobs, s.order[0])
		s.order = s.order[1:]
	}
	return j
}

// finish ends j in one step, unless it is over already.
func (s *replicate) finish(j *prediction, f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.over() {
		return false
	}
	j.completed = time.Now()
	if j.started.IsZero() {
		j.started = j.created
	}
	f()
	close(j.done)
	return true
}

// run makes j's pictures, after a fifth of its time as starting. If it is cancelled before the end, it is not billed.
func (s *replicate) run(b Behavior, j *prediction) {
	d, _ := s.p.roll(b, j.o.m.name, j.o.n)
	if !s.wait(j, d/5) {
		return
	}
	for !s.p.enter(b) {
		if !s.wait(j, 5*time.Millisecond) {
			return
		}
	}
	defer s.p.leave()
	s.mu.Lock()
	if !j.over() {
		j.status, j.started = "processing", time.Now()
	}
	s.mu.Unlock()
	s.hook(j, "start")
	if b.Fault == Stuck {
		s.wait(j, time.Duration(1<<62))
		return
	}
	if !s.wait(j, d-d/5) {
		return
	}
	if s.finish(j, s.outcome(b, j)) {
		s.p.world.work(func() { // does not keep a place while the app's webhook is slow to answer
			s.hook(j, "output")
			s.hook(j, "completed")
		})
	}
}

func (s *replicate) wait(j *prediction, d time.Duration) bool {
	return s.p.world.waitUnless(j.done, d)
}

// outcome decides how j ends. The function that it returns writes that down, and bills it.
func (s *replicate) outcome(b Behavior, j *prediction) func() {
	fail := func(text string) func() {
		return func() { j.status, j.err, j.metrics = "failed", text, obj{"predict_time": 1.2, "total_time": 1.3} }
	}
	if err := s.resolve(b, j.o); err != nil {
		return fail(err.Error())
	}
	first := 0
	switch flt := b.Fault; {
	case flt == Fail:
		return fail("Prediction interrupted; please retry (code: PA)")
	case flt == Filter || flt == FilterOutput || flt == FilterSome && (!j.o.m.open || j.o.n == 1):
		return fail(j.o.m.filtered)
	case flt == FilterSome:
		first = 1 // the flagged one is dropped from the list
	case flt == Empty:
		first = j.o.n
	}
	var output list
	for i := first; i < j.o.n; i++ {
		output = append(output, s.image(b, j, i))
	}
	seconds := j.o.m.seconds
	return func() {
		j.status, j.logs = "succeeded", "Using seed: "+strconv.FormatInt(int64(len(j.id)*1000), 10)+"\n"
		j.metrics = obj{"predict_time": seconds, "total_time": seconds + 0.1, "image_count": len(output)}
		switch {
		case j.o.m.list && output == nil:
			j.output = list{}
		case j.o.m.list:
			j.output = output
		case len(output) > 0:
			j.output = output[0]
		}
		cost := j.o.price(len(output)) + j.o.m.perSecond.Times(int64(seconds*1000), 1000)
		s.p.charge(j.o.m.name, len(output), cost, j.o.prompt, j.o.header)
	}
}

// price returns what n images cost by their number, their class and their size.
func (o *order) price(n int) switchyard.Money {
	each := o.m.perImage
	if o.m.perClass != nil {
		each = o.m.perClass[textOf(o.in, "resolution")]
	}
	const megapixel = 1_000_000
	var begun int64
	for _, pixels := range append(o.pixels, o.size.Pixels()) {
		begun += (pixels + megapixel - 1) / megapixel
	}
	return (each + o.m.perMegapixel*switchyard.Money(begun)) * switchyard.Money(n)
}

// image hosts one output and returns its address, or the picture itself as a data URI.
func (s *replicate) image(b Behavior, j *prediction, index int) string {
	format := strings.Replace(j.o.format, "jpg", "jpeg", 1)
	quality := max(1, intOf(j.o.in, "output_quality"))
	if quality == 1 {
		quality = 80
	}
	art := Art{Prompt: j.o.prompt, Index: index, References: j.o.refs, Mask: j.o.mask, Quality: quality}
	draw := s.p.sketch(b, j.o.size, format, art)
	if b.Quirks.DataURI || b.Quirks.Processing {
		return inlineURI(format, draw())
	}
	path := "/yhqm/" + rand.Text() + "/out-" + strconv.Itoa(index) + "." + j.o.format
	s.delivery.put(path, file{mime: "image/" + format, draw: draw, fault: Behavior{}.prompted(j.o.prompt).DeliveryFault})
	return s.delivery.URL + path
}

// expire cancels j at its deadline, which is in real time: the app set it.
func (s *replicate) expire(j *prediction) {
	if s.wait(j, j.o.limit) && s.finish(j, func() { j.status = "canceled" }) {
		s.hook(j, "completed")
	}
}

const stamp = "2006-01-02T15:04:05.000Z"

// view returns the prediction object as it is now.
func (s *replicate) view(j *prediction) obj {
	s.mu.Lock()
	defer s.mu.Unlock()
	base := s.p.URL + "/v1/predictions/" + j.id
	v := obj{
		"id": j.id, "model": j.o.m.name, "version": j.o.m.shownVersion(), "input": j.o.input, "logs": j.logs, "output": j.output,
		"data_removed": false, "error": j.err, "source": "api", "status": j.status, "created_at": j.created.UTC().Format(stamp),
		"urls": obj{"get": base, "cancel": base + "/cancel", "web": "https://replicate.com/p/" + j.id},
	}
	if !j.started.IsZero() {
		v["started_at"] = j.started.UTC().Format(stamp)
	}
	if j.over() {
		v["completed_at"] = j.completed.UTC().Format(stamp)
	}
	if j.o.limit > 0 {
		v["deadline"] = j.created.Add(j.o.limit).UTC().Format(stamp)
	}
	if j.metrics != nil {
		v["metrics"] = j.metrics
	}
	if j.o.hook != "" {
		v["webhook"] = j.o.hook
	}
	return v
}

// hook calls the app's webhook with an event that it asked for.
func (s *replicate) hook(j *prediction, event string) {
	filter := j.o.filter
	if filter == nil {
		filter = []string{"output", "completed"}
	}
	if j.o.hook == "" || !slices.Contains(filter, event) {
		return
	}
	v := s.view(j)
	if event == "output" && v["output"] == nil {
		return
	}
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	id, now := "msg_"+rand.Text(), strconv.FormatInt(time.Now().Unix(), 10)
	s.p.world.post(j.o.hook, body, http.Header{
		"Content-Type": {plainJSON}, "Webhook-Id": {id}, "Webhook-Timestamp": {now},
		"Webhook-Signature": {signWebhook(s.secret, id, now, body)},
	})
}

// signWebhook returns "v1," and the HMAC of id, time and body.
func signWebhook(secret, id, at string, body []byte) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err) // the secret is our own
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
