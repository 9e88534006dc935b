package dialect

import (
	"net/http"

	"switchyard"
)

// Statuses that no standard has: of nginx, whose client has left, and of Cloudflare, which the addresses of OpenAI and Replicate
// and many that speak their formats are behind.
const (
	statusLeft    = 499 // Google says it of its own services, under load
	statusUnknown = 520 // the origin's answer was none
	statusTooSlow = 524 // the origin took longer than 100 seconds, which a picture may
)

// Lost is the outcome that a status tells of when somebody on the way to the provider has given up waiting, or has lost the
// answer: what was asked for may be made all the same, and charged for. Empty for all others. 521 to 523 never got there.
func Lost(status int) switchyard.Outcome {
	switch status {
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, statusTooSlow:
		return switchyard.Timeout
	case statusLeft, statusUnknown:
		return switchyard.Overloaded
	}
	return ""
}
