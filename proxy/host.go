package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"switchyard"
	"switchyard/asset"
)

// hosts reports whether an app gets addresses of ours.
func (q *request) hosts(req *switchyard.Request) bool {
	return req.Delivery == switchyard.DeliverURL || req.Delivery == switchyard.DeliverSecureURL && strings.HasPrefix(q.origin, "https:")
}

// host puts a result's images where the app can fetch them, if it expects addresses. An image stays in the answer, as a data: URI, if it
// is of a type that is not hosted, such as SVG, or if there is no room for it on disk: it has been paid for.
func (q *request) host(ctx context.Context, req *switchyard.Request, res *switchyard.Result) error {
	if !q.hosts(req) {
		return nil
	}
	for i := range res.Images {
		img := &res.Images[i]
		if img.URL != "" {
			continue
		}
		name, err := q.put(ctx, img.Blob)
		switch {
		case errors.Is(err, asset.ErrType):
			continue
		case ofDisk(err):
			q.Log.Error("image not hosted", zap.String("id", q.rec.ID), zap.Error(err))
			continue
		case err != nil:
			return &switchyard.Error{Kind: switchyard.Internal, Err: fmt.Errorf("host image: %w", err)}
		}
		img.URL = q.origin + asset.Path(name)
	}
	return nil
}

// maxHosted is how many images of a generation the ledger knows by name.
const maxHosted = 16

// put hosts an image, and remembers its name for the ledger.
func (q *request) put(ctx context.Context, image switchyard.Blob) (name string, err error) {
	name, err = q.Assets.Put(ctx, image)
	if err == nil && len(q.hosted) < maxHosted {
		q.hosted = append(q.hosted, name)
	}
	return name, err
}
