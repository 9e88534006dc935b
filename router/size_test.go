package router_test

import (
	"testing"

	"switchyard"
	"switchyard/dialect/all"
	"switchyard/router"
)

// TestRoundedSizesAreTaken: whatever size an app asks for, a model that takes any within bounds is asked for one within them all.
func TestRoundedSizesAreTaken(t *testing.T) {
	edges := []int{1, 15, 256, 500, 512, 720, 1000, 1023, 1024, 1440, 2048, 2160, 3000, 3840, 4000, 4096, 8192, 14142}
	sizes := 0
	for _, d := range all.Dialects() {
		for _, row := range d.Models().Rows() {
			b := row.Can.Free
			if b == nil {
				continue
			}
			for _, w := range edges {
				for _, h := range edges {
					want := switchyard.Size{Width: w, Height: h}
					req := &switchyard.Request{Dialect: "an app's", Images: 1, Size: want, References: make([]switchyard.Reference, min(1, row.Can.References))}
					got, err := router.Fit(req, nil, target(d.Name(), row))
					if err != nil {
						t.Fatalf("%s: %v", row.ID, err)
					}
					s := got.Request.Size
					long, short := max(s.Width, s.Height), min(s.Width, s.Height)
					if s.Width%b.Multiple != 0 || s.Height%b.Multiple != 0 || short < b.MinEdge || b.MaxEdge > 0 && long > b.MaxEdge ||
						s.Pixels() < b.MinPixels || b.MaxPixels > 0 && s.Pixels() > b.MaxPixels || b.MaxRatio > 0 && float64(long) > float64(short)*b.MaxRatio {
						t.Errorf("%s/%s: %v becomes %v, outside %+v", d.Name(), row.ID, want, s, *b)
					}
					sizes++
				}
			}
		}
	}
	if sizes == 0 {
		t.Error("no model was asked")
	}
}
