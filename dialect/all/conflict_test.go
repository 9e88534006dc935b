package all_test

import (
	"net/http"
	"slices"
	"testing"

	"switchyard"
	"switchyard/dialect/all"
)

// TestAKeyOfAnotherRequest: nothing is gained by sending that again, so no SDK may take it for something that passes.
func TestAKeyOfAnotherRequest(t *testing.T) {
	again := []int{http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests} // the SDKs, between them
	for _, d := range all.Dialects() {
		reply := d.EncodeError(&switchyard.Request{Dialect: d.Name()}, &switchyard.Error{Kind: switchyard.Conflict})
		if reply.Status < 400 || reply.Status > 499 || slices.Contains(again, reply.Status) {
			t.Errorf("%s answers %d", d.Name(), reply.Status)
		}
	}
}
