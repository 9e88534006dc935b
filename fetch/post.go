package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxIgnored is how many bytes are read of an answer that nobody needs, so that its connection can be kept.
const maxIgnored = 64 << 10

// Post sends body to address once, behind the same guard as Fetch. It follows no redirect: a 3xx is a status like others.
// Whenever there is an answer err is nil, whatever its status and whatever becomes of its body. retryAfter is what the
// receiver asks for; 0 if it does not. The call ends with ctx, or with the Client's own time limit. header is not kept.
func (c *Client) Post(ctx context.Context, address string, header http.Header, body []byte) (status int, retryAfter time.Duration, err error) {
	u, err := parse(address)
	if err != nil {
		return 0, 0, fmt.Errorf("post: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	res, err := c.post(ctx, u, header, body)
	if err != nil {
		return 0, 0, fmt.Errorf("post to %s: %w", u.Host, err) // the path of a webhook is often its secret
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxIgnored)
	return res.StatusCode, retryAfterOf(res.Header, time.Now()), nil
}

func (c *Client) post(ctx context.Context, u *url.URL, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, ErrURL // its text would quote the address
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "switchyard")
	}
	return c.transport.RoundTrip(req)
}

// retryAfterOf reads seconds or a date; 0 if there is neither, or the time is past.
func retryAfterOf(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
