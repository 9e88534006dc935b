package spool_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"switchyard"
	"switchyard/spool"
)

func newPool(t testing.TB, memory int64) *spool.Pool {
	t.Helper()
	p, err := spool.New(spool.Config{Memory: memory, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := p.Memory(); n != 0 {
			t.Errorf("%d bytes of the budget were not given back", n)
		}
		if n := p.Files(); n != 0 {
			t.Errorf("%d files were not given back", n)
		}
	})
	return p
}

func body(t testing.TB, p *spool.Pool, text string) *spool.Body {
	t.Helper()
	b, err := p.Read(strings.NewReader(text), -1, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func read(t testing.TB, b switchyard.Blob) string {
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
	if int64(len(p)) != b.Len() {
		t.Errorf("a blob of %d bytes says that it has %d", len(p), b.Len())
	}
	if again := copied(t, b); again != string(p) {
		t.Error("written out, the blob is another one")
	}
	return string(p)
}

// copied is what a blob writes to a writer that, like a connection, can read from a file by itself.
func copied(t testing.TB, b switchyard.Blob) string {
	t.Helper()
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	if _, err := io.Copy(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func noise(n int) []byte {
	p := make([]byte, n)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// TestBodies reads back what was spooled, however little memory there was for it.
func TestBodies(t *testing.T) {
	for _, memory := range []int64{0, 8 << 10, 100 << 10, 1 << 20} {
		for _, size := range []int{0, 1, 4<<10 - 1, 4 << 10, 4<<10 + 1, 68 << 10, 300 << 10} {
			t.Run(fmt.Sprintf("%d in %d", size, memory), func(t *testing.T) {
				p, want := newPool(t, memory), noise(size)
				b, err := p.Read(iotest.OneByteReader(bytes.NewReader(want)), -1, int64(size))
				if err != nil {
					t.Fatal(err)
				}
				defer b.Close()
				if got := read(t, b); got != string(want) {
					t.Error("other bytes came back")
				}
				for range 20 {
					off := rand.IntN(size + 1)
					end := off + rand.IntN(size+1-off)
					if got := read(t, b.Range(int64(off), int64(end))); got != string(want[off:end]) {
						t.Errorf("other bytes came back of [%d, %d)", off, end)
					}
				}
				if p.Memory() > memory {
					t.Errorf("%d bytes are in memory, %d are allowed", p.Memory(), memory)
				}
			})
		}
	}
}

func TestLimit(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		p := newPool(t, memory)
		for _, size := range []int{1, 100_000} {
			b, err := p.Read(bytes.NewReader(noise(size)), -1, int64(size))
			if err != nil {
				t.Errorf("a body at its limit: %v", err)
			}
			_ = b.Close()
			if _, err := p.Read(bytes.NewReader(noise(size+1)), -1, int64(size)); !errors.Is(err, spool.ErrTooLarge) {
				t.Errorf("a body over its limit: %v", err)
			}
		}
		if _, err := p.Read(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(os.ErrDeadlineExceeded)), -1, 10); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the reader's error became %v", err)
		}
	}
}

// TestCloseWhileReading: readers opened before the owner closed keep their bytes, later ones get none.
func TestCloseWhileReading(t *testing.T) {
	p := newPool(t, 1<<20)
	want := noise(200 << 10)
	b, err := p.Read(bytes.NewReader(want), -1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	_ = b.Close()
	_ = b.Close()
	other, err := p.Read(bytes.NewReader(noise(200<<10+1)), -1, 1<<20) // would take the chunks, were they free
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("an open reader lost its bytes: %v", err)
	}
	_ = r.Close()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("reading a closed reader: %v", err)
	}
	if _, err := b.Open(); !errors.Is(err, spool.ErrClosed) {
		t.Errorf("opening a closed body: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	p := newPool(t, 256<<10)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			want := noise(10_000 + i*3000)
			b, err := p.Read(bytes.NewReader(want), -1, 1<<20)
			if err != nil {
				t.Error(err)
				return
			}
			defer b.Close()
			if got := read(t, b); got != string(want) {
				t.Errorf("body %d: other bytes came back", i)
			}
		})
	}
	all.Wait()
}

// spaced makes a document's strings and structure fall on every position relative to a chunk's end.
func spaced(text string) []string {
	var out []string
	for i := range len(text) + 1 {
		out = append(out, strings.Repeat(" ", 4<<10-i)+text)
	}
	return out
}

func TestScan(t *testing.T) {
	text := `{"prompt":"ein Stellwerk – 信号所 \"\u00e9\\\/","n":2,"f":-1.5e3,"t":true,"z":null,"list":[1,"x",{}],"o":{"k":"v"}}`
	for _, spacedText := range spaced(text) {
		p := newPool(t, 1<<20)
		v, err := spool.Scan(body(t, p, spacedText))
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Get("prompt").Text(); got != "ein Stellwerk – 信号所 \"é\\/" {
			t.Fatalf("prompt is %q", got)
		}
		if n, ok := v.Get("n").Int(); !ok || n != 2 {
			t.Errorf("n is %d", n)
		}
		if f, ok := v.Get("f").Float(); !ok || f != -1500 {
			t.Errorf("f is %v", f)
		}
		if !v.Get("t").Truth() || v.Get("z").Given() || v.Get("nope").Kind() != spool.Missing || v.Get("z").Kind() != spool.Null {
			t.Error("true, null or a missing member was misread")
		}
		if got := string(v.Raw(1 << 10)); !json.Valid([]byte(got)) || len(v.Get("list").Items()) != 3 || v.Get("o", "k").Text() != "v" {
			t.Errorf("the rest was misread: %s", got)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             ``,
		"open object":         `{"a":1`,
		"open string":         `"abc`,
		"trailing comma":      `[1,]`,
		"text after":          `{} {}`,
		"duplicate key":       `{"a":1,"b":2,"a":3}`,
		"duplicate by escape": `{"a":1,"\u0061":2}`,
		"many duplicates":     `{` + strings.Repeat(`"k":1,`, 40) + `"k":2}`,
		"control character":   "\"a\nb\"",
		"line end in base64":  `"` + strings.Repeat("abcd", 2000) + "\n" + strings.Repeat("abcd", 2000) + `"`,
		"line end at the end": `"` + strings.Repeat("abcd", 3000) + "\n" + `"`,
		"bad UTF-8":           "\"a\xffb\"",
		"torn UTF-8":          "\"a\xe2\x82\"",
		"bad escape":          `"\x"`,
		"short unicode":       `"\u12"`,
		"leading zero":        `01`,
		"bare minus":          `-`,
		"no fraction":         `1.`,
		"hexadecimal":         `0x1`,
		"NaN":                 `NaN`,
		"single quotes":       `{'a':1}`,
		"deep":                strings.Repeat("[", 1<<20),
		"many values":         "[" + strings.Repeat("0,", 200_000) + "0]",
		"endless key":         `{"` + strings.Repeat("k", 5000) + `":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, 4<<20)
			if v, err := spool.Scan(body(t, p, text)); err == nil {
				t.Errorf("accepted: %s", v.Raw(100))
			}
		})
	}
}

// TestCaseMatters: keys that differ in case are two keys, as for every provider.
func TestCaseMatters(t *testing.T) {
	p := newPool(t, 1<<20)
	v, err := spool.Scan(body(t, p, `{"model":"a","Model":"b"}`))
	if err != nil || v.Get("model").Text() != "a" {
		t.Errorf("model is %q, %v", v.Get("model").Text(), err)
	}
}

func TestBase64(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 4, 100, 48<<10 - 1, 48 << 10, 48<<10 + 1, 200 << 10} {
		raw := noise(size)
		for name, text := range map[string]string{
			"padded":   base64.StdEncoding.EncodeToString(raw),
			"bare":     base64.RawStdEncoding.EncodeToString(raw),
			"URL-safe": base64.URLEncoding.EncodeToString(raw),
			"bare URL": base64.RawURLEncoding.EncodeToString(raw),
			"escaped":  strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "/", `\/`),
			"unicode":  strings.ReplaceAll(base64.StdEncoding.EncodeToString(raw), "+", `\u002b`),
			"lines":    wrap(base64.StdEncoding.EncodeToString(raw), `\r\n`),
		} {
			t.Run(fmt.Sprintf("%s %d", name, size), func(t *testing.T) {
				p := newPool(t, 1<<20)
				v, err := spool.Scan(body(t, p, `"data:x,`+text+`"`))
				if err != nil {
					t.Fatal(err)
				}
				blob, err := v.Base64(7)
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, blob); got != string(raw) {
					t.Error("decoded to other bytes")
				}
				if got := read(t, spool.Base64(blob)); got != base64.StdEncoding.EncodeToString(raw) {
					t.Error("encoded to another text")
				}
			})
		}
	}
}

func wrap(s, with string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + with)
		s = s[76:]
	}
	return b.String() + s
}

// tornPadding has its padding at the end of the first chunk, and goes on in the next.
var tornPadding = strings.Repeat("abcd", 1023) + "ab=" + strings.Repeat("abcd", 2000)

func TestBase64Refuses(t *testing.T) {
	for _, text := range []string{"a", "abc=d", "ab==cd==", "a-b/", "abcd====", "ab!d", "=abc", tornPadding} {
		for _, before := range []string{"", strings.Repeat("abcd", 3000)} { // looked at by itself, and as it comes in
			p := newPool(t, 1<<20)
			v, err := spool.Scan(body(t, p, `"`+before+text+`"`))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Base64(0); !errors.Is(err, spool.ErrBase64) {
				t.Errorf("%.50q behind %d letters: %v", text, len(before), err)
			}
		}
	}
}

func TestComposer(t *testing.T) {
	raw := noise(100_000)
	c := &spool.Composer{}
	blob, err := c.JSON(map[string]any{
		"prompt": "<b>&\u2028 blob:x:0;", "image": c.Inline("data:image/png;base64,", spool.Bytes(raw)), "again": c.Inline("", spool.Bytes("x")),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	text := read(t, blob)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got["image"] != "data:image/png;base64,"+base64.StdEncoding.EncodeToString(raw) || got["again"] != "eA==" || got["prompt"] != "<b>&\u2028 blob:x:0;" {
		t.Errorf("composed %.200s", text)
	}
}

func TestEdit(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"model":"a", "x" : [1, 2 ]}`, `{"model":"b", "x" : [1, 2 ],"n":3,"s":"t"}`},
		{`{ }`, `{ "model":"b","n":3,"s":"t"}`},
		{`{"n":{"deep":1}}`, `{"n":3,"model":"b","s":"t"}`},
	} {
		p := newPool(t, 1<<20)
		b := body(t, p, c.text)
		v, err := spool.Scan(b)
		if err != nil {
			t.Fatal(err)
		}
		e := spool.NewEdit(b)
		e.Set(v, "model", json.RawMessage(`"b"`))
		e.Set(v, "n", json.RawMessage(`3`))
		e.Set(v, "s", json.RawMessage(`"t"`))
		if got := read(t, e.Blob()); got != c.want {
			t.Errorf("%s became %s, want %s", c.text, got, c.want)
		}
	}
}

func TestForm(t *testing.T) {
	raw := noise(150_000)
	f := &spool.FormWriter{}
	f.Field("prompt", "a\r\n--b\r\n")
	f.File("image[]", `a"b.png`, "image/png", spool.Bytes(raw))
	f.Field("empty", "")
	blob, contentType := f.Body()
	p := newPool(t, 64<<10)
	form, err := spool.ScanForm(body(t, p, read(t, blob)), contentType)
	if err != nil {
		t.Fatal(err)
	}
	if len(form.Parts) != 3 || form.Parts[1].FileName != `a"b.png` || form.Parts[1].Type != "image/png" {
		t.Fatalf("parts are %+v", form.Parts)
	}
	if got := read(t, form.Parts[1].Blob()); got != string(raw) {
		t.Error("the file became another one")
	}
	if got := form.Object().Get("prompt").Text(); got != "a\r\n--b\r\n" {
		t.Errorf("prompt is %q", got)
	}
	for name, text := range map[string]string{
		"empty": "", "no end": "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n",
		"no name":   "--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--\r\n",
		"no header": "--b\r\n1\r\n--b--\r\n",
		"not ended": "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--b",
		"many":      strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n", 300) + "--b--",
	} {
		if _, err := spool.ScanForm(body(t, p, text), "multipart/form-data; boundary=b"); !errors.Is(err, spool.ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzScan: what is accepted is JSON to the standard library, too, and reads the same.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"\u00e9",null,true]}`, `""`, `[[]]`, `{"a":{"b":"c"}}`, "\"\xe2\x82\xac\"", `-0`, `["` + strings.Repeat("abcd", 3000) + `é \"=\n"]`} {
		f.Add(seed)
	}
	p, err := spool.New(spool.Config{Memory: 1 << 20, Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := p.ReadJSON(strings.NewReader(text), -1, 1<<20)
		if err != nil {
			t.Skip()
		}
		defer b.Close()
		v, err := spool.Scan(b)
		if err != nil {
			return
		}
		want, err := unmarshal(text)
		if err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		got, err := unmarshal(string(v.Raw(1 << 20)))
		if err != nil {
			t.Fatalf("%q is told as %s", text, v.Raw(1<<20))
		}
		a, _ := json.Marshal(want)
		c, _ := json.Marshal(got)
		if !bytes.Equal(a, c) {
			t.Errorf("%q reads as %s, want %s", text, c, a)
		}
	})
}

func unmarshal(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // of any size
	err = d.Decode(&v)
	return v, err
}

func base64Of(p []byte) string { return base64.StdEncoding.EncodeToString(p) }
