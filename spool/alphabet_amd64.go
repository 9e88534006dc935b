//go:build !purego

package spool

import "golang.org/x/sys/cpu"

// leap is span in long strides: it may stop short of the first byte that is no letter.
func (a *alphabet) leap(p []byte) int {
	if len(p) < stride || !cpu.X86.HasAVX2 {
		return 0
	}
	return leapAVX2(p, a)
}

// stride is how many bytes leapAVX2 looks at in one go: four registers.
const stride = 128

// leapAVX2 is how many bytes at the beginning of p are letters, in whole strides.
//
//go:noescape
func leapAVX2(p []byte, a *alphabet) int
