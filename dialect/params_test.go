package dialect_test

import (
	"encoding/json"
	"testing"

	"switchyard"
	"switchyard/dialect"
	"switchyard/spool"
)

func TestFields(t *testing.T) {
	f := &dialect.Fields{}
	f.Set("prompt", "a<b>&c")
	f.Set("n", 1)
	f.SetIf(false, "seed", 7)
	f.Merge(map[string]json.RawMessage{"z": []byte(`[1]`), "n": []byte(`2`), "b": []byte(`null`)})
	got, err := f.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var compact json.RawMessage = got
	text, err := (&spool.Composer{}).JSON(compact)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"prompt":"a<b>&c","n":2,"b":null,"z":[1]}`; string(text.(spool.Bytes)) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}

func TestLinkNeeds(t *testing.T) {
	for _, c := range []struct {
		name string
		img  switchyard.Image
		want bool
	}{
		{"public address", switchyard.Image{URL: "https://cdn.test/a.png"}, false},
		{"bytes", switchyard.Image{Blob: spool.Bytes("x")}, true},
		{"no TLS", switchyard.Image{URL: "http://cdn.test/a.png"}, true},
		{"loopback", switchyard.Image{URL: "https://127.0.0.1/a.png"}, true},
		{"private network", switchyard.Image{URL: "https://[fd00::1]/a.png"}, true},
		{"name without a domain", switchyard.Image{URL: "https://localhost:8080/a.png"}, true},
		{"with a password", switchyard.Image{URL: "https://u:p@cdn.test/a.png"}, true},
		{"bucket", switchyard.Image{URL: "gs://bucket/a.png"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := &switchyard.Request{References: []switchyard.Reference{{Image: c.img}}, Mask: &switchyard.Mask{Image: c.img}}
			want := 0
			if c.want {
				want = 2
			}
			if got := dialect.LinkNeeds(req, switchyard.White); len(got) != want {
				t.Errorf("%d needs, want %d", len(got), want)
			}
			req.References, req.Mask.Polarity = nil, switchyard.Transparent
			if got := dialect.LinkNeeds(req, switchyard.White); len(got) != 1 || got[0].Mask != switchyard.White {
				t.Errorf("a mask of another polarity: needs %v", got)
			}
		})
	}
}
