package switchyard_test

import (
	"fmt"
	"testing"

	"switchyard"
)

// TestParseSize: two numbers from 1 to 65536, and nothing else; a ratio likewise.
func TestParseSize(t *testing.T) {
	for w, ok := range map[string]bool{"1": true, "65536": true, "0": false, "-1": false, "65537": false, "a": false, "": false} {
		for _, edges := range [][2]string{{w, "7"}, {"7", w}} {
			text := edges[0] + "x" + edges[1]
			size, err := switchyard.ParseSize(text)
			if ok != (err == nil) || ok && fmt.Sprintf("%dx%d", size.Width, size.Height) != text {
				t.Errorf("%s: %v %v", text, size, err)
			}
			text = edges[0] + ":" + edges[1]
			aspect, err := switchyard.ParseAspect(text)
			if ok != (err == nil) || ok && aspect.String() != text {
				t.Errorf("%s: %v %v", text, aspect, err)
			}
		}
	}
	if _, err := switchyard.ParseSize("7"); err == nil {
		t.Error("one number is a size")
	}
	if _, err := switchyard.ParseAspect("7"); err == nil {
		t.Error("one number is a ratio")
	}
}
