package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"

	"switchyard"
	"switchyard/dialect"
	"switchyard/router"
)

// supply makes the images of a request ready that its target cannot take as they are: bytes are fetched, masks turned
// to the polarity that the target means. What cannot be had is the app's mistake, not the target's.
func (r *run) supply(ctx context.Context, c router.Candidate) (dialect.Supply, error) {
	if c.Forward {
		return nil, nil
	}
	needs := r.Dialects[c.Target.Dialect].Needs(c.Target, c.Request)
	if len(needs) == 0 {
		return nil, nil
	}
	supply := dialect.Supply{}
	for _, need := range needs {
		ready := *need.Image
		if ready.Blob == nil {
			body, err := r.fetch(ctx, ready.URL)
			if err != nil {
				return nil, unreadable(err)
			}
			ready.Blob, ready.URL = body, ""
		}
		var err error
		if ready.MIME, ready.Size, err = inspect(ready.Blob); err != nil { // declared types are often wrong
			return nil, unreadable(err)
		}
		if mask := c.Request.Mask; mask != nil && need.Image == &mask.Image && mask.Polarity != need.Mask {
			turned, err := r.turnMask(ready.Blob, mask.Polarity, need.Mask)
			if err != nil {
				return nil, unreadable(err)
			}
			ready.Blob, ready.MIME = turned, "image/png"
		}
		supply[need.Image] = ready
	}
	return supply, nil
}

func unreadable(err error) error {
	return &switchyard.Error{Kind: switchyard.BadRequest, Detail: "An image of the request could not be read.", Err: err}
}

// fetch spools what lies at an address that a request or an answer names. The body is closed with the run.
func (r *run) fetch(ctx context.Context, url string) (switchyard.Blob, error) {
	body, err := r.Fetcher.Fetch(ctx, url, r.MaxImage)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	spooled, err := r.Pool.Read(body, r.MaxImage)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetched = append(r.fetched, spooled)
	return spooled, nil
}

// image makes one image of a result whole: it is fetched if only its address is known, its structure is checked, and
// it is converted if the app is owed another format.
func (x *exchange) image(ctx context.Context, img *switchyard.Image) error {
	if img.Blob == nil {
		blob, err := x.fetch(ctx, img.URL)
		if err != nil {
			return fmt.Errorf("fetch image: %w", err)
		}
		img.Blob, img.URL = blob, ""
	}
	if img.Blob.Len() > x.MaxImage {
		return errors.New("image over the limit")
	}
	mime, size, err := inspect(img.Blob)
	if err != nil {
		return err
	}
	img.MIME, img.Size = mime, size
	if want := x.c.Format; want != "" && mime != "image/"+want {
		converted, err := x.convert(img.Blob, want, x.job.Request.Compression)
		if err != nil {
			return err
		}
		img.Blob, img.MIME = converted, "image/"+want
	}
	return nil
}

// inspect reads an image to its end.
func inspect(b switchyard.Blob) (mime string, size switchyard.Size, err error) {
	r, err := b.Open()
	if err != nil {
		return "", switchyard.Size{}, err
	}
	defer r.Close()
	return switchyard.Inspect(struct{ io.Reader }{r})
}
