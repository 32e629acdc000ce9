package system

import (
	"fmt"
	"strings"
	"testing"
)

// What iobitmap.asm has in common with this file.
const (
	ioBitmap = 0x68
	ioFirst  = 0x300
	ioLast   = 0x370
	ioEnd    = ioBitmap + ioLast/8
)

// Kinds of iobitmap.asm.
const (
	ioNoBitmap = 1 // its base is ffff
	ioIOPL3    = 2
)

var ioPattern = []byte{0x01, 0x80, 0x00, 0xff, 0x7f, 0xfe, 0xa5, 0x00, 0x18, 0x00, 0x81, 0x10, 0xf0, 0x00, 0xff, 0xff}

// ioAllowed is what the manual says of an access to a port in ring 3 (SDM vol. 1 19.5.2): the two bytes of the bitmap from that of the
// first port on lie within the limit, and the bits of all ports are clear.
func ioAllowed(kind, limit, port, size int) bool {
	switch kind {
	case ioIOPL3:
		return true
	case ioNoBitmap:
		return false
	}
	if ioBitmap+port/8+1 > limit {
		return false
	}
	for p := port; p < port+size; p++ {
		if ioPattern[(p-ioFirst)/8]>>(p%8)&1 != 0 {
			return false
		}
	}
	return true
}

// Every port around the end of the I/O permission bitmap.
func TestIOBitmap(t *testing.T) {
	t.Parallel()
	var want []string
	cases := 0
	for kind := range 3 {
		for limit := ioEnd - 2; limit < ioEnd+2; limit++ {
			var v []uint32
			faults := 0
			for _, size := range []int{1, 2, 4, 2, 4, 1} { // IN, OUT, INS, OUTS
				for port := ioFirst; port < ioLast; port++ {
					if ioAllowed(kind, limit, port, size) {
						v = append(v, 0x30)
					} else {
						v = append(v, 13)
						faults++
					}
				}
			}
			cases += len(v)
			want = append(want, fmt.Sprintf("%04x %02x %04x %08x", limit, kind, faults, checksum(v)))
		}
	}
	check(t, strings.Join(want, "\n"), nil, "iobitmap.asm")
	t.Logf("%d accesses", cases)
}
