package router

import (
	"cmp"
	"slices"

	"switchyard"
)

// Estimate returns what a request, or the part of it that is one call, would cost at the candidate if all went well. What is
// sent is paid for in each call.
func (c Candidate) Estimate(req *switchyard.Request) switchyard.Cost {
	w := req.Work()
	w.Sizes, w.Calls = slices.Repeat([]switchyard.Size{c.expects(req)}, req.Images), c.calls(req)
	return c.Target.Price.Estimate(w.Assume(c.Target.Row))
}

// calls returns how many calls the request takes; a part of a request is one.
func (c Candidate) calls(req *switchyard.Request) int {
	if c.Fitted == nil || req.Images < c.Request.Images {
		return 1
	}
	return c.Calls
}

// expects returns the size in pixels that the target will most likely make.
func (c Candidate) expects(req *switchyard.Request) switchyard.Size {
	if req.Size != (switchyard.Size{}) {
		return req.Size
	}
	if row := c.Target.Row; row != nil {
		f, size := fitter{row: row, can: &row.Can}, row.Default.Size
		if aspect := cmp.Or(req.Aspect, row.Default.Aspect); aspect != (switchyard.Aspect{}) {
			size = cmp.Or(f.made(req.Resolution, aspect), size)
		}
		if size != (switchyard.Size{}) {
			return size
		}
	}
	return ofArea(cmp.Or(req.Aspect, square), classPixels(req.Resolution))
}
