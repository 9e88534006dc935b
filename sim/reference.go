package sim

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	"io"
	"net/http"
	"net/url"
	"strings"

	"switchyard"
)

// reference is an image that came with a request.
type reference struct {
	size   switchyard.Size
	format string // "png", "jpeg", "webp", "gif"
	data   []byte
}

var (
	errDownload = errors.New("cannot be fetched")
	errNoImage  = errors.New("is no image")
)

// asReference looks at the bytes of an image; the error wraps errNoImage unless they begin an image of a known type.
func asReference(data []byte) (reference, error) {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return reference{}, fmt.Errorf("%w: %w", errNoImage, err)
	}
	return reference{switchyard.Size{Width: cfg.Width, Height: cfg.Height}, format, data}, nil
}

// load fetches a reference by data URI or http address. header may be nil. If it cannot be fetched the error wraps
// errDownload.
func (x *exchange) load(uri string, header http.Header) (reference, error) {
	data, err := x.fetch(uri, header)
	if err != nil {
		return reference{}, fmt.Errorf("%w: %w", errDownload, err)
	}
	return asReference(data)
}

func (x *exchange) fetch(uri string, header http.Header) ([]byte, error) {
	if strings.HasPrefix(uri, "data:") {
		return dataURI(uri)
	}
	if !strings.HasPrefix(uri, "http://") && !strings.HasPrefix(uri, "https://") {
		return nil, errors.New("neither data: nor http(s):")
	}
	req, err := http.NewRequestWithContext(x.p.world.ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	resp, err := x.p.world.fetch.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 100<<20))
}

func dataURI(uri string) ([]byte, error) {
	head, data, ok := strings.Cut(strings.TrimPrefix(uri, "data:"), ",")
	if !ok {
		return nil, errors.New("no comma")
	}
	if strings.HasSuffix(head, ";base64") {
		return base64.StdEncoding.DecodeString(data)
	}
	text, err := url.PathUnescape(data)
	return []byte(text), err
}

func inlineURI(format string, data []byte) string {
	return "data:image/" + format + ";base64," + base64.StdEncoding.EncodeToString(data)
}
