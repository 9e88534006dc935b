package attempt

import (
	"context"
	"errors"

	"switchyard"
	"switchyard/dialect"
	"switchyard/router"
)

// supply makes ready those images of a request that its target cannot take as they are: it fetches bytes, and turns
// masks to the polarity that the target means. An image that cannot be fetched is the app's mistake, not the
// target's.
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
			if err := r.fetch(ctx, []*switchyard.Image{&ready}); err != nil {
				return nil, unreadable(err)
			}
		}
		switch mime, size, err := switchyard.InspectBlob(ready.Blob); {
		case err == nil:
			ready.MIME, ready.Size = mime, size // declared types are often wrong
		case mime != "" || !errors.Is(err, switchyard.ErrNotImage) || !readsBlindly(c.Target, ready.Format()):
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

// readsBlindly reports whether a target's model takes images of a format that we cannot inspect.
func readsBlindly(t *switchyard.Target, format string) bool {
	return t.Row != nil && t.Row.Can.Reads(format) && !switchyard.Inspects(format)
}

func unreadable(err error) error {
	if e := switchyard.AsError(err); e.Kind == switchyard.Unavailable { // there was no room for it
		return e
	}
	return &switchyard.Error{Kind: switchyard.BadImage, Err: err}
}

// image makes one image of a result ready: its structure is checked, and it is converted if the app is owed another
// format. What was asked for in a format that cannot be checked is taken as it comes.
func (x *exchange) image(img *switchyard.Image) error {
	if img.Blob.Len() > x.MaxImage {
		return errors.New("image over the limit")
	}
	mime, size, err := switchyard.InspectBlob(img.Blob)
	switch {
	case errors.Is(err, switchyard.ErrNotImage) && mime == "" && x.c.Format == "" && !switchyard.Inspects(x.request.Format):
		if img.MIME == "" && x.request.Format == "svg" {
			img.MIME = "image/svg+xml"
		}
		return nil
	case err != nil:
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
