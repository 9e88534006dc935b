package ticket

import (
	"crypto/rand"
	"fmt"
	"strings"
)

// NewID is 26 lower-case letters and digits, of 130 random bits, as Replicate's predictions are named.
func NewID() string { return strings.ToLower(rand.Text()) }

// NewUUID is a random UUID, of 122 random bits, as fal's requests are named.
func NewUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
