package spool

import (
	"strings"

	"switchyard"
)

// DataURI reads a string that may be a data: URI. ok is false, without an error, if it is something else, such as an
// address. Only base64 is taken, as from all providers.
func DataURI(v *Value) (mime string, blob switchyard.Blob, ok bool, err error) {
	head := v.Prefix(256)
	if len(head) < 5 || !strings.EqualFold(head[:5], "data:") {
		return "", nil, false, nil
	}
	params, _, found := strings.Cut(head, ",")
	mime, isBase64 := strings.CutSuffix(params[5:], ";base64")
	if !found || !isBase64 {
		return "", nil, true, ErrBase64
	}
	mime, _, _ = strings.Cut(strings.ReplaceAll(mime, `\/`, "/"), ";")
	blob, err = v.Base64(int64(len(params)) + 1)
	return mime, blob, true, err
}
