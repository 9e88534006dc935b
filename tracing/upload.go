package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"switchyard/spool"
)

// upload sends spans to a collector by OTLP over HTTP, in protocol buffers. (OpenTelemetry's own client would, for a POST,
// link all of gRPC, which is two megabytes of program and takes time at the start.)
type upload struct {
	url    string
	header http.Header
	client *http.Client
}

func newUpload(address string) (*upload, error) {
	u := &upload{url: address, header: http.Header{}, client: &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // headers hold keys
	}}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		if err := addHeaders(u.header, os.Getenv(variable)); err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
	}
	u.header.Set("Content-Type", "application/x-protobuf")
	return u, nil
}

// addHeaders reads headers in the form that the environment has: name=value, separated by commas, both percent-encoded.
func addHeaders(h http.Header, text string) error {
	if text == "" {
		return nil
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		name, errName := url.PathUnescape(strings.TrimSpace(name))
		value, errValue := url.PathUnescape(strings.TrimSpace(value))
		if !ok || name == "" || errName != nil || errValue != nil {
			return errors.New("want name=value, with commas between") // the value may be a key
		}
		h.Set(name, value)
	}
	return nil
}

// Start does nothing: the first spans open the connection.
func (u *upload) Start(context.Context) error { return nil }

// Stop closes the connections.
func (u *upload) Stop(context.Context) error {
	u.client.CloseIdleConnections()
	return nil
}

const firstRetry = 500 * time.Millisecond

// UploadTraces sends spans. It tries again while the collector cannot be reached or asks to wait, until ctx ends.
func (u *upload) UploadTraces(ctx context.Context, spans []*otlp.ResourceSpans) error {
	body, err := proto.Marshal(&otlp.TracesData{ResourceSpans: spans}) // an ExportTraceServiceRequest in all but name
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	for pause := firstRetry; ; pause *= 2 {
		patience, err := u.post(ctx, body)
		if err == nil || patience < 0 {
			return err
		}
		select {
		case <-time.After(max(pause, patience)):
		case <-ctx.Done():
			return err
		}
	}
}

// post sends a body once. After an error patience is how long to wait before the next try; less than zero if there is no
// sense in another.
func (u *upload) post(ctx context.Context, body []byte) (patience time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header = u.header.Clone()
	resp, err := u.client.Do(req)
	if err != nil {
		return 0, err // it may be restarting
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		patience = spool.RetryAfter(resp.Header)
	default:
		patience = -1
	}
	return patience, fmt.Errorf("collector answered %s", resp.Status)
}
