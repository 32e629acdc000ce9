package gdb

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goemu/emu/tour"
	"goemu/tests/guest"
)

// Debian's kernel, without symbols: from its entry by a function whose address the guest tells, and a variable, to a shell that goes on.
func TestKernel(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			kernel := "vmlinuz"
			if engine == "interp" {
				kernel = "vmlinux" // without what unpacks it, by PVH
			}
			m, g := stopped(t, guest.Goemu(t), "", "-accel", engine, "-smp", "2", "-m", "512", "-kernel", guest.File(t, kernel), "-initrd", guest.File(t, "initrd.gz"),
				"-append", "console=ttyS0 nokaslr", "-nographic")
			g.until("0x1000000") // startup_64, where the kernel is unpacked
			g.want("p $cr0", "PG")
			g.want("p $efer", "LMA")
			g.do("continue&")
			m.Expect("goemu-guest: shell")
			m.Expect("guest# ")
			symbols := m.Run("grep -E ' (do_sys_openat2|jiffies_64)$' /proc/kallsyms")
			at := func(name string) string {
				found := regexp.MustCompile(`([0-9a-f]{16}) \w ` + name).FindStringSubmatch(symbols)
				if found == nil {
					t.Fatalf("no address of %s: %q", name, symbols)
				}
				return "0x" + found[1]
			}
			g.Send("interrupt\n")
			g.Expect("SIGINT")
			g.want("info threads", "CPU#0", "CPU#1")
			g.want("hbreak *"+at("do_sys_openat2")+" if $_streq((char*)$rsi, \"/proc/version\")", "Hardware assisted breakpoint")
			g.do("continue&")
			m.Send("cat /proc/version\n")
			g.Expect("hit Breakpoint")
			g.want("x/s $rsi", "/proc/version")
			g.want("p/x $cs", "0x10")
			g.want("p $rip == (void(*)())"+at("do_sys_openat2"), "= 1")
			g.do("delete")
			g.do("set $back = *(long*)$rsp")
			g.until("$back")
			g.want("watch *(long*)"+at("jiffies_64"), "Hardware watchpoint")
			g.want("continue", "Old value = ", "New value = ")
			g.do("delete")
			g.want("stepi", "0x")
			g.want("detach", "detached")
			m.Expect("Linux version")
			m.Expect("guest# ")
			if got := m.Run("uname -m"); !strings.Contains(got, "x86_64") {
				t.Errorf("uname -m: %q", got)
			}
			m.Send("poweroff -f\n")
			if status := m.Wait(); status != 0 {
				t.Errorf("poweroff -f: exit status %d", status)
			}
		})
	}
}

// The built-in guest, with its symbols.
func TestTour(t *testing.T) {
	symbols := tourSymbols(t)
	m, g := stopped(t, guest.Goemu(t), symbols, "-display", "none", "-serial", "stdio", "-monitor", "none", "-nodefaults")
	g.want("break protected_start", "Breakpoint 1")
	g.want("continue", "protected_start ()")
	g.until("long_start")
	g.want("x/2i $pc", "<long_start>", "mov    ds,eax")
	g.until("setup_pic")
	g.want("info symbol *(long*)$rsp", "long_start + ")
	g.until("timer_interrupt")
	g.want("p $eflags", "[")
	g.want("info symbol $pc", "timer_interrupt in section .text")
	g.do("delete")
	g.want("continue", "exited normally")
	if status := m.Wait(); status != 0 {
		t.Errorf("goemu's status is %d", status)
	}
}

// tourSymbols writes an ELF file with the code and the labels of the built-in guest.
func tourSymbols(t *testing.T) string {
	t.Helper()
	const base = 0x10_0000 - tour.Size
	code, err := tour.ROM()
	if err != nil {
		t.Fatal(err)
	}
	labels, err := tour.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	syms, names := make([]byte, 24), []byte{0}
	for name, at := range labels {
		if at < base || at-base >= tour.Size || strings.Contains(name, ".") {
			continue
		}
		s := binary.LittleEndian.AppendUint32(nil, uint32(len(names)))
		s = append(s, elf.ST_INFO(elf.STB_GLOBAL, elf.STT_NOTYPE), 0, 1, 0)
		s = binary.LittleEndian.AppendUint64(s, at)
		syms = append(syms, append(s, make([]byte, 8)...)...)
		names = append(append(names, name...), 0)
	}
	sectionNames := []byte("\x00.text\x00.symtab\x00.strtab\x00")
	parts := [][]byte{code, syms, names, sectionNames}
	sections := []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addr: base},
		{Name: 7, Type: uint32(elf.SHT_SYMTAB), Link: 3, Info: 1, Entsize: 24},
		{Name: 15, Type: uint32(elf.SHT_STRTAB)},
		{Name: 15, Type: uint32(elf.SHT_STRTAB)},
	}
	off := uint64(64)
	for i, p := range parts {
		sections[i+1].Off, sections[i+1].Size = off, uint64(len(p))
		off += uint64(len(p))
	}
	h := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}, Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64),
		Version: 1, Entry: base, Shoff: off, Ehsize: 64, Shentsize: 64, Shnum: uint16(len(sections)), Shstrndx: 4,
	}
	file, err := binary.Append(nil, binary.LittleEndian, h)
	if err != nil {
		t.Fatal(err)
	}
	file = append(file, slices.Concat(parts...)...)
	if file, err = binary.Append(file, binary.LittleEndian, sections); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tour.elf")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
