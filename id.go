package switchyard

import (
	"crypto/rand"
	"encoding/base32"
	"time"
)

// inOrder is a base32 that sorts as the bytes do (RFC 4648, section 7).
var inOrder = base32.HexEncoding.WithPadding(base32.NoPadding)

// NewID makes an id for a generation that begins at now: 48 bits of time in milliseconds and 80 random ones, in 26 letters
// and digits. So ids sort by time, and the rows of one hour are close together in every index of ids.
func NewID(now time.Time) string {
	var id [16]byte
	ms := now.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	_, _ = rand.Read(id[6:]) // never fails
	return inOrder.EncodeToString(id[:])
}
