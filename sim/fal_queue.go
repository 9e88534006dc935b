package sim

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"switchyard"
)

// falJob is one queued request. Its fields below done are guarded by fal.mu.
type falJob struct {
	id, app string
	in      *falInput
	done    chan struct{} // closed when it is over

	state   string // IN_QUEUE, IN_PROGRESS, COMPLETED
	reads   int    // of its state
	result  answer
	started time.Time
	ended   time.Time
}

const maxJobs = 10_000

// serveQueue takes a submit at any path, and …/requests/{id}[/status[/stream]|/cancel|/response] below any.
func (f *fal) serveQueue(x *exchange) {
	if !f.admit(x) {
		return
	}
	app, rest, ok := strings.Cut(strings.Trim(x.r.URL.Path, "/"), "/requests/")
	if !ok {
		f.submit(x)
		return
	}
	id, verb, _ := strings.Cut(rest, "/")
	j := f.job(id)
	x.w.Header().Set("X-Fal-Request-Id", id)
	if owner, _ := splitApp(app); j == nil || j.app != owner {
		x.json(http.StatusNotFound, plainJSON, obj{"status": "NOT_FOUND"})
		return
	}
	x.edit(func(c *Call) { c.Model, c.Prompt = j.in.m.id, j.in.prompt })
	x.b = x.b.prompted(j.in.prompt)
	x.poll = true
	if x.struck(x.b.PollFault) {
		return
	}
	get := x.r.Method == http.MethodGet
	switch {
	case verb == "status" && get:
		f.status(x, j)
	case verb == "status/stream" && get:
		f.statusStream(x, j)
	case verb == "cancel" && x.r.Method == http.MethodPut:
		f.cancel(x, j)
	case (verb == "" || verb == "response") && get:
		f.result(x, j)
	default:
		x.json(http.StatusMethodNotAllowed, plainJSON, obj{"detail": "Method Not Allowed"})
	}
}

func (f *fal) job(id string) *falJob {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.jobs[id]
}

func (f *fal) submit(x *exchange) {
	if x.r.Method != http.MethodPost {
		x.json(http.StatusMethodNotAllowed, plainJSON, obj{"detail": "Method Not Allowed"})
		return
	}
	m, ok := f.find(x, x.r.URL.Path)
	if !ok {
		return
	}
	in, bad := f.read(x, m)
	if bad != nil {
		x.w.Header().Set("X-Fal-Request-Id", uuid())
		x.send(*bad)
		return
	}
	if x.struck(x.b.Fault) {
		return
	}
	j := f.accept(x, in)
	x.w.Header().Set("X-Fal-Request-Id", j.id)
	x.made = true // if the answer is lost, the job runs all the same
	v := f.urls(j)
	v["status"], v["queue_position"] = "IN_QUEUE", 0
	hook := x.r.URL.Query().Get("fal_webhook")
	f.p.world.work(func() { f.run(x, j, hook) })
	x.json(http.StatusOK, plainJSON, v)
}

func (f *fal) accept(x *exchange, in *falInput) *falJob {
	app, _ := splitApp(in.m.id)
	j := &falJob{id: uuid(), app: app, in: in, state: "IN_QUEUE", done: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs[j.id] = j
	f.order = append(f.order, j.id)
	if len(f.order) > maxJobs {
		delete(f.jobs, f.order[0])
		f.order = f.order[1:]
	}
	return j
}

// finish ends j, unless it is over already.
func (f *fal) finish(j *falJob, a answer) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j.state == "COMPLETED" {
		return false
	}
	j.state, j.result, j.ended = "COMPLETED", a, time.Now()
	close(j.done)
	return true
}

// run makes the pictures of j, after a fifth of its time in the queue. Only a picture that is made before the job is
// cancelled is billed.
func (f *fal) run(x *exchange, j *falJob, hook string) {
	d, fails := f.p.roll(x.b, j.in.m.id, j.in.n)
	if !f.wait(j, d/5) {
		return
	}
	for !f.p.enter(x.b) { // jobs wait for a place; they are not refused
		if !f.wait(j, 5*time.Millisecond) {
			return
		}
	}
	defer f.p.leave()
	f.mu.Lock()
	if j.state == "IN_QUEUE" {
		j.state, j.started = "IN_PROGRESS", time.Now()
	}
	f.mu.Unlock()
	if x.b.Fault == Stuck {
		f.wait(j, time.Duration(1<<62))
		return
	}
	if !f.wait(j, d-d/5) {
		return
	}
	var a answer
	if bad := j.in.resolve(x); bad != nil {
		a = *bad
	} else if x.b.Fault == Fail {
		a = falFailure()
	} else if fails {
		a = down(http.StatusServiceUnavailable, "runner_disconnected", "Runner disconnected")
	} else {
		a = f.make(x, j.in, j.started)
	}
	if f.finish(j, a) && hook != "" {
		f.p.world.work(func() { f.deliverHook(j, a, hook) }) // does not keep a place while the app is slow to answer
	}
}

func (f *fal) wait(j *falJob, d time.Duration) bool { return f.p.world.waitUnless(j.done, d) }

// urls returns the job's addresses, which have owner and alias, never the path below them.
func (f *fal) urls(j *falJob) obj {
	base := f.p.QueueURL + "/" + j.app + "/requests/" + j.id
	return obj{"request_id": j.id, "response_url": base, "status_url": base + "/status", "cancel_url": base + "/cancel"}
}

// view returns j's status object, and whether it is over, which the first Behavior.Polls reads do not see.
func (f *fal) view(j *falJob, logs bool, polls int) (obj, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.urls(j)
	state := j.state
	if j.reads++; j.reads <= polls && state == "COMPLETED" {
		state = "IN_PROGRESS"
		if j.reads <= polls/2 {
			state = "IN_QUEUE"
		}
	}
	v["status"] = state
	v["logs"] = nil
	if logs {
		v["logs"] = list{obj{"message": "10/28", "level": "INFO", "source": "USER", "timestamp": j.started.UTC().Format("2006-01-02T15:04:05.000000")}}
	}
	v["metrics"] = obj{}
	switch state {
	case "IN_QUEUE":
		v["queue_position"] = 0
		delete(v, "logs")
	case "COMPLETED":
		v["metrics"] = obj{"inference_time": max(0, j.ended.Sub(j.started).Seconds())}
		if j.result.status >= 300 {
			v["error"] = "Invalid status code: " + strconv.Itoa(j.result.status)
			if kind, ok := j.result.header["X-Fal-Error-Type"]; ok {
				v["error_type"] = kind
			}
		}
	}
	return v, state == "COMPLETED"
}

// status answers 202 until the job is over, and then 200, even if it has failed.
func (f *fal) status(x *exchange, j *falJob) {
	logs := x.r.URL.Query().Get("logs")
	v, over := f.view(j, logs == "1" || logs == "true", x.b.Polls)
	if over {
		x.json(http.StatusOK, plainJSON, v)
		return
	}
	x.json(http.StatusAccepted, plainJSON, v)
}

func (f *fal) statusStream(x *exchange, j *falJob) {
	x.beginEvents("text/event-stream")
	for {
		v, over := f.view(j, true, x.b.Polls)
		_, _ = x.w.Write(event{data: v}.bytes())
		x.flush()
		if over || !switchyard.Sleep(x.r.Context(), 20*time.Millisecond) {
			return
		}
	}
}

func (f *fal) cancel(x *exchange, j *falJob) {
	f.mu.Lock()
	over := j.state == "COMPLETED"
	f.mu.Unlock()
	if over {
		x.json(http.StatusBadRequest, plainJSON, obj{"status": "ALREADY_COMPLETED"})
		return
	}
	f.finish(j, down(499, "client_cancelled", "Request was cancelled by the client"))
	x.json(http.StatusAccepted, plainJSON, obj{"status": "CANCELLATION_REQUESTED"})
}

// result replays what the model answered, errors too.
func (f *fal) result(x *exchange, j *falJob) {
	f.mu.Lock()
	over, a := j.state == "COMPLETED" && (x.b.Polls == 0 || j.reads > x.b.Polls), j.result
	f.mu.Unlock()
	if !over {
		x.json(http.StatusBadRequest, plainJSON, obj{"detail": "Request is still in progress"})
		return
	}
	x.send(a)
}
