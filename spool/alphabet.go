package spool

// alphabet is a set of ASCII characters. It is kept by the halves of a byte: c belongs to it if low[c&15] and high[c>>4]
// have a bit in common, one bit for each value of the upper half. So sixteen or more characters are looked up at once
// where the machine can shuffle bytes (as in Muła, Lemire: Faster Base64 Encoding and Decoding Using AVX2 Instructions,
// 2018).
type alphabet struct{ low, high [16]byte }

func alphabetOf(letters string) *alphabet {
	a := &alphabet{}
	for _, c := range []byte(letters) {
		row := byte(1) << (c >> 4)
		a.low[c&15] |= row
		a.high[c>>4] = row
	}
	return a
}

func (a *alphabet) has(c byte) bool { return a.low[c&15]&a.high[c>>4] != 0 }

// span is how many bytes at the beginning of p are letters of the alphabet.
func (a *alphabet) span(p []byte) int {
	n := a.leap(p)
	for n < len(p) && a.has(p[n]) {
		n++
	}
	return n
}

// What the two alphabets of base64 have in common, and they themselves (RFC 4648, sections 4 and 5).
const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	common   = alphabetOf(alphanumeric)
	standard = alphabetOf(alphanumeric + "+/")
	urlSafe  = alphabetOf(alphanumeric + "-_")
)
