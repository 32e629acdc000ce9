// Package gdb debugs guests with the gdb of the distribution, and compares what it shows with QEMU's.
package gdb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goemu/tests/guest"
	"goemu/tests/sockets"
)

var engines = []string{"tcg", "interp"}

// debugger is gdb, driven as by a person who types.
type debugger struct {
	*guest.Session
	t testing.TB
	n int // commands so far
}

// attach starts gdb with a file of symbols, or with "" none, and connects it to a Unix socket as soon as that is there.
func attach(t testing.TB, m *guest.Session, socket, symbols string) *debugger {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Since(begun) > guest.Patience {
			t.Fatalf("there is no socket: %s", m.Output())
		}
	}
	g := &debugger{Session: guest.StartCommand(t, "sh", "-c", "LC_ALL=C exec gdb -nx -q 2>&1"), t: t}
	g.do("set pagination off")
	g.do("set confirm off")
	g.do("set width 0")
	g.do("set style enabled off")
	g.do("set disassembly-flavor intel")
	if symbols != "" {
		g.do("file " + symbols)
	}
	if out := g.do("target remote " + socket); !strings.Contains(out, "Remote debugging using") {
		t.Fatalf("target remote: %s", out)
	}
	return g
}

// do types a command and gives what gdb says until it is done.
func (g *debugger) do(command string) string {
	g.t.Helper()
	g.n++
	g.Send(fmt.Sprintf("%s\necho done-%d\\n\n", command, g.n))
	return strings.TrimSpace(strings.ReplaceAll(g.Expect(fmt.Sprintf("done-%d", g.n)), "(gdb) ", ""))
}

// want does a command that is to say all of texts.
func (g *debugger) want(command string, texts ...string) {
	g.t.Helper()
	out := g.do(command)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			g.t.Fatalf("%s says %q, want %q", command, out, text)
		}
	}
}

// until lets the guest go on to an address, or a symbol's, by a breakpoint for once.
func (g *debugger) until(place string) {
	g.t.Helper()
	g.do("tbreak *(" + place + ")")
	g.want("continue", "Temporary breakpoint ")
	g.want("p $pc == (void*)("+place+")", "= 1")
}

// modes builds the guest of modes.asm.
func modes(t testing.TB) (disk, symbols string) {
	t.Helper()
	dir := t.TempDir()
	object := filepath.Join(dir, "modes.o")
	disk, symbols = filepath.Join(dir, "modes.img"), filepath.Join(dir, "modes.elf")
	for _, c := range [][]string{
		{"nasm", "-f", "elf64", "-g", "-F", "dwarf", "-o", object, "modes.asm"},
		{"ld", "-Ttext", "0x7c00", "-o", symbols, object},
		{"objcopy", "-O", "binary", "-j", ".text", symbols, disk},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	return disk, symbols
}

// stopped starts an emulator that waits for gdb, and gdb.
func stopped(t testing.TB, emulator, symbols string, args ...string) (machine *guest.Session, g *debugger) {
	t.Helper()
	socket := filepath.Join(sockets.Dir(t), "s")
	machine = guest.StartCommand(t, emulator, append([]string{"-S", "-gdb", "unix:" + socket + ",server=on,wait=off"}, args...)...)
	return machine, attach(t, machine, socket, symbols)
}

func disk(image string) []string {
	return []string{"-display", "none", "-serial", "null", "-monitor", "none", "-drive", "format=raw,file=" + image, "-device", "isa-debug-exit"}
}

// A guest that goes through all modes is debugged in each, and gdb goes along.
func TestModes(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			image, symbols := modes(t)
			m, g := stopped(t, guest.Goemu(t), symbols, append(disk(image), "-accel", engine, "-smp", "2")...)
			g.want("info threads", "* 1    Thread 1.1 (CPU#0 [running]) 0x000000000000fff0", "2    Thread 1.2 (CPU#1 [halted])")
			g.want("p/x $cs", "0xf000")
			// Breakpoints in code of all sizes, set before the first instruction.
			for _, place := range []string{"code16", "code32", "code64"} {
				g.want("break "+place, "Breakpoint ")
			}
			g.want("hbreak func32", "Hardware assisted breakpoint")
			g.want("continue", "code16 ()")
			g.want("p $cr0", "ET")
			g.want("stepi", "call func16")
			g.want("p/x $bx", "0x1616")
			g.want("x/2bx $pc", "0xe8")
			g.want("continue", "code32 ()")
			g.want("p $cr0", "PE")
			g.want("continue", "func32 ()")
			g.want("p/x $ebx", "0x32320004")
			g.want("stepi", "mov ebp, esp")
			g.want("p/x $esp", "0x7bf8")
			g.want("continue", "code64 ()")
			g.want("p $efer", "LME LMA")
			g.want("p $cr4", "PAE OSFXSR OSXMMEXCPT")
			g.want("monitor info registers", "RIP=", "CR4=00000620")
			// The other mapping of the code, by hardware breakpoints at its addresses.
			g.until("0x40000000+(long)&func64")
			g.want("x/3i $pc", "push   rbp", "mov    rbp,rsp", "mov    DWORD PTR [rip")
			for expr, want := range map[string]string{
				"$rsi": "0xfffffffffffffffc", "$r15": "0x1515151515151515", "$fs_base": "0x1234", "$gs_base": "0x5634", "$k_gs_base": "0x7834", "$xmm3.uint128": "0x6464646464646464",
				"$ymm3.v4_int64[0]": "0x6464646464646464", "$mxcsr": "0x1f80", "$fctrl": "0x37f", "$cr3": "0x10000",
			} {
				g.want("p/x "+expr, want)
			}
			g.want("p $st0", "= 1")
			g.want("p $st1", "3.14159265358979323")
			g.want("finish", "Run till exit")
			// The same code where its symbols are.
			g.do("set $pc = (long)$pc - 0x40000000")
			g.want("p $pc == (void*)&again", "= 1")
			g.want("step", "add qword [counter]")
			g.want("next", "cmp dword [go]")
			for _, reg := range []string{"rax", "r12", "cr2", "gs_base", "xmm7.v2_int64[1]", "st3", "ymm5.v4_int64[3]"} {
				g.do("set var $" + reg + " = 77")
				g.want("p $"+reg, "= 77")
			}
			g.want("set var $rip = 0x8000000000000000", "RIP=0x8000000000000000: not canonical")
			g.want("x/i $pc", "code64+")

			g.want("watch *(long*)&counter", "Hardware watchpoint")
			g.want("continue", "Old value = ", "New value = ")
			g.do("delete")
			g.want("rwatch *(long*)&word1", "Hardware read watchpoint")
			g.want("continue", "Value = 4369")
			g.do("delete")
			g.want("awatch *(int*)&counter", "Hardware access")
			g.want("continue", "New value = ")
			g.do("delete")
			g.want("thread 2", "Thread 1.2")
			g.want("p/x $cs", "0xf000")
			g.want("thread 1", "Thread 1.1")
			// Memory: linear and physical.
			g.want("x/wx 0x40007dfc", "0xaa55")
			g.want("x/wx 0x80000000", "Cannot access memory at address 0x80000000")
			g.do("maintenance packet Qqemu.PhyMemMode:1")
			g.want("x/wx 0x40007dfc", "Cannot access memory")
			g.want("x/wx 0x7dfc", "0xaa55")
			g.do("maintenance packet Qqemu.PhyMemMode:0")
			// Ctrl-C, then the guest is told to end.
			g.do("continue&")
			g.Send("interrupt\n")
			g.Expect("SIGINT")
			g.do("set var *(int*)&go = 1")
			g.want("x/wx &go", "0x00000001")
			g.want("continue", "exited with code 07")
			if status := m.Wait(); status != 7 {
				t.Errorf("goemu's status is %d", status)
			}
		})
	}
}

// Without gdb the guest goes on; kill ends the machine.
func TestLeaving(t *testing.T) {
	image, symbols := modes(t)
	m, g := stopped(t, guest.Goemu(t), symbols, disk(image)...)
	g.want("break again", "Breakpoint")
	g.until("0x40000000+(long)&again")
	g.do("set var *(int*)&go = 1")
	g.want("detach", "detached")
	if status := m.Wait(); status != 7 {
		t.Errorf("after detach, goemu's status is %d", status)
	}
	m, g = stopped(t, guest.Goemu(t), symbols, disk(image)...)
	g.until("code64")
	g.want("kill", "killed")
	if status := m.Wait(); status != 0 {
		t.Errorf("after kill, goemu's status is %d", status)
	}
}

// What gdb shows of the registers is what it shows with QEMU, but for the x87 stack, of which QEMU's stub gives the slots, not ST(0) and so on, and no tags.
func TestRegistersAsQEMU(t *testing.T) {
	image, symbols := modes(t)
	names := strings.Fields("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds es fs gs fs_base gs_base k_gs_base " +
		"cr0 cr2 cr3 cr4 cr8 efer mxcsr fctrl fstat")
	look := func(emulator string, args ...string) string {
		m, g := stopped(t, emulator, symbols, append(disk(image), args...)...)
		var b strings.Builder
		for _, place := range []string{"func32", "0x40000000+(long)&func64"} {
			g.until(place)
			for _, l := range strings.Split(g.do("info registers "+strings.Join(names, " ")), "\n") {
				f := strings.Fields(l)
				fmt.Fprintln(&b, f[0], f[1])
			}
			fmt.Fprintln(&b, g.do("output/x $xmm3.uint128"), g.do("output/x $xmm4.uint128"))
		}
		g.do("kill")
		m.Wait()
		return b.String()
	}
	want := look("qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64")
	for _, engine := range engines {
		if d := cmp.Diff(want, look(guest.Goemu(t), "-accel", engine, "-cpu", "qemu64")); d != "" {
			t.Errorf("%s (-QEMU +goemu):\n%s", engine, d)
		}
	}
}
