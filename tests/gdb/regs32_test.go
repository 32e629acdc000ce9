package gdb

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/tests/guest"
)

// A processor without 64-bit mode is i386 for gdb, which shows and sets its registers, with AVX where the model has it, and steps and stops.
func TestRegisters32(t *testing.T) {
	for _, engine := range engines {
		for _, c := range []struct {
			cpu string
			avx bool
		}{{"qemu32", false}, {"max,-lm", true}} {
			t.Run(engine+" "+c.cpu, func(t *testing.T) {
				t.Parallel()
				kernel := filepath.Join(t.TempDir(), "regs32")
				args := []string{"-f", "bin", "-o", kernel, "regs32.asm"}
				if c.avx {
					args = append(args, "-DAVX")
				}
				if out, err := exec.Command("nasm", args...).CombinedOutput(); err != nil {
					t.Fatalf("nasm: %v\n%s", err, out)
				}
				image, err := os.ReadFile(kernel)
				if err != nil {
					t.Fatal(err)
				}
				here := binary.LittleEndian.Uint32(image[len(image)-4:])
				m, g := stopped(t, guest.Goemu(t), "", "-accel", engine, "-cpu", c.cpu, "-kernel", kernel, "-display", "none", "-serial", "null", "-monitor", "none")
				g.want("show architecture", "i386")
				if out := g.do("show architecture"); strings.Contains(out, "x86-64") {
					t.Fatal(out)
				}
				g.want("set architecture i386", "i386")
				g.want(fmt.Sprintf("hbreak *%#x", here), "Hardware assisted breakpoint 1")
				g.want("continue", "Breakpoint 1, ")
				g.want("info registers eax ebx esp ebp esi eip eflags cs", "0x11223344", "0x55667788", "0x180000", "0x190000", "0xffffffff", fmt.Sprintf("%#x", here), "CF", "0x10")
				g.want("p $st0", "3.1415926535897932385")
				g.want("p $xmm3.v4_int32", "{1, 2, 3, 4}")
				g.want("p $mxcsr", "[ IM DM ZM OM UM PM")
				g.want("p $cr0", "PE")
				g.want("p $cr4", "OSFXSR")
				g.want("p sizeof($eax)", "= 4")
				g.want("p $rax", "= void")
				g.want("p $xmm8", "= void")
				if c.avx {
					g.want("p $ymm1.v8_float", "{1, 1, 1, 1, 1, 1, 1, 1}")
					g.do("set var $ymm2.v8_int32 = {8, 7, 6, 5, 4, 3, 2, 1}")
					g.want("p $ymm2.v8_int32", "{8, 7, 6, 5, 4, 3, 2, 1}")
					g.want("p $xmm2.v4_int32", "{8, 7, 6, 5}")
				} else {
					g.want("p $ymm1", "= void")
				}
				g.do("set var $edi = 0x7fffffff")
				g.want("x/2i $pc", "nop", "inc    edi")
				g.do("stepi")
				g.do("stepi")
				g.want("p/x $edi", "= 0x80000000")
				g.want("p $eflags", "OF")
				g.want("continue", "Breakpoint 1, ")
				g.do("kill")
				if status := m.Wait(); status != 0 {
					t.Errorf("exit status %d: %s", status, m.Output())
				}
			})
		}
	}
}
