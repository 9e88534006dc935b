//go:build !amd64 || purego

package spool

import "github.com/segmentio/asm/base64"

// leap is span in long strides: it may stop short of the first byte that is no letter. Decoding is the fastest way here to
// look at every letter.
func (a *alphabet) leap(p []byte) int {
	var encoding *base64.Encoding
	switch a {
	case standard:
		encoding = base64.RawStdEncoding
	case urlSafe:
		encoding = base64.RawURLEncoding
	default:
		return 0
	}
	buf := scratch.take()
	defer scratch.give(buf)
	const stride = 4 << 10
	n := 0
	for len(p)-n >= stride {
		m, err := encoding.Decode(buf, p[n:n+stride])
		if err != nil || m != encoding.DecodedLen(stride) { // line ends are passed over in silence
			break
		}
		n += stride
	}
	return n
}
