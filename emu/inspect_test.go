package emu_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"goemu/emu"
	"goemu/emu/inspect"
	"goemu/tests/need"

	"github.com/google/go-cmp/cmp"
)

// Registers can be read, changed and read again; what no instruction could load is an error that names the register, and changes nothing.
func TestSetRegisters(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		cfg.CPU = "max"
		m, at := debugged(t, cfg)
		m.to(at["again"])
		r, err := m.Registers(0)
		must(t, err)
		if r.Seg[inspect.CS].Selector != 0x10 || r.CR3 != 0x10000 || r.CR0&inspect.CR0PG == 0 || r.CodeBits() != 32 || r.CPL != 0 || r.IDTR.Limit != 0x81*8-1 {
			t.Errorf("\n%s", &r)
		}
		want := r
		want.RIP, want.GPR[inspect.RCX] = at["loop1"], 3
		want.DR[0], want.X87.ST[2], want.X87.FTW, want.Vec[7][1], want.CR2 = 0x1234, inspect.Float80{Significand: 1 << 63, Exponent: 0x3fff}, 0xffcf, 77, 0x4444
		must(t, m.SetRegisters(0, &want))
		got, err := m.Registers(0)
		must(t, err)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
		m.to(at["loop1.mid"])
		m.to(at["loop1.mid"])
		if got, err = m.Registers(0); err != nil || got.GPR[inspect.RCX] != 2 {
			t.Errorf("%v ECX %d", err, got.GPR[inspect.RCX])
		}
		for name, spoil := range map[string]func(r *inspect.Registers){
			"CR0":    func(r *inspect.Registers) { r.CR0 &^= inspect.CR0PE },
			"CR3":    func(r *inspect.Registers) { r.CR3 = 1 << 32 },
			"CR4":    func(r *inspect.Registers) { r.CR4 = 1 << 31 },
			"EFER":   func(r *inspect.Registers) { r.EFER = inspect.EFERLMA },
			"RIP":    func(r *inspect.Registers) { r.RIP = 1 << 32 },
			"MXCSR":  func(r *inspect.Registers) { r.MXCSR = 1 << 31 },
			"DR7":    func(r *inspect.Registers) { r.DR[7] = 1 << 32 },
			"XCR0":   func(r *inspect.Registers) { r.XCR0 = 0 },
			"CR8":    func(r *inspect.Registers) { r.CR8 = 16 },
			"LSTAR":  func(r *inspect.Registers) { r.LSTAR = 1 << 62 },
			"cs":     func(r *inspect.Registers) { r.Seg[inspect.CS].Selector = 0x18 },
			"ds":     func(r *inspect.Registers) { r.Seg[inspect.DS].Selector = 0xff8 },
			"fs.bas": func(r *inspect.Registers) { r.Seg[inspect.FS].Base = 1 << 32 },
		} {
			r := got
			spoil(&r)
			if err := m.SetRegisters(0, &r); err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			if now, err := m.Registers(0); err != nil || !cmp.Equal(now, got) {
				t.Errorf("%s: %v, registers have changed", name, err)
			}
		}
		if _, err := m.Registers(1); err == nil {
			t.Error("there is a CPU 1")
		}
	})
}

// Memory is read and written by linear and by physical address; code that is changed runs as it is then.
func TestMemory(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		const alias = 0x40000000
		m, at := debugged(t, cfg)
		m.to(at["again"])
		m.to(at["again"])
		a, b := make([]byte, 6000), make([]byte, 6)
		if n, err := m.ReadMemory(0, inspect.Linear(at["aliased"]-5000), a); n != len(a) || err != nil {
			t.Fatal(n, err)
		}
		if n, err := m.ReadMemory(0, inspect.Linear(alias|at["aliased"]&0xfff), b); n != len(b) || err != nil || !bytes.Equal(a[5000:5006], b) {
			t.Fatalf("%d %v % x", n, err, b)
		}
		if n, err := m.ReadMemory(0, inspect.Linear(0x3fffff), b); n != 1 || err == nil || !strings.Contains(err.Error(), "0x400000 is not mapped") {
			t.Error(n, err)
		}
		if n, err := m.ReadMemory(0, inspect.Physical(0xfee00000), b); n != 0 || err == nil || !strings.Contains(err.Error(), "device") {
			t.Error(n, err)
		}
		// INC EBX becomes DEC EBX.
		if n, err := m.WriteMemory(0, inspect.Linear(at["loop1"]), []byte{0x4b}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := m.WriteMemory(0, inspect.Physical(0xffffffff), []byte{0}); n != 0 || err == nil {
			t.Error("ROM is written: ", n, err)
		}
		m.to(at["indirect"])
		r, err := m.Registers(0)
		must(t, err)
		if uint32(r.GPR[inspect.RBX]) != ^uint32(9) {
			t.Errorf("EBX %#x", r.GPR[inspect.RBX])
		}
		lines, err := m.Disassemble(0, inspect.Linear(at["loop1"]), 3)
		must(t, err)
		var text []string
		for _, l := range lines {
			text = append(text, l.Text)
		}
		if got := strings.Join(text, "; "); got != "dec ebx; nop; add edx, ebx" || lines[2].Addr != at["loop1.mid"] {
			t.Error(got)
		}
	})
}

// Page tables, TLB, descriptor tables, translations: each shows what the guest has set up.
func TestTables(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		const alias = 0x40000000
		m, at := debugged(t, cfg)
		m.to(at["quiet"])
		w, err := m.Walk(0, alias|at["aliased"]&0xfff)
		must(t, err)
		if w.End != inspect.WalkMapped || w.Phys != at["aliased"] || len(w.Steps) != 2 || w.Steps[0].Phys != 0x10400 || !w.Steps[1].Leaf || w.Format != "32-bit" || w.Page != 4096 {
			t.Errorf("%s", &w)
		}
		if w, err = m.Walk(0, 0x80000000); err != nil || w.End != inspect.WalkNotPresent || len(w.Steps) != 1 {
			t.Errorf("%v %s", err, &w)
		}
		list, err := m.Mappings(0)
		must(t, err)
		if len(list) != 1026 || list[1024].Linear != alias || list[1024].Phys != at["aliased"]&^0xfff || list[5].Phys != 0x5000 {
			t.Errorf("%d mappings, %+v", len(list), list[max(len(list)-2, 0):])
		}
		if got := inspect.MemText(list); got != "0000000000000000-0000000000400000 0000000000400000 urw\n0000000040000000-0000000040002000 0000000000002000 urw\n" {
			t.Error(got)
		}
		tlb, err := m.TLB(0)
		must(t, err)
		seen := false
		for _, e := range tlb {
			if e.Linear < alias && e.Phys != e.Linear || e.Linear >= alias && e.Phys != at["aliased"]&^0xfff+e.Linear&0xfff000 {
				t.Errorf("%s", &e)
			}
			seen = seen || e.Linear == at["data"]&^0xfff
		}
		if !seen {
			t.Errorf("the page of data is not in the TLB: %v", tlb)
		}
		gdt, err := m.Descriptors(0, inspect.GDT)
		must(t, err)
		if len(gdt) < 4 || gdt[0].Type != "null" || !strings.HasPrefix(gdt[2].Type, "CS32") || gdt[2].Limit != 0xffffffff || gdt[3].Selector != 0x18 {
			t.Errorf("%v", gdt)
		}
		idt, err := m.Descriptors(0, inspect.IDT)
		must(t, err)
		if len(idt) != 0x81 || !idt[0x80].Gate || idt[0x80].Offset != at["handler"] || idt[0x80].Target != 0x10 || idt[0x80].DPL != 3 || idt[0x80].Type != "IntGate32" {
			t.Errorf("%d %v", len(idt), idt[len(idt)-1:])
		}
		b, err := m.Block(0, at["loop1"])
		must(t, err)
		if len(b.Guest) != 6 || b.Guest[5].Flow != inspect.FlowBranch || b.Guest[5].Target != at["loop1"] || b.IR == "" || b.Optimised == "" || !b.Translated ||
			b.Native != (b.Host != "") || b.Native != (m.JIT().Engine == "tcg") {
			t.Errorf("%+v", b)
		}
		must(t, m.CountRuns(at["loop1"], true))
		m.to(at["again"])
		m.to(at["quiet"])
		if b, err = m.Block(0, at["loop1"]); err != nil || b.Runs != 9 || !b.Counted {
			t.Errorf("%v: %d runs, want 9", err, b.Runs) // the first round enters the block behind a jump's target
		}
		must(t, m.CountRuns(at["loop1"], false))
		m.to(at["again"])
		if j := m.JIT(); j.Blocks == 0 || j.Live == 0 || j.Sys == 0 && j.Engine == "tcg" {
			t.Errorf("%+v", j)
		}
	})
}

// What the guest does is kept in order, as far as somebody asks for it.
func TestEvents(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		m, at := debugged(t, cfg)
		m.Record(inspect.EventMode)
		m.to(at["again"])
		list, last := m.Events(0, 10)
		if last != 1 || len(list) != 1 || list[0].Text != "protected mode, 32-bit code, paging" {
			t.Errorf("%d: %v", last, list)
		}
		m.Record(inspect.EventPort | inspect.EventException)
		m.to(at["ticks"])
		list, last = m.Events(last, 10)
		if last != 3 || len(list) != 2 || list[0].Addr != 0xe9 || list[0].Value != 'x' || !list[0].Write || list[0].RIP != at["port"] ||
			list[1].Vector != 0x80 || !list[1].Soft || list[1].Number != 3 {
			t.Errorf("%d: %v", last, list)
		}
		m.Record(0)
		m.to(at["again"])
		m.to(at["quiet"])
		if _, now := m.Events(0, 0); now != last {
			t.Errorf("events are kept: %d", now)
		}
	})
}

// Interrupts of the timer are events: the built-in guest waits for some.
func TestInterruptEvents(t *testing.T) {
	eachEngine(t, func(t *testing.T, cfg emu.Config) {
		cfg.Serial = []string{"null"}
		m, err := emu.New(cfg)
		must(t, err)
		defer m.Close()
		m.Record(inspect.EventInterrupt)
		if status, err := m.Run(); status != 0 || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
		const timer = 0x20
		list, _ := m.Events(0, 1)
		if len(list) != 1 || list[0].Kind != inspect.EventInterrupt || list[0].Vector != timer {
			t.Errorf("%v", list)
		}
	})
}

// The dump of memory is an ELF core with the registers and all RAM.
func TestDumpMemory(t *testing.T) {
	m, at := debugged(t, emu.Config{CPUs: 2})
	m.to(at["port"])
	r, err := m.Registers(0)
	must(t, err)
	var file bytes.Buffer
	must(t, m.DumpMemory(&file))
	f, err := elf.NewFile(bytes.NewReader(file.Bytes()))
	must(t, err)
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_386 || f.Class != elf.ELFCLASS32 || f.Progs[0].Type != elf.PT_NOTE || f.Progs[0].Filesz != 2*164 {
		t.Errorf("%+v %+v", f.FileHeader, f.Progs[0])
	}
	notes, err := io.ReadAll(f.Progs[0].Open())
	must(t, err)
	if regs := notes[20+72:]; binary.LittleEndian.Uint32(regs[4*12:]) != uint32(r.RIP) || binary.LittleEndian.Uint32(notes[164+20+24:]) != 2 {
		t.Errorf("% x", notes)
	}
	want := make([]byte, 4096)
	_, err = m.ReadMemory(0, inspect.Physical(0x100000), want)
	must(t, err)
	for _, p := range f.Progs[1:] {
		if 0x100000-p.Paddr < p.Filesz {
			got := make([]byte, len(want))
			if _, err := p.ReadAt(got, int64(0x100000-p.Paddr)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the kernel is not in the dump: %v", err)
			}
			return
		}
	}
	t.Error("no segment has the kernel")
}

// Trees, controllers and statistics name what a PC has.
func TestTrees(t *testing.T) {
	for board, bus := range map[string]string{"pc": "pci.0", "q35": "pcie.0"} {
		m, at := debugged(t, emu.Config{Machine: board})
		m.to(at["again"])
		tree, ports := inspect.QTree(m.DeviceTree()), inspect.MTree(m.MemoryTree())
		for _, want := range []string{"bus: main-system-bus\n", "  bus: " + bus + "\n", "dev: 8259A", "1234:1111", "dev: cpu"} {
			if !strings.Contains(tree, want) {
				t.Errorf("%s: no %q in\n%s", board, want, tree)
			}
		}
		for _, want := range []string{"0000000000000000-000000000009ffff (prio 0, ram): pc.ram @0000000000000000", "00000000fec00000", "0000000000000020-0000000000000021 (prio 0, i/o): 8259A"} {
			if !strings.Contains(ports, want) {
				t.Errorf("%s: no %q in\n%s", board, want, ports)
			}
		}
		if l := m.PCIFunctions(); len(l) < 4 || l[0].Vendor != 0x8086 || l[0].Class != 0x600 {
			t.Errorf("%s: %+v", board, l)
		}
		if c := m.Controllers(); len(c.LAPIC) != 1 || len(c.IOAPIC) != 1 || len(c.IOAPIC[0].Lines) != 24 || len(c.LAPIC[0].LVT) != 6 {
			t.Errorf("%s: %+v", board, c)
		}
		if c := m.Controllers(); len(c.PIC[1].Raised) != 8 || len(c.IOAPIC[0].Raised) != 24 {
			t.Errorf("%s: %+v", board, c)
		}
		if s := m.Stats(); s.GuestTime <= 0 || s.Engine == "" {
			t.Errorf("%s: %+v", board, s)
		}
	}
}

var spaces = regexp.MustCompile(` +\n`)

// QEMU's monitor says the same of the same guest at the same place.
func TestAgainstQEMU(t *testing.T) {
	qemu := need.Program(t, "qemu-system-x86_64", "qemu-system-x86")
	kernel := filepath.Join(t.TempDir(), "kernel")
	cmd := exec.Command("nasm", "-f", "bin", "-DSPIN", "-o", kernel, "debug.asm")
	cmd.Dir = "testdata"
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	at := readLabels(t, "debug.asm", kernel)
	m := start(t, emu.Config{Kernel: kernel, Stopped: true, CPU: "qemu64"})
	m.to(at["quiet"] + 6)
	r, err := m.Registers(0)
	must(t, err)
	list, err := m.Mappings(0)
	must(t, err)

	q := exec.Command(qemu, "-kernel", kernel, "-cpu", "qemu64", "-display", "none", "-serial", "none", "-monitor", "stdio", "-net", "none", "-accel", "tcg")
	in, err := q.StdinPipe()
	must(t, err)
	out, err := q.StdoutPipe()
	must(t, err)
	must(t, q.Start())
	late := time.AfterFunc(patience, func() { q.Process.Kill() })
	defer late.Stop()
	var text []byte
	ask := func(what string) string {
		from := len(text)
		io.WriteString(in, what+"\n")
		p := make([]byte, 64<<10)
		for { // the prompt comes behind the echo and the answer
			n, err := out.Read(p)
			text = append(text, p[:n]...)
			if err != nil {
				t.Fatalf("QEMU has ended: %s", text)
			}
			if s := string(text[from:]); strings.Contains(s, "\n") && strings.HasSuffix(s, "(qemu) ") {
				_, s, _ = strings.Cut(strings.ReplaceAll(s, "\r", ""), "\n")
				return spaces.ReplaceAllString(strings.TrimSuffix(s, "(qemu) "), "\n")
			}
		}
	}
	ask("info version")
	var regs string
	for !strings.Contains(regs, fmt.Sprintf("EIP=%08x", at["quiet"]+6)) {
		regs = ask("info registers")
	}
	_, regs, _ = strings.Cut(regs, "CPU#0\n")
	got := spaces.ReplaceAllString(r.String(), "\n")
	open := regexp.MustCompile(`(?m)^(LDT|TR ).*\n`) // as the loader leaves them
	if d := cmp.Diff(open.ReplaceAllString(regs, ""), open.ReplaceAllString(got, "")); d != "" {
		t.Errorf("info registers (-QEMU +goemu)\n%s", d)
	}
	if d := cmp.Diff(ask("info mem"), inspect.MemText(list)); d != "" {
		t.Errorf("info mem (-QEMU +goemu)\n%s", d)
	}
	if d := cmp.Diff(ask("info tlb"), inspect.TLBText(list)); d != "" {
		t.Errorf("info tlb (-QEMU +goemu)\n%s", d)
	}
	io.WriteString(in, "quit\n")
	if err := q.Wait(); err != nil {
		t.Error(err)
	}
}
