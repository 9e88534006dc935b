//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// LOOK leaves 0 in those bytes of row that are no letters, of the 32 at SI+AX+off. The upper half of a byte is looked up
// in Y1; the lower in Y0, where whatever is not ASCII finds 0.
#define LOOK(off, c, row) \
	VMOVDQU off(SI)(AX*1), c \
	VPSRLW  $4, c, row       \
	VPAND   Y2, row, row     \
	VPSHUFB c, Y0, c         \
	VPSHUFB row, Y1, row     \
	VPAND   c, row, row

// func leapAVX2(p []byte, a *alphabet) int
TEXT ·leapAVX2(SB), NOSPLIT, $0-40
	MOVQ           p_base+0(FP), SI
	MOVQ           p_len+8(FP), CX
	MOVQ           a+24(FP), DX
	VBROADCASTI128 (DX), Y0
	VBROADCASTI128 16(DX), Y1
	MOVL           $0x0f0f0f0f, AX
	VMOVD          AX, X2
	VPBROADCASTD   X2, Y2
	VPXOR          Y3, Y3, Y3
	XORQ           AX, AX
	SUBQ           $const_stride, CX // the last place at which a stride may begin

next:
	CMPQ AX, CX
	JGT  done
	LOOK(0, Y4, Y8)
	LOOK(32, Y5, Y9)
	LOOK(64, Y6, Y10)
	LOOK(96, Y7, Y11)
	VPMINUB   Y8, Y9, Y8
	VPMINUB   Y10, Y11, Y10
	VPMINUB   Y8, Y10, Y8
	VPCMPEQB  Y3, Y8, Y8
	VPTEST    Y8, Y8
	JNZ       done
	ADDQ      $const_stride, AX
	JMP       next

done:
	VZEROUPPER
	MOVQ AX, ret+32(FP)
	RET
