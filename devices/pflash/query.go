package pflash

import (
	"encoding/binary"
	"math/bits"
)

// querySize is the length of the query database.
const querySize = 0x40

// query is what Read Query gives (JEP137; 28F128J3 data sheet, appendix on CFI) for a flash of size bytes in blocks of BlockSize.
func query(size int) (q [querySize]byte) {
	const blocks, times = 0x2d, 0x1f
	copy(q[0x10:], "QRY")
	q[0x13] = 0x01 // Intel's extended command set
	q[0x15] = 0x31 // where its table is
	q[0x1b], q[0x1c] = 0x27, 0x36
	copy(q[times:], []byte{7, 7, 10, 0, 4, 4, 4, 0}) // 2^n us a byte and a buffer, 2^n ms a block; at most 2^n times that
	q[0x27] = uint8(bits.Len(uint(size - 1)))        // 2^n bytes, or less
	q[0x2a] = uint8(bits.TrailingZeros(bufferSize))  // 2^n bytes in the buffer
	q[0x2c] = 1                                      // one region of blocks
	binary.LittleEndian.PutUint16(q[blocks:], uint16(size/BlockSize-1))
	binary.LittleEndian.PutUint16(q[blocks+2:], BlockSize/256)
	copy(q[0x31:], "PRI11")
	return q
}
