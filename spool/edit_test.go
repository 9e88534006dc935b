package spool_test

import (
	"io"
	"strings"
	"testing"

	"switchyard/spool"
)

func TestEditDelete(t *testing.T) {
	pool, err := spool.New(spool.Config{Memory: 1 << 20, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, body, want string }{
		{"first", `{"gone":1,"a":2}`, `{"a":2}`},
		{"last", `{"a":2,"gone":1}`, `{"a":2}`},
		{"middle", `{"a":2,"gone":{"x":[1,2]},"b":3}`, `{"a":2,"b":3}`},
		{"two at the start", `{"gone":1,"away":",}","a":2}`, `{"a":2}`},
		{"two at the end", `{"a":2,"gone":1,"away":2}`, `{"a":2}`},
		{"on both sides", `{"gone":1,"a":2,"away":3}`, `{"a":2}`},
		{"alternating", `{"gone":1,"a":2,"away":3,"b":4}`, `{"a":2,"b":4}`},
		{"with space", "{ \"gone\" : 1 ,\n \"a\" : 2 , \"away\" : 3 }", "{\n \"a\" : 2  }"},
		{"none", `{"a":2}`, `{"a":2}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			body, err := pool.Read(strings.NewReader(c.body), -1, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			root, err := spool.Scan(body)
			if err != nil {
				t.Fatal(err)
			}
			edit := spool.NewEdit(body)
			if err := edit.Delete(root, "gone", "away"); err != nil {
				t.Fatal(err)
			}
			if got := readAll(t, edit.Blob()); got != c.want {
				t.Errorf("without: got %s, want %s", got, c.want)
			}
			edit.Set(root, "new", []byte(`true`))
			want := strings.TrimSuffix(c.want, "}") + `,"new":true}`
			if got := readAll(t, edit.Blob()); got != want {
				t.Errorf("and with a new one: got %s, want %s", got, want)
			}
		})
	}
}

func readAll(t *testing.T, b interface{ Open() (io.ReadCloser, error) }) string {
	t.Helper()
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}
