package router

import "switchyard"

// Estimate is what a request, or a part of one, would cost at the candidate if all went well.
func (c Candidate) Estimate(req *switchyard.Request) switchyard.Cost {
	size := c.expects(req)
	w := switchyard.Work{
		Sizes:      make([]switchyard.Size, req.Images),
		Quality:    req.Quality,
		Resolution: req.Resolution,
		References: len(req.References),
	}
	for i := range w.Sizes {
		w.Sizes[i] = size
	}
	for i := range req.References {
		w.Inputs = append(w.Inputs, req.References[i].Size)
	}
	return c.Target.Price.Estimate(w.Assume(c.Target.Row))
}

// expects is the size in pixels that the target will most likely make.
func (c Candidate) expects(req *switchyard.Request) switchyard.Size {
	if req.Size != (switchyard.Size{}) {
		return req.Size
	}
	if row := c.Target.Row; row != nil {
		f := fitter{row: row, can: &row.Can}
		aspect := req.Aspect
		if aspect == (switchyard.Aspect{}) {
			aspect = row.Default.Aspect
		}
		if aspect != (switchyard.Aspect{}) {
			if s := f.made(req.Resolution, aspect); s != (switchyard.Size{}) {
				return s
			}
		}
		if row.Default.Size != (switchyard.Size{}) {
			return row.Default.Size
		}
	}
	aspect := req.Aspect
	if aspect == (switchyard.Aspect{}) {
		aspect = switchyard.Aspect{W: 1, H: 1}
	}
	return ofArea(aspect, classPixels(req.Resolution))
}
