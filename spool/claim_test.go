package spool_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"switchyard/spool"
)

// claimPool has 256 KiB of memory, of which large bodies get 240 KiB less what rounding takes: three pieces of 64 KiB.
func claimPool(t *testing.T) *spool.Pool { return newPool(t, 256<<10) }

const piece = 64 << 10

// TestClaimWaits: memory that comes back goes to who has waited longest, at once.
func TestClaimWaits(t *testing.T) {
	p := claimPool(t)
	synctest.Test(t, func(t *testing.T) {
		all := p.Claim(2 * piece)
		var order []string
		var mu sync.Mutex
		wait := func(name string, size int64) {
			go func() {
				c := p.Claim(size)
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				c.Close()
			}()
			synctest.Wait()
		}
		began := time.Now()
		wait("large", 3*piece)
		wait("small", piece) // would fit sooner, but came later
		all.Close()
		synctest.Wait()
		if got := strings.Join(order, " "); got != "large small" || time.Since(began) != 0 {
			t.Errorf("served %q after %v", got, time.Since(began))
		}
	})
}

// TestClaimGivesUp: nobody waits long for memory that does not move, nor for ever for memory that does.
func TestClaimGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		every time.Duration // how often somebody else gives memory back
		least time.Duration
		most  time.Duration
	}{
		"stuck":  {time.Hour, 50 * time.Millisecond, 50 * time.Millisecond},
		"moving": {20 * time.Millisecond, 2 * time.Second, 2100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			p := claimPool(t)
			synctest.Test(t, func(t *testing.T) {
				most := p.Claim(2 * piece)
				defer most.Close()
				done := make(chan struct{})
				go func() {
					for {
						select {
						case <-done:
							return
						case <-time.After(c.every):
							p.Claim().Close()
						}
					}
				}()
				began := time.Now()
				b, err := p.Read(bytes.NewReader(noise(3*piece)), 3*piece, 1<<20)
				close(done)
				if took := time.Since(began); err != nil || took < c.least || took > c.most || p.Files() != 1 {
					t.Errorf("read after %v with %d files, %v", took, p.Files(), err)
				}
				if got := read(t, b); got != string(noise(3*piece)) {
					t.Error("other bytes came back")
				}
				_ = b.Close()
				synctest.Wait()
			})
		})
	}
}

// TestSmallBodiesDoNotWait: whatever large bodies hold.
func TestSmallBodiesDoNotWait(t *testing.T) {
	p := claimPool(t)
	synctest.Test(t, func(t *testing.T) {
		all := p.Claim(3 * piece)
		defer all.Close()
		began := time.Now()
		b, err := p.Read(strings.NewReader("small"), -1, 1<<20)
		if err != nil || time.Since(began) != 0 || p.Files() != 0 {
			t.Errorf("read after %v with %d files, %v", time.Since(began), p.Files(), err)
		}
		_ = b.Close()
	})
}

// TestClaimTogether: the bodies of one claim are all in memory, and what they did not need comes back.
func TestClaimTogether(t *testing.T) {
	p := claimPool(t)
	c := p.Claim(piece, piece, -1)
	var bodies [3]*spool.Body
	for i := range bodies {
		var err error
		if bodies[i], err = c.Read(bytes.NewReader(noise(piece/2)), 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if p.Files() != 0 {
		t.Errorf("%d bodies are on disk", p.Files())
	}
	for _, b := range bodies {
		_ = b.Close()
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p.Claim(3 * piece).Close()
		if time.Since(began) != 0 {
			t.Error("something was not given back")
		}
	})
}

// TestMemoryIsBounded counts the spool's bytes at every read while many bodies come in at once.
func TestMemoryIsBounded(t *testing.T) {
	const budget = 1 << 20
	p := newPool(t, budget)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			want := noise(100_000 + i*10_000)
			size := int64(len(want))
			if i%2 == 0 {
				size = -1
			}
			b, err := p.Read(&watching{bytes.NewReader(want), t, p, budget}, size, 1<<30)
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

type watching struct {
	io.Reader
	t      *testing.T
	pool   *spool.Pool
	budget int64
}

func (w *watching) Read(p []byte) (int, error) {
	if n := w.pool.Memory(); n > w.budget {
		w.t.Errorf("%d bytes are in memory, %d are allowed", n, w.budget)
	}
	return w.Reader.Read(p)
}

// TestReadJSON: a document scanned while it arrives is the same as one scanned afterwards, in memory and on disk.
func TestReadJSON(t *testing.T) {
	long := strings.Repeat("QUJD", 100_000)
	for name, text := range map[string]string{
		"values":  `{"prompt":"信号所 \"\u00e9\"","n":2,"image":"` + long + `","uri":"data:image/png;base64,` + long + `","list":[1,{"k":"v"}]}`,
		"no JSON": `{"image":"` + long + `",}` + long,
		"empty":   ``,
	} {
		for _, memory := range []int64{0, 100 << 10, 4 << 20} {
			for _, size := range []int64{-1, int64(len(text))} {
				p := newPool(t, memory)
				b, err := p.ReadJSON(iotest.HalfReader(strings.NewReader(text)), size, 1<<30)
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, b); got != text {
					t.Errorf("%s: other bytes came back", name)
				}
				later, wantErr := spool.Scan(body(t, p, text))
				v, err := spool.Scan(b)
				if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
					t.Errorf("%s: %v, want %v", name, err, wantErr)
				}
				if got, want := string(v.Raw(1<<20)), string(later.Raw(1<<20)); got != want {
					t.Errorf("%s: read %.200s, want %.200s", name, got, want)
				}
				_ = b.Close()
			}
		}
	}
}

func TestReadJSONFails(t *testing.T) {
	p := newPool(t, 1<<20)
	text := `{"image":"` + strings.Repeat("QUJD", 50_000) + `"}`
	if _, err := p.ReadJSON(strings.NewReader(text), -1, 100_000); !errors.Is(err, spool.ErrTooLarge) {
		t.Errorf("over the limit: %v", err)
	}
	broken := io.MultiReader(strings.NewReader(text[:70_000]), iotest.ErrReader(os.ErrDeadlineExceeded))
	if _, err := p.ReadJSON(broken, int64(len(text)), 1<<20); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the reader's error became %v", err)
	}
}

// TestReadAt looks into decoded pictures wherever they lie.
func TestReadAt(t *testing.T) {
	for _, memory := range []int64{0, 1 << 20} {
		p := newPool(t, memory)
		raw := noise(10_001)
		b, err := p.ReadJSON(strings.NewReader(`"data:image/png;base64,`+base64Of(raw)+`"`), -1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		v, err := spool.Scan(b)
		if err != nil {
			t.Fatal(err)
		}
		blob, err := v.Base64(22)
		if err != nil {
			t.Fatal(err)
		}
		at := blob.(io.ReaderAt)
		for _, n := range []int{1, 2, 3, 8, 64, 1000} {
			for off := 0; off < len(raw); off += 17 {
				got := make([]byte, n)
				m, err := at.ReadAt(got, int64(off))
				want := raw[off:min(off+n, len(raw))]
				if !bytes.Equal(got[:m], want) || (err != nil) != (m < n) {
					t.Fatalf("%d bytes at %d: %x, %v", n, off, got[:m], err)
				}
			}
		}
		_ = b.Close()
	}
}
