package system

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Controls, as paging.asm numbers them, and entries: bits of what it prints.
const (
	ctlWP = 1 << iota
	ctlSMEP
	ctlSMAP
	ctlAC
	ctlNXE
)

// permitted is the manual's rule (SDM vol. 3A 4.6.1, 4.7): the error code of an access, or --.
func permitted(mode, ctl, entry int, write, fetch, user bool) string {
	const last = 64
	w := entry&1 != 0 && entry&4 != 0
	u := entry&2 != 0 && entry&8 != 0
	nx := entry&0x30 != 0
	present := !(entry == last || mode == 32 && entry == 16)
	if !present {
		nx = false
	}
	code := 0
	if write {
		code |= 2
	}
	if user {
		code |= 4
	}
	if fetch && (ctl&ctlSMEP != 0 || mode != 32 && ctl&ctlNXE != 0) {
		code |= 16
	}
	var fault bool
	switch {
	case !present:
		fault = true
	case nx && ctl&ctlNXE == 0: // bit 63 is reserved
		return fmt.Sprintf("%02x", code|8|1)
	case user:
		fault = !u || write && !w || fetch && nx
		code |= 1
	default:
		code |= 1
		fault = write && !w && ctl&ctlWP != 0 || fetch && (nx || u && ctl&ctlSMEP != 0) ||
			!fetch && u && ctl&ctlSMAP != 0 && ctl&ctlAC == 0
	}
	if !fault {
		return "--"
	}
	return fmt.Sprintf("%02x", code)
}

// Page permissions in the three kinds of paging.
func TestPaging(t *testing.T) {
	t.Parallel()
	for _, mode := range []int{32, 36, 64} {
		t.Run(map[int]string{32: "32-bit", 36: "PAE", 64: "4-level"}[mode], func(t *testing.T) {
			last, nxe := 64, ctlNXE
			if mode == 32 {
				last, nxe = 16, 0
			}
			var want strings.Builder
			deviant := map[string]string{} // QEMU clears P in the code of a reserved bit
			for _, ctl := range []int{nxe, nxe | ctlWP, nxe | ctlWP | ctlSMEP, nxe | ctlWP | ctlSMAP, nxe | ctlWP | ctlSMAP | ctlAC,
				nxe | ctlWP | ctlSMEP | ctlSMAP, nxe | ctlSMAP, ctlWP, ctlWP | ctlSMEP} {
				for entry := range last + 1 {
					line := fmt.Sprintf("%02x %02x", ctl, entry)
					qemu := line
					for access := range 6 {
						code := permitted(mode, ctl, entry, access%3 == 1, access%3 == 2, access >= 3)
						line += " " + code
						if n, err := strconv.ParseUint(code, 16, 8); err == nil && n&8 != 0 {
							code = fmt.Sprintf("%02x", n&^1)
						}
						qemu += " " + code
					}
					want.WriteString(line + "\n")
					if qemu != line {
						deviant[line] = qemu
					}
				}
			}
			check(t, want.String(), deviant, "paging.asm", fmt.Sprintf("MODE=%d", mode))
		})
	}
}
