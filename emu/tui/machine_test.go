package tui

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"goemu/emu"
	"goemu/emu/inspect"
)

// debugged is the guest that debuggers are tested on, and where its labels are.
func debugged(t *testing.T) (kernel string, at map[string]uint64) {
	t.Helper()
	kernel = filepath.Join(t.TempDir(), "debug.bin")
	cmd := exec.Command("nasm", "-f", "bin", "-o", kernel, "debug.asm")
	cmd.Dir = "../testdata"
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("nasm: %v\n%s", err, msg)
	}
	source, err := os.ReadFile("../testdata/debug.asm")
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(kernel)
	if err != nil {
		t.Fatal(err)
	}
	const head = "LABELS: "
	_, table, _ := strings.Cut(string(source), head)
	values := image[bytes.Index(image, []byte(head))+len(head):]
	at = map[string]uint64{}
	for _, line := range strings.Split(table, "\n")[1:3] {
		for _, name := range strings.Split(strings.TrimPrefix(strings.TrimSpace(line), "dd "), ", ") {
			at[name] = uint64(binary.LittleEndian.Uint32(values))
			values = values[4:]
		}
	}
	return kernel, at
}

// The inside of a machine that runs: what is seen and done there is the machine's.
func TestMachine(t *testing.T) {
	for name, accel := range map[string]emu.Accel{"auto": emu.AccelAuto, "interp": emu.AccelInterp} {
		t.Run(name, func(t *testing.T) { testMachine(t, accel) })
	}
}

func testMachine(t *testing.T, accel emu.Accel) {
	kernel, at := debugged(t)
	host := &Host{}
	cfg := emu.Config{Kernel: kernel, Accel: accel, Stopped: true, Serial: []string{"vc"}, VC: host.Console, ConsoleOut: io.Discard}
	m, err := emu.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := m.Run()
		ended <- err
	}()
	t.Cleanup(func() {
		m.Stop(0)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	b := newBench(t, m, 200, 60, host)
	enter := func(s string) {
		b.press(":")
		b.types(s)
		b.press("Enter", "Enter", "1")
	}
	// rip waits until the machine is known to have stopped at an address.
	rip := func(why string, addr uint64) {
		t.Helper()
		b.sees(fmt.Sprintf("rip %08x", addr))
		b.sees("stopped: " + why)
		b.sees(fmt.Sprintf("▶%08x", addr))
		if r, err := m.Registers(0); err != nil || r.PC() != addr {
			t.Fatalf("%v, the machine is at %#x and not %#x", err, r.PC(), addr)
		}
	}
	next := func(addr uint64) uint64 {
		t.Helper()
		l, err := m.Disassemble(0, inspect.Linear(addr), 1)
		if err != nil {
			t.Fatal(err)
		}
		return addr + uint64(len(l[0].Bytes))
	}
	b.sees("prelaunch")
	b.press("Ctrl-A", "i")
	b.sees("rip ")

	// A breakpoint for once, a step, one by Enter on the line of the next instruction.
	enter(fmt.Sprintf("tbreak %#x", at["loop1"]))
	b.press("c")
	rip("breakpoint", at["loop1"])
	b.sees("32-bit")
	b.press("s")
	second := next(at["loop1"])
	rip("step", second)
	b.press("Tab", "Down", "Enter")
	b.sees(fmt.Sprintf("●  %08x", next(second)))
	b.press("c")
	rip("breakpoint", next(second))
	if p := m.Breakpoints(); len(p) != 1 || p[0].Addr != next(second) {
		t.Fatalf("%v", p)
	}
	enter("delete")
	b.until("no breakpoint", func() bool { return len(m.Breakpoints()) == 0 })

	// A watchpoint stops behind the store.
	enter(fmt.Sprintf("watch %#x", at["data"]+4))
	b.press("c")
	rip("watchpoint", at["store.next"])
	enter("delete")

	// The page of aliased is mapped twice; the walk of its second address leads to the first.
	alias := 0x40000000 | at["aliased"]&0xfff
	b.press("3", "g")
	b.types(fmt.Sprintf("%#x", alias))
	b.press("Enter")
	b.sees(fmt.Sprintf("%#x: 32-bit paging, CR3 0x10000", alias))
	b.sees(fmt.Sprintf("physical %#x, page of 4 KiB", at["aliased"]))

	// The monitor speaks of the same machine; it runs, and is paused by a key.
	b.press(":")
	b.types("print /x $eip")
	b.press("Enter")
	b.sees(fmt.Sprintf("%#x", at["store.next"]))
	b.types("cont")
	b.press("Enter", "Enter")
	b.until("a machine that runs", func() bool { return m.Status().Running() })
	b.press("p")
	b.until("a machine that is paused", func() bool { return m.Status() == inspect.StatusPaused })
	b.press("1")
	b.sees("stopped: pause")
	r, err := m.Registers(0)
	if err != nil {
		t.Fatal(err)
	}
	b.sees(fmt.Sprintf("rip %08x", r.RIP))
	b.sees(fmt.Sprintf("ecx %08x", uint32(r.GPR[inspect.RCX])))
}
