package spool

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"switchyard"
)

// Edit changes a few places of a body and leaves every other byte as it came, so that what we have never heard of
// survives. For one goroutine.
type Edit struct {
	body *Body
	cuts []cut
}

// cut puts something in the place of the bytes [off, end).
type cut struct {
	off, end int64
	with     switchyard.Blob
}

// NewEdit starts with an unchanged body.
func NewEdit(b *Body) *Edit { return &Edit{body: b} }

// Put puts a blob, which is JSON, or plain for a form's field, in the place of v.
func (e *Edit) Put(v *Value, with switchyard.Blob) { e.cuts = append(e.cuts, cut{v.off, v.end, with}) }

// Set gives obj the member key with the JSON text as its value: in the old one's place, or as its last. Setting the
// same new key twice would make it a duplicate; don't.
func (e *Edit) Set(obj *Value, key string, text json.RawMessage) {
	if old := obj.Get(key); old != nil {
		e.Put(old, Bytes(text))
		return
	}
	name, _ := json.Marshal(key)
	insert := slices.Concat(name, []byte(":"), text)
	if len(obj.members()) > 0 || e.inserted(obj.end-1) {
		insert = append([]byte(","), insert...)
	}
	e.cuts = append(e.cuts, cut{obj.end - 1, obj.end - 1, Bytes(insert)})
}

// SetField gives a form a field: in the place of those with that name, or before all others. Setting the same new one twice
// would make two; don't.
func (e *Edit) SetField(f *Form, name, text string) {
	there := false
	for _, p := range f.Parts {
		if p.Name == name && p.FileName == "" {
			e.Put(p.Value, Bytes(text))
			there = true
		}
	}
	if !there {
		part := fmt.Sprintf("%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", f.mark, name, text)
		e.cuts = append(e.cuts, cut{f.first, f.first, Bytes([]byte(part))})
	}
}

// Delete takes the members of those keys out of obj; at least one other must stay. To be called once for an object.
func (e *Edit) Delete(obj *Value, keys ...string) error {
	stays := false // whether a member before this one stays
	start := obj.off + 1
	for i, m := range obj.members() {
		after := m.value.end // its comma, or the end
		if i < len(obj.members())-1 {
			comma, err := e.comma(after)
			if err != nil {
				return err
			}
			after = comma + 1
		}
		switch gone := slices.Contains(keys, m.key); {
		case gone && stays:
			e.cuts = append(e.cuts, cut{start - 1, m.value.end, Bytes(nil)}) // with the comma before it
		case gone:
			e.cuts = append(e.cuts, cut{start, after, Bytes(nil)}) // with the comma after it
		default:
			stays = true
		}
		start = after
	}
	return nil
}

// comma is where the comma after a value stands: there is nothing but space before it.
func (e *Edit) comma(off int64) (int64, error) {
	r, err := e.body.Range(off, e.body.n).Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for one := make([]byte, 1); ; off++ {
		if _, err := io.ReadFull(r, one); err != nil || one[0] == ',' {
			return off, err
		}
	}
}

func (e *Edit) inserted(off int64) bool {
	return slices.ContainsFunc(e.cuts, func(c cut) bool { return c.off == off && c.end == off })
}

// Blob is the changed body.
func (e *Edit) Blob() switchyard.Blob {
	if len(e.cuts) == 0 {
		return e.body
	}
	slices.SortStableFunc(e.cuts, func(a, b cut) int { return int(a.off - b.off) })
	var out Concat
	var at int64
	for _, c := range e.cuts {
		if c.off > at {
			out = append(out, e.body.Range(at, c.off))
		}
		out = append(out, c.with)
		at = c.end
	}
	if at < e.body.n {
		out = append(out, e.body.Range(at, e.body.n))
	}
	return out
}
