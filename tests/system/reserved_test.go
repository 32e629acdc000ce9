package system

import (
	"fmt"
	"strings"
	"testing"
)

// reservedBits are the bits that must be 0 in a present entry of level (1: of a page table) that maps a page or not, of a processor
// with 40 bits of physical address (SDM vol. 3A tables 4-4 to 4-6, 4-9 to 4-11, 4-14 to 4-20).
func reservedBits(mode, level int, leaf, nxe bool) uint64 {
	bits := func(hi, lo uint) uint64 { return 1<<(hi+1) - 1<<lo }
	var r uint64
	switch mode {
	case 32:
		if leaf && level == 2 {
			r = bits(21, 21) // 20..13 are bits 39..32 of the address
		}
		return r
	case 36:
		r = bits(62, 40)
	default:
		r = bits(51, 40)
	}
	if !nxe {
		r |= 1 << 63
	}
	switch {
	case level >= 4:
		r |= 1 << 7
	case leaf && level == 3:
		r |= bits(29, 13)
	case leaf && level == 2:
		r |= bits(20, 13)
	}
	return r
}

// Every bit of every entry, in all kinds of paging and for all sizes of pages.
func TestReservedBits(t *testing.T) {
	t.Parallel()
	for _, m := range matrixModes {
		t.Run(m.name, func(t *testing.T) {
			var want strings.Builder
			width := uint(64)
			if m.mode == 32 {
				width = 32
			}
			first := 0
			if m.mode == 32 {
				first = 1
			}
			for nxe := first; nxe < 2; nxe++ {
				for depth := m.levels; depth >= m.levels-m.sizes; depth-- {
					for i := range depth {
						level, leaf := m.levels-i, i == depth-1
						r := reservedBits(m.mode, level, leaf, nxe == 1)
						fmt.Fprintf(&want, "%02x %02x %02x ", nxe, depth, i)
						for b := int(width) - 1; b >= 0; b-- {
							switch {
							case !leaf && b >= 12 && b < 40, b == 7 && level > 1 && level < 4:
								want.WriteByte('-')
							case r>>b&1 != 0:
								want.WriteByte('1')
							default:
								want.WriteByte('0')
							}
						}
						want.WriteByte('\n')
					}
				}
			}
			deviant := map[string]string{}
			if m.mode == 36 { // table 4-8
				at := want.Len()
				for b := 63; b >= 0; b-- {
					if b >= 40 || b == 1 || b == 2 || b >= 5 && b <= 8 {
						want.WriteByte('1')
					} else {
						want.WriteByte('0')
					}
				}
				// QEMU does not load PDPTEs with CR3, and looks at fewer of their bits when it uses them.
				deviant[want.String()[at:]] = strings.Repeat("0", 64)
			}
			defines := []string{fmt.Sprintf("MODE=%d", m.mode)}
			if m.mode == 57 {
				defines = append(defines, "LA57")
			}
			check(t, want.String(), deviant, "reserved.asm", defines...)
		})
	}
}
