package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// The library stores each entry as its length (a uvarint) and its bytes, and has no checksum. Our entries therefore
// begin with a head of their own:
//
//	'S'  CRC-32C of all that follows (4)  version (1)  index (8)  body
//
// The index repeats what the library counts, so that entries behind a damaged range can be found again and keep their
// place.
const (
	magic    = 'S'
	version  = 1
	headSize = 1 + 4 + 1 + 8
	maxBody  = 1 << 20 // one record; more is a fault of ours
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal appends the entry of a record at index to dst.
func seal(dst []byte, r Record, index uint64) ([]byte, error) {
	start := len(dst)
	dst = append(dst, magic, 0, 0, 0, 0, version)
	dst = binary.LittleEndian.AppendUint64(dst, index)
	dst, err := encode(dst, r)
	if err != nil {
		return nil, err
	}
	binary.LittleEndian.PutUint32(dst[start+1:], crc32.Checksum(dst[start+5:], castagnoli))
	return dst, nil
}

// unseal is the inverse; ok is false unless the entry is whole.
func unseal(entry []byte) (body []byte, v byte, index uint64, ok bool) {
	if len(entry) < headSize || entry[0] != magic ||
		crc32.Checksum(entry[5:], castagnoli) != binary.LittleEndian.Uint32(entry[1:]) {
		return nil, 0, 0, false
	}
	return entry[headSize:], entry[5], binary.LittleEndian.Uint64(entry[6:]), true
}

// frame reads the entry at the beginning of data as the library wrote it. size is how many bytes it takes, 0 if they
// are not all there; ok tells whether it is one of ours, undamaged.
func frame(data []byte) (size int, index uint64, ok bool) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > maxBody+headSize || n > uint64(len(data)-used) {
		return 0, 0, false
	}
	size = used + int(n)
	_, _, index, ok = unseal(data[used:size])
	return size, index, ok
}

// tombstone is the frame of a Damaged record.
func tombstone(index uint64) []byte {
	entry, _ := seal(nil, Record{Kind: Damaged}, index) // of constants: cannot fail
	return append(binary.AppendUvarint(nil, uint64(len(entry))), entry...)
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
			if _, index, ok := frame(data[at-used:]); ok && index >= min {
				return at - used, index
			}
		}
	}
}
