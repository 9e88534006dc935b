package dialect

import (
	"net/http"
	"time"

	"switchyard"
	"switchyard/spool"
)

// StatusLeft is the status of a request whose client has left. It comes from nginx, and is in no standard. Google answers it
// under load, about clients within its own services; fal answers it for requests that were cancelled.
const StatusLeft = 499

// Statuses of Cloudflare, which is in front of OpenAI and Replicate, and of many that speak their formats.
const (
	statusUnknown = 520 // the origin's answer was not a valid one
	statusTooSlow = 524 // the origin took longer than 100 seconds, as a picture may
)

// Lost returns the outcome for a status that means that something on the way to the provider has given up waiting, or has lost
// the answer: the picture may be made all the same, and charged for. It is empty for all other statuses. With 521 to 523 the
// request never got to the provider.
func Lost(status int) switchyard.Outcome {
	switch status {
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, statusTooSlow:
		return switchyard.Timeout
	case StatusLeft, statusUnknown:
		return switchyard.Overloaded
	}
	return ""
}

// begun is how long after a request was sent we assume that its provider is at work on it.
const begun = 5 * time.Second

// Broke reports whether a failed answer, which took so long, means that a connection on the way to the provider broke while the
// provider was at work. If it had been our own connection, the request would count as possibly charged.
//
// A proxy in between answers 502 for that, and for a connection that was never made, too, each time with a page of its own: AWS
// for a connection refused and for one that ended "while the load balancer had an outstanding request"
// (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html), nginx for
// "connect() failed" and "upstream prematurely closed connection", Cloudflare for an origin out of reach (and 520 and 521 only
// for some; https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-502-504/).
// Time distinguishes them. A refused connection is reported at once, one to a machine that is gone after three seconds of
// asking for it, and one that is not made in time is a 504. To book all of them as possibly charged would spend budgets on
// every outage.
//
// A 503 is no such answer, however late. It means that no server is free to take the request, or that none may be asked any
// more (RFC 9110, section 15.6.4), and load balancers let requests wait before they say so. Only Envoy also says it when a
// connection broke, and no header shows which it was.
func Broke(reply *spool.Message, took time.Duration) bool {
	if reply.Status != http.StatusBadGateway || took < begun {
		return false
	}
	_, err := reply.JSON() // what the provider says itself is in JSON, and its dialect knows what that means
	return err != nil
}
