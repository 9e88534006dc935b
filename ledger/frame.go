package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// A frame is one record in a file: the length of the rest (a uvarint), and
//
//	'S'  CRC-32C of all that follows (4)  version (1)  index (8)  body
//
// The index is part of it, so that frames behind a damaged range can be found again and keep their place.
const (
	magic    = 'S'
	version  = 1
	headSize = 1 + 4 + 1 + 8
	maxBody  = 1 << 20 // one record; more is a fault of ours
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame appends the frame of a record to dst.
func appendFrame(dst []byte, r Record, index uint64) ([]byte, error) {
	// The length is known last. Two bytes are left for it, which hold what most records need.
	start := len(dst)
	dst = append(dst, 0, 0, magic, 0, 0, 0, 0, version)
	dst = binary.LittleEndian.AppendUint64(dst, index)
	dst, err := encode(dst, r)
	if err != nil {
		return nil, err
	}
	n := len(dst) - start - 2
	if n > maxBody+headSize {
		return nil, fmt.Errorf("%d bytes, more than %d", n, maxBody+headSize)
	}
	var length [binary.MaxVarintLen32]byte
	used := binary.PutUvarint(length[:], uint64(n))
	dst = slices.Replace(dst, start, start+2, length[:used]...)
	rest := dst[start+used:]
	binary.LittleEndian.PutUint32(rest[1:], crc32.Checksum(rest[5:], castagnoli))
	return dst, nil
}

// frame is what appendFrame appended.
type frame struct {
	size    int // bytes of all of it; 0 if they are not all there
	version byte
	index   uint64
	body    []byte
}

// readFrame reads the frame that data begins with. ok tells whether it is whole, undamaged.
func readFrame(data []byte) (f frame, ok bool) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > maxBody+headSize || n > uint64(len(data)-used) {
		return frame{}, false
	}
	f.size = used + int(n)
	rest := data[used:f.size]
	if len(rest) < headSize || rest[0] != magic || crc32.Checksum(rest[5:], castagnoli) != binary.LittleEndian.Uint32(rest[1:]) {
		return f, false
	}
	f.version, f.index, f.body = rest[5], binary.LittleEndian.Uint64(rest[6:]), rest[headSize:]
	return f, true
}

// tombstone is the frame of a Damaged record.
func tombstone(index uint64) []byte {
	f, _ := appendFrame(nil, Record{Kind: Damaged}, index) // made of constants: cannot fail
	return f
}

// resync finds the next undamaged frame in data whose index is at least min: its offset and index, or -1.
func resync(data []byte, min uint64) (int, uint64) {
	for at := 0; ; at++ {
		next := bytes.IndexByte(data[at:], magic)
		if next < 0 {
			return -1, 0
		}
		at += next
		for used := 1; used <= 3 && used <= at; used++ { // the length before it takes one to three bytes
			if f, ok := readFrame(data[at-used:]); ok && f.index >= min {
				return at - used, f.index
			}
		}
	}
}
