package dialect

import (
	"net/http"
	"time"

	"switchyard"
	"switchyard/spool"
)

// StatusLeft is the status of a request whose client has left. It is nginx's, and in no standard. Google says it of its own
// services, under load; fal of requests that were cancelled.
const StatusLeft = 499

// Statuses of Cloudflare's, which the addresses of OpenAI and Replicate, and many that speak their formats, are behind.
const (
	statusUnknown = 520 // the origin's answer was none
	statusTooSlow = 524 // the origin took longer than 100 seconds, which a picture may
)

// Lost is the outcome that a status tells of when somebody on the way to the provider has given up waiting, or has lost the
// answer: what was asked for may be made all the same, and charged for. Empty for all others. 521 to 523 never got there.
func Lost(status int) switchyard.Outcome {
	switch status {
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, statusTooSlow:
		return switchyard.Timeout
	case StatusLeft, statusUnknown:
		return switchyard.Overloaded
	}
	return ""
}

// begun is how long after a request has left its provider is taken to be at work on it.
const begun = 5 * time.Second

// Broke reports whether a failed answer, which took so long, tells that a connection on the way to the provider broke while the
// provider was at work. Were it our own, what was asked for would be possibly charged for.
//
// Who stands between says 502 of that, and of a connection that never came about, in a page of its own: of both a connection
// refused and one that ended "while the load balancer had an outstanding request" (AWS,
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html), "connect() failed"
// and "upstream prematurely closed connection" (nginx), and an origin out of reach (Cloudflare, which says 520 and 521 only of
// some; https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-502-504/).
// Time tells them apart. A refusal is told at once, one by a machine that is gone after three seconds of asking for it, and a
// connection that does not come about in its time is a 504. To book all of them would spend budgets on every outage.
//
// A 503 is no such answer, however late: that nobody is free to take a request, or may be asked any more, is what it is for
// (RFC 9110, section 15.6.4), and load balancers let requests wait before they say so. Envoy alone says it of connections that
// broke, too, and no header tells.
func Broke(reply *spool.Message, took time.Duration) bool {
	if reply.Status != http.StatusBadGateway || took < begun {
		return false
	}
	_, err := reply.JSON() // what the provider says itself is in JSON, and its dialect knows what that means
	return err != nil
}
