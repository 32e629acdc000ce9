package system

import (
	"strings"
	"testing"
)

// The x87 instruction and data pointers, the last opcode and the selectors.

// QEMU keeps selectors, never the opcode, lets FNSTSW move the instruction pointer and FNOP not.
func TestFPUPointers32(t *testing.T) {
	t.Parallel()
	want := `
		fadd memory 0000 0010 0000 0000 0000
		fadd memory, indexed 0000 0020 0000 0000 0000
		fld memory 0000 0040 0000 0000 0000
		fist memory 0000 0050 0000 0000 0000
		fstp memory 0000 0058 0000 0000 0000
		two registers 0002 0000 0000 0000 0000
		memory and register 0003 0060 0000 0000 0000
		register and memory 0002 0064 0000 0000 0000
		fincstp 0000 0000 0000 0000 0000
		ffree 0000 0000 0000 0000 0000
		fnop 0000 0000 0000 0000 0000
		fnclex fffe 0000 0000 0000 0000
		fnstcw, fldcw fffe 0000 0000 0000 0000
		fnstsw fffe 0000 0000 0000 0000
		fwait fffe 0000 0000 0000 0000
		emms fffe 0000 0000 0000 0000
		unmasked 0006 0030 0073 0000 0000
		unmasked, pending 0006 0034 0673 0000 0000
		restored 0006 0077 0555 0000 0000
		fninit 0000 0000 0000 0000 0000
	`
	deviant := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		line = strings.TrimSpace(line)
		deviant[line] = strings.TrimSuffix(line, " 0000 0000")
	}
	for line, qemu := range map[string]string{
		"fnop 0000 0000 0000 0000 0000":              "fnop fffe 0000 0000",
		"fnstsw fffe 0000 0000 0000 0000":            "fnstsw 0000 0000 0000",
		"unmasked 0006 0030 0073 0000 0000":          "unmasked 0006 0030 0000",
		"unmasked, pending 0006 0034 0673 0000 0000": "unmasked, pending 0006 0034 0000",
		"restored 0006 0077 0555 0000 0000":          "restored fffe 0000 0000",
	} {
		deviant[line] = qemu
	}
	check(t, want, deviant, "fpu.asm", "LONG=0")
}

// QEMU stores no pointers by FXSAVE.
func TestFPUPointers64(t *testing.T) {
	t.Parallel()
	checkOn(t, 2, `
		fadd memory 0000 0010 0000 0000 0010 0000 0000 0000
		fadd memory, indexed 0000 0020 0000 0000 0020 0000 0000 0000
		fld memory 0000 0040 0000 0000 0040 0000 0000 0000
		fist memory 0000 0050 0000 0000 0050 0000 0000 0000
		fstp memory 0000 0058 0000 0000 0058 0000 0000 0000
		two registers 0002 0000 0000 0002 0000 0000 0000 0000
		memory and register 0003 0060 0000 0003 0060 0000 0000 0000
		register and memory 0002 0064 0000 0002 0064 0000 0000 0000
		fincstp 0000 0000 0000 0000 0000 0000 0000 0000
		ffree 0000 0000 0000 0000 0000 0000 0000 0000
		fnop 0000 0000 0000 0000 0000 0000 0000 0000
		fnclex fffe 0000 0000 fffe 0000 0000 0000 0000
		fnstcw, fldcw fffe 0000 0000 fffe 0000 0000 0000 0000
		fnstsw fffe 0000 0000 fffe 0000 0000 0000 0000
		fwait fffe 0000 0000 fffe 0000 0000 0000 0000
		emms fffe 0000 0000 fffe 0000 0000 0000 0000
		unmasked 0006 0030 0073 0006 0030 0073 0000 0000
		unmasked, pending 0006 0034 0673 0006 0034 0673 0000 0000
		restored 0007 0077 0555 0007 0077 0555 0000 0000
		fninit 0000 0000 0000 0000 0000 0000 0000 0000
		123456789abcdef0 123456789abcdef0
	`, nil, "fpu.asm", "LONG=1")
}
