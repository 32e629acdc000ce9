// Package cpuid runs a guest that prints all CPUID leaves, on goemu and on QEMU with the same -cpu, and compares what must be the same.
package cpuid

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu/cpumodel"
	"goemu/tests/guest"
)

// leaf is a leaf and subleaf.
type leaf struct{ leaf, sub uint32 }

// regs are EAX, EBX, ECX, EDX.
type regs [4]uint32

const (
	eax = iota
	ebx
	ecx
	edx
)

// words are the places of feature bits.
var words = []struct {
	leaf
	reg  int
	word cpumodel.Word
}{
	{leaf{1, 0}, edx, cpumodel.Leaf1EDX},
	{leaf{1, 0}, ecx, cpumodel.Leaf1ECX},
	{leaf{6, 0}, eax, cpumodel.Leaf6EAX},
	{leaf{7, 0}, ebx, cpumodel.Leaf7EBX},
	{leaf{7, 0}, ecx, cpumodel.Leaf7ECX},
	{leaf{7, 0}, edx, cpumodel.Leaf7EDX},
	{leaf{7, 1}, eax, cpumodel.Leaf7x1EAX},
	{leaf{13, 1}, eax, cpumodel.LeafDx1EAX},
	{leaf{0x80000001, 0}, edx, cpumodel.Ext1EDX},
	{leaf{0x80000001, 0}, ecx, cpumodel.Ext1ECX},
	{leaf{0x80000007, 0}, edx, cpumodel.Ext7EDX},
	{leaf{0x80000008, 0}, ebx, cpumodel.Ext8EBX},
	{leaf{0x8000000a, 0}, edx, cpumodel.ExtAEDX},
}

// assemble makes the guest.
func assemble(t *testing.T) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "leaves")
	if msg, err := exec.Command("nasm", "-f", "bin", "-w-all", "-o", out, "leaves.asm").CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	return out
}

// leaves runs the guest; nil: there is no CPUID.
func leaves(t *testing.T, emulator, kernel string, args ...string) map[leaf]regs {
	t.Helper()
	console := filepath.Join(t.TempDir(), "console")
	args = append(args, "-nodefaults", "-display", "none", "-m", "32", "-kernel", kernel, "-no-reboot",
		"-debugcon", "file:"+console, "-device", "isa-debug-exit,iobase=0xf4,iosize=1")
	s := guest.StartCommand(t, emulator, args...)
	if status := s.Wait(); status != 1 {
		t.Fatalf("%s %v: status %d\n%s", emulator, args, status, s.Output())
	}
	text, err := os.ReadFile(console)
	if err != nil {
		t.Fatal(err)
	}
	found := map[leaf]regs{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if line == "none" {
			return nil
		}
		var l leaf
		var r regs
		if _, err := fmt.Sscanf(line, "%x %x %x %x %x %x", &l.leaf, &l.sub, &r[0], &r[1], &r[2], &r[3]); err != nil {
			// What the firmware says goes to the same port.
			continue
		}
		found[l] = r
	}
	return found
}

// changing are bits of words that are not the model's: OSXSAVE.
var changing = cpumodel.Set{cpumodel.Leaf1ECX: 1 << 27}

// qemuLacks are features that QEMU's TCG takes from models.
var qemuLacks = set("vme x2apic tsc-deadline pcid avx512f avx512bw avx512cd avx512dq avx512vl avx512vbmi avx512vnni avx512vbmi2 avx512bitalg avx512-vpopcntdq fsrm xsavec xsaves rdseed clzero " +
	"xsaveerptr wbnoinvd misalignsse fxsr-opt sha-ni topoext vpclmulqdq gfni tsc-adjust invpcid rdpid 3dnowprefetch")

// qemuHas are features that QEMU's TCG shows by the manual's rules otherwise than goemu, by model.
var qemuHas = map[string]cpumodel.Set{
	"athlon": set("sse sse2"), // came with the Athlon XP and 64
}

func set(names string) (s cpumodel.Set) {
	for _, n := range strings.Fields(names) {
		f, ok := cpumodel.Lookup(n)
		if !ok {
			panic(n)
		}
		s.Put(f, true)
	}
	return s
}

func TestLeavesAgainstQEMU(t *testing.T) {
	kernel := assemble(t)
	goemu := guest.Goemu(t)
	supported := cpumodel.Supported()
	total := 0
	for _, name := range []string{
		"486", "pentium", "pentium3", "athlon", "core2duo", "qemu32", "qemu64", "kvm64", "Nehalem", "SandyBridge", "Haswell",
		"Skylake-Server", "Icelake-Server", "EPYC", "EPYC-Milan",
	} {
		t.Run(name, func(t *testing.T) {
			q := leaves(t, "qemu-system-x86_64", kernel, "-accel", "tcg", "-cpu", name)
			g := leaves(t, goemu, kernel, "-cpu", name)
			level, xlevel := g[leaf{0, 0}][eax], g[leaf{0x80000000, 0}][eax]
			if xlevel < 0x80000000 {
				xlevel = 0
			}
			amd := g[leaf{0, 0}][ebx] == 0x68747541
			// same compares bits of a register of a leaf that is there.
			same := func(l, sub uint32, reg int, mask uint32) {
				t.Helper()
				if l <= level || l>>31 != 0 && l <= xlevel {
					total++
					if got, want := g[leaf{l, sub}][reg]&mask, q[leaf{l, sub}][reg]&mask; got != want {
						t.Errorf("leaf %#x.%d, register %d: %#x, QEMU has %#x", l, sub, reg, got, want)
					}
				}
			}
			const all = 0xffff_ffff
			for r := range 4 {
				same(0, 0, r, all)
			}
			same(1, 0, eax, all)
			same(1, 0, ebx, 0xff00_0000) // APIC id
			for _, w := range words {
				if l := w.leaf.leaf; l > level && (l>>31 == 0 || l > xlevel) {
					continue
				}
				got, want := g[w.leaf][w.reg]&^changing[w.word], q[w.leaf][w.reg]
				more := want &^ got & supported[w.word] &^ qemuHas[name][w.word]
				less := got &^ want &^ qemuLacks[w.word]
				if w.word == cpumodel.Ext1EDX && !amd {
					// Outside 64-bit mode Intel's processors have no SYSCALL and do not say that they do.
					if got>>11&1 != 0 {
						t.Error("SYSCALL is shown outside 64-bit mode")
					}
					more &^= 1 << 11
				}
				if w.word == cpumodel.Ext1EDX {
					less &^= qemuLacks[cpumodel.Leaf1EDX] // AMD's copy of leaf 1
					less &^= 1 << 11                      // the Athlon has SYSCALL, QEMU's does not
				}
				total += 32
				var m, l cpumodel.Set
				m[w.word], l[w.word] = more, less
				if more != 0 || less != 0 {
					t.Errorf("leaf %#x: only QEMU has %v (%#x); only goemu has %v (%#x)", w.leaf.leaf, m, more, l, less)
				}
			}
			for sub := range uint32(3) {
				for r := range 4 {
					same(0xb, sub, r, all)
				}
			}
			// State components: those that both have are in the same places.
			same(0xd, 0, ebx, all)
			if more := g[leaf{0xd, 0}][eax] &^ q[leaf{0xd, 0}][eax]; level >= 0xd && more != 0 {
				t.Errorf("XCR0: bits %#x are not in QEMU's", more)
			}
			for sub := uint32(2); sub < 10; sub++ {
				if g[leaf{0xd, 0}][eax]>>sub&1 != 0 {
					same(0xd, sub, eax, all)
					same(0xd, sub, ebx, all)
				}
			}
			same(0x80000000, 0, eax, all)
			same(0x80000008, 0, eax, 0xff)
			if amd {
				for r := range 4 {
					same(0x80000000, 0, r, all)
					same(4, 0, r, all) // there is none
				}
				if g[leaf{1, 0}][eax]>>8&15 == 15 {
					same(0x80000006, 0, ecx, all)
				}
			}
			if strings.HasPrefix(name, "EPYC") {
				same(0x80000005, 0, ecx, all)
				same(0x80000005, 0, edx, all)
			}
			if xlevel == 0 && !amd {
				// Leaves beyond the last are those of the last.
				if got, want := g[leaf{0x80000000, 0}], g[leaf{level, 0}]; got != want {
					t.Errorf("leaf 0x80000000: %x, the last basic leaf is %x", got, want)
				}
			}
		})
	}
	t.Logf("%d registers and bits", total)
}

// Where there is no CPUID, EFLAGS.ID cannot be set.
func TestNoCPUID(t *testing.T) {
	if l := leaves(t, guest.Goemu(t), assemble(t), "-cpu", "386"); l != nil {
		t.Errorf("a 386 has %d leaves", len(l))
	}
}
