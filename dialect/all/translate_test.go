package all_test

import (
	"bytes"
	"fmt"
	"testing"

	"switchyard/spool"
)

// pair is an app's dialect and a provider's.
type pair struct {
	pool        *spool.Pool
	front, back *wire
}

func (p pair) String() string { return "front=" + p.front.Name() + "/back=" + p.back.Name() }

func pairs(t testing.TB, pool *spool.Pool, l load) []pair {
	t.Helper()
	all := wires(t, pool, l)
	var list []pair
	for _, front := range all {
		for _, back := range all {
			list = append(list, pair{pool, front, back})
		}
	}
	return list
}

// request is an app's request on its way to a provider: spooled, read, written in the other's words, sent.
func (p pair) request() error {
	body, err := p.front.spooled(p.pool)
	if err != nil {
		return err
	}
	defer body.Close()
	req, err := p.front.decode(body)
	if err != nil {
		return err
	}
	_ = p.back.Needs(p.back.target, req) // every image is at hand
	out, err := p.back.Encode(p.back.target, req, nil)
	if err != nil {
		return err
	}
	return send(out.Body)
}

// answer is a provider's answer on its way to an app.
func (p pair) answer() error {
	body, err := p.pool.ReadJSON(bytes.NewReader(p.back.answer), int64(len(p.back.answer)), 1<<30)
	if err != nil {
		return err
	}
	defer body.Close()
	res, err := p.back.result(body, p.front.req)
	if err != nil {
		return err
	}
	reply, err := p.front.EncodeResult(p.front.req, res)
	if err != nil {
		return err
	}
	return send(reply.Body)
}

// translation is one way through a pair.
type translation struct {
	name string
	run  func() error
	size int // bytes that come in
}

func (p pair) translations() []translation {
	return []translation{
		{"what=request/" + p.String(), p.request, len(p.front.ask)},
		{"what=answer/" + p.String(), p.answer, len(p.back.answer)},
	}
}

// BenchmarkTranslate is every front with every back, both ways. The names are made for benchstat's -col and -row.
func BenchmarkTranslate(b *testing.B) {
	for _, l := range loads() {
		pool := newPool(b)
		for _, p := range pairs(b, pool, l) {
			for _, tr := range p.translations() {
				b.Run(fmt.Sprintf("load=%s/%s", l.name, tr.name), func(b *testing.B) {
					b.SetBytes(int64(tr.size))
					b.ReportAllocs()
					for b.Loop() {
						if err := tr.run(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// TestTranslate: whatever is translated arrives, with all its pictures.
func TestTranslate(t *testing.T) {
	for _, l := range loads() {
		pool := newPool(t)
		for _, p := range pairs(t, pool, l) {
			for _, tr := range p.translations() {
				if err := tr.run(); err != nil {
					t.Errorf("load=%s/%s: %v", l.name, tr.name, err)
				}
			}
		}
	}
}
