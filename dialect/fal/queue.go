package fal

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

var _ dialect.Ticketer = Dialect{}

// Parameters of a submission: who is to be told, and how long the queue may be.
const (
	webhookQuery = "fal_webhook"
	lengthQuery  = "fal_max_queue_length"
)

// NewTicket makes a random UUID.
func (Dialect) NewTicket(b [20]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// question is what a path of the queue asks: {app}/requests/{id}[/status[/stream]|/cancel|/response]. The app may be written with or
// without its sub-path; clients differ.
type question struct {
	id   string
	asks string // "", "status", "status/stream", "cancel"
}

// method returns the HTTP method of a question. Cancel has one of its own: somebody who opens a job's addresses one by one must not end
// the job.
func (q question) method() string {
	if q.asks == "cancel" {
		return http.MethodPut
	}
	return http.MethodGet
}

func parseQuestion(path string) (question, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	i := slices.Index(parts, "requests")
	if i < 2 || len(parts) < i+2 || parts[i+1] == "" {
		return question{}, false
	}
	q := question{parts[i+1], strings.Join(parts[i+2:], "/")}
	if q.asks == "response" {
		q.asks = ""
	}
	return q, slices.Contains([]string{"", "status", "status/stream", "cancel"}, q.asks)
}

// TicketOf reads the request's id.
func (Dialect) TicketOf(_, path string) dialect.TicketCall {
	q, _ := parseQuestion(path)
	return dialect.TicketCall{ID: q.id, Cancel: q.asks == "cancel", Stream: q.asks == "status/stream"}
}

// Describe answers a submission and the questions that follow. There is no status for a failure: the request is
// completed, and its result is the error.
func (d Dialect) Describe(req *switchyard.Request, s *dialect.State) (*dialect.Reply, error) {
	named := *req
	named.ID = s.ID // the header by which the clients know the request
	if s.Fresh {
		return encodeStatus(&named, s, http.StatusOK), nil
	}
	q, _ := parseQuestion(req.Path)
	over := s.Over()
	switch {
	case q.asks == "status/stream":
		status := encodeStatus(&named, s, http.StatusOK)
		status.Header.Set("Content-Type", "text/event-stream")
		status.Body = spool.Concat{spool.Bytes("data: "), status.Body, spool.Bytes("\n\n")}
		return status, nil
	case q.asks == "status" && over:
		return encodeStatus(&named, s, http.StatusOK), nil
	case q.asks == "status":
		return encodeStatus(&named, s, http.StatusAccepted), nil
	case q.asks == "cancel" && !s.Completed.IsZero():
		return encodeText(&named, http.StatusBadRequest, "status", "ALREADY_COMPLETED"), nil
	case q.asks == "cancel":
		return encodeText(&named, http.StatusAccepted, "status", "CANCELLATION_REQUESTED"), nil
	case s.Canceled:
		return encodeTold(&named, told{dialect.StatusLeft, "Request was cancelled", "client_cancelled"}), nil
	case !over:
		return encodeText(&named, http.StatusBadRequest, "detail", "Request is still in progress"), nil
	case s.Damaged:
		return encodeTold(&named, told{500, "Request " + s.ID + " cannot be read any more", "internal_error"}), nil
	case s.Said != nil:
		return withID(&named, s.Said.Reply()), nil
	case s.Err != nil:
		return d.EncodeError(&named, s.Err), nil
	case s.Removed:
		return encodeTold(&named, told{http.StatusNotFound, "The images of request " + s.ID + " have been removed", ""}), nil
	}
	return d.EncodeResult(&named, s.Result)
}

// encodeStatus always writes what the strictest client reads: all addresses, the place in the queue, and a list of logs. Without logs the
// list is empty and not null: null breaks apps that read the lines as fal's own documentation shows.
func encodeStatus(req *switchyard.Request, s *dialect.State, status int) *dialect.Reply {
	a, _ := parseApp(req.Model)
	at := queueBase(req.Base) + "/" + a.name + "/requests/" + s.ID
	fields := &dialect.Fields{}
	state := "IN_QUEUE"
	switch {
	case s.Fresh:
	case s.Canceled || !s.Completed.IsZero():
		state = "COMPLETED"
	case !s.Started.IsZero():
		state = "IN_PROGRESS"
	}
	fields.Set("status", state)
	fields.Set("request_id", s.ID)
	fields.Set("response_url", at)
	fields.Set("status_url", at+"/status")
	fields.Set("cancel_url", at+"/cancel")
	if state == "IN_QUEUE" {
		fields.Set("queue_position", 0)
	}
	if !s.Fresh {
		fields.Set("logs", []string{})
		metrics := map[string]float64{}
		if state == "COMPLETED" && !s.Completed.IsZero() && !s.Started.IsZero() {
			metrics["inference_time"] = s.Completed.Sub(s.Started).Seconds()
		}
		fields.Set("metrics", metrics)
	}
	body, _ := (&spool.Composer{}).JSON(fields) // of texts and numbers: it cannot fail
	return withID(req, dialect.JSON(status, jsonType, body))
}

func encodeText(req *switchyard.Request, status int, name, text string) *dialect.Reply {
	body, _ := (&spool.Composer{}).JSON(map[string]string{name: text})
	return withID(req, dialect.JSON(status, jsonType, body))
}

// queueBase returns the address of the queue. For an app that called the one address for everything, the queue is beside that.
func queueBase(base string) string {
	for _, everything := range []string{"/api/fal/proxy", "/fal/proxy"} {
		if origin, ok := strings.CutSuffix(base, everything); ok {
			return origin + "/fal/queue"
		}
	}
	return base
}
