package system

import (
	"fmt"
	"strings"
	"testing"
)

// The addresses of canonical.asm.
var edges = []uint64{1 << 47, 1 << 56, ^uint64(1 << 47), ^uint64(1 << 56)}

func canonical(a uint64, bits int) bool {
	shift := 64 - bits
	return uint64(int64(a)<<shift>>shift) == a
}

// Canonical addresses of 48 and 57 bits. What is kept in registers is checked by the width that the processor can have, accesses by
// the one that CR4.LA57 chooses (Intel, 5-Level Paging and 5-Level EPT, 2.2).
func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		bits, widest int
		defines      []string
	}{
		{"48 bits", 48, 48, nil},
		{"57 bits", 57, 57, []string{"LA57"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want strings.Builder
			deviant := map[string]string{}
			add := func(line, qemu string) {
				want.WriteString(line + "\n")
				if line != qemu {
					deviant[line] = qemu
				}
			}
			for _, p := range []struct {
				name  string
				off   int // of the first byte
				size  int
				code  int
				stack bool
			}{
				{"load", 0, 1, 0, false},
				{"load of 8 bytes, 4 before", -4, 8, 0, false},
				{"store", 0, 1, 2, false},
				{"add to memory", 0, 1, 2, false},
				{"movups", 0, 16, 0, false},
				{"by rbp", 0, 1, 0, true},
				{"lodsb", 0, 1, 0, false},
				{"stosb", 0, 1, 2, false},
				{"movsb", 0, 1, 0, false},
				{"xlatb", 0, 1, 0, false},
				{"push of memory", 0, 8, 0, false},
				{"pop to memory", 0, 8, 2, false},
				{"call of memory", 0, 8, 0, false},
				{"clflush", 0, 1, 0, false},
			} {
				for n, e := range edges {
					name := fmt.Sprintf("%d %s", n, p.name)
					first := e + uint64(p.off)
					line := fmt.Sprintf("%s #0e %04x +00 08 %016x", name, p.code, first)
					if !canonical(first, tt.bits) || !canonical(first+uint64(p.size)-1, tt.bits) {
						line = name + " #0d 0000 +00 08"
						if p.stack {
							line = name + " #0c 0000 +00 08"
						}
					}
					qemu := line
					switch {
					case p.stack: // knows no stack
						qemu = strings.Replace(line, "#0c", "#0d", 1)
					case p.name == "clflush": // does nothing
						qemu = name + " none"
					case p.size == 8 && canonical(first, tt.bits): // looks at the first page first
						qemu = fmt.Sprintf("%s #0e %04x +00 08 %016x", name, p.code, first)
					case p.name == "add to memory" && canonical(first, tt.bits): // reads before it asks for writing
						qemu = fmt.Sprintf("%s #0e 0000 +00 08 %016x", name, first)
					}
					add(line, qemu)
				}
			}
			for _, name := range []string{"prefetch", "invlpg"} {
				for n := range edges {
					line := fmt.Sprintf("%d %s none", n, name)
					add(line, line)
				}
			}
			for _, name := range []string{"jmp", "call", "ret"} {
				for n, e := range edges {
					name := fmt.Sprintf("%d %s", n, name)
					if canonical(e, tt.bits) {
						add(name+" 0e", name+" 0e")
					} else {
						add(name+" 0d*", name+" 0d") // QEMU: of the target's instruction
					}
				}
			}
			for _, name := range []string{"lgdt", "lidt", "GS base", "kernel GS base", "LSTAR", "SYSENTER_ESP"} {
				for n, e := range edges {
					name := fmt.Sprintf("%d %s", n, name)
					line := name + " #0d 0000 +00 08"
					if canonical(e, tt.widest) {
						line = name + " none"
					}
					add(line, name+" none") // QEMU takes all
				}
			}
			check(t, want.String(), deviant, "canonical.asm", tt.defines...)
		})
	}
}
