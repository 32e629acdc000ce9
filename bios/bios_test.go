package bios

import (
	"bytes"
	"goemu/tests/need"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var machine = Config{CPUs: 2, LowRAM: 3 << 30, HighRAM: 2 << 30, HPET: true, FwCfg: true, FDC: true, LPT: true, Pvpanic: 0x505}

// express is a machine whose firmware has put configuration space and BARs where they can be.
var express = Config{Board: Q35, CPUs: 3, LowRAM: 2 << 30, HighRAM: 1 << 30, FwCfg: true, NoVGA: true,
	MMConfig: Window{0xe000_0000, 0xf000_0000}, PCIHigh: Window{8 << 30, 9 << 30}}

func build(t *testing.T, c Config) *Tables {
	t.Helper()
	x, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func sum(p []byte) (s byte) {
	for _, b := range p {
		s += b
	}
	return s
}

// TestWalk finds every table as an operating system does: by scanning for the anchors and
// following pointers, and checks all lengths and checksums on the way.
func TestWalk(t *testing.T) {
	t.Run("pc", func(t *testing.T) { walk(t, machine, "FACP", "APIC", "HPET", "WAET") })
	t.Run("q35", func(t *testing.T) { walk(t, express, "FACP", "APIC", "WAET", "MCFG") })
}

func walk(t *testing.T, c Config, names ...string) {
	x := build(t, c)
	mem := make([]byte, AreaEnd-Area)
	for _, b := range x.All {
		copy(mem[b.Addr-Area:], b.Data)
	}
	scan := func(anchor string, from int, want uint64) []byte {
		t.Helper()
		for i := from - Area; i < len(mem); i += 16 {
			if bytes.HasPrefix(mem[i:], []byte(anchor)) {
				if uint64(i+Area) != want {
					t.Errorf("%q found at %#x, told to be at %#x", anchor, i+Area, want)
				}
				return mem[i:]
			}
		}
		t.Fatalf("%q not found", anchor)
		return nil
	}
	table := func(addr uint64, signature string) []byte {
		t.Helper()
		p := mem[addr-Area:]
		if string(p[:4]) != signature {
			t.Fatalf("at %#x: %q, want %q", addr, p[:4], signature)
		}
		p = p[:le.Uint32(p[4:])]
		if signature != "FACS" && sum(p) != 0 {
			t.Errorf("%s: checksum wrong", signature)
		}
		return p
	}

	rsdp := scan("RSD PTR ", Area, x.RSDP)
	if sum(rsdp[:20]) != 0 || sum(rsdp[:36]) != 0 {
		t.Error("RSDP: checksums wrong")
	}
	rsdt, xsdt := table(uint64(le.Uint32(rsdp[16:])), "RSDT"), table(le.Uint64(rsdp[24:]), "XSDT")
	if n := (len(rsdt) - 36) / 4; n != len(names) {
		t.Errorf("%d tables, want %q", n, names)
	}
	for i, name := range names {
		a := uint64(le.Uint32(rsdt[36+4*i:]))
		table(a, name)
		if b := le.Uint64(xsdt[36+8*i:]); a != b {
			t.Errorf("%s: RSDT says %#x, XSDT %#x", name, a, b)
		}
		if name == "FACP" {
			f := table(a, name)
			table(uint64(le.Uint32(f[36:])), "FACS")
			table(uint64(le.Uint32(f[40:])), "DSDT")
		}
	}

	mp := scan("_MP_", 0xf0000, x.MP)
	if sum(mp[:16]) != 0 {
		t.Error("MP floating pointer: checksum wrong")
	}
	pcmp := mem[le.Uint32(mp[4:])-Area:]
	pcmp = pcmp[:le.Uint16(pcmp[4:])]
	if sum(pcmp) != 0 {
		t.Error("MP table: checksum wrong")
	}
	entries, rest := 0, pcmp[44:]
	for ; len(rest) > 0; entries++ {
		size := 8
		if rest[0] == 0 {
			size = 20
		}
		rest = rest[size:]
	}
	if n := int(le.Uint16(pcmp[34:])); n != entries {
		t.Errorf("MP table: says %d entries, has %d", n, entries)
	}

	sm := scan("_SM_", 0xf0000, x.SMBIOS)
	if sum(sm[:31]) != 0 || sum(sm[16:31]) != 0 {
		t.Error("SMBIOS entry point: checksums wrong")
	}
	s := mem[le.Uint32(sm[24:])-Area:][:le.Uint16(sm[22:])]
	var kinds []byte
	for len(s) > 0 {
		kinds = append(kinds, s[0])
		end := bytes.Index(s[s[1]:], []byte{0, 0})
		s = s[int(s[1])+end+2:]
	}
	want := []byte{0, 1, 3}
	for range c.CPUs {
		want = append(want, 4)
	}
	if want = append(want, 16, 17, 19, 19, 32, 127); !bytes.Equal(kinds, want) {
		t.Errorf("SMBIOS types %d, want %d", kinds, want)
	}
	sm3 := scan("_SM3_", 0xf0000, find(t, x, "SMBIOS3").Addr)
	if sum(sm3[:24]) != 0 || le.Uint64(sm3[16:]) != uint64(le.Uint32(sm[24:])) || le.Uint32(sm3[12:]) != uint32(le.Uint16(sm[22:])) {
		t.Error("SMBIOS 3.0 entry point: checksum wrong, or it points elsewhere")
	}
	pir := scan("$PIR", 0xf0000, find(t, x, "$PIR").Addr)
	if sum(pir[:le.Uint16(pir[6:])]) != 0 {
		t.Error("$PIR: checksum wrong")
	}
	if n := le.Uint16(sm[28:]); int(n) != len(kinds) {
		t.Errorf("SMBIOS entry says %d structures", n)
	}
}

func find(t *testing.T, x *Tables, name string) Table {
	t.Helper()
	table, ok := x.Find(name)
	if !ok {
		t.Fatalf("there is no table %s", name)
	}
	return table
}

// TestRouting compares what $PIR and MP table say of a slot's pins with QEMU's boards: on i440FX INTA of slot 3 is PIRQC; on q35 INTB of slot 2
// is PIRQH, pin 23 of the I/O APIC, and INTA of slot 31 PIRQA.
func TestRouting(t *testing.T) {
	for _, c := range []struct {
		name      string
		config    Config
		slot, pin int
		link, dst byte
	}{
		{"pc", machine, 3, 0, 0x62, 11},
		{"pc", machine, 1, 3, 0x63, 11},
		{"q35", express, 2, 1, 0x6b, 23},
		{"q35", express, 31, 0, 0x60, 16},
		{"q35", express, 24, 0, 0x68, 20},
	} {
		x := build(t, c.config)
		p := find(t, x, "$PIR").Data[32+16*(c.slot-1):]
		if p[1] != byte(c.slot<<3) || p[2+3*c.pin] != c.link || le.Uint16(p[3+3*c.pin:]) != 1<<5|1<<10|1<<11 {
			t.Errorf("%s: slot %d in $PIR: % x", c.name, c.slot, p[:16])
		}
		var dst []byte
		for p = find(t, x, "MP table").Data[44:]; len(p) > 0; {
			n := 8
			if p[0] == 0 {
				n = 20
			}
			if p[0] == 3 && p[4] == 0 && p[5] == byte(c.slot<<2|c.pin) {
				dst = append(dst, p[7])
			}
			p = p[n:]
		}
		if !bytes.Equal(dst, []byte{c.dst}) {
			t.Errorf("%s: slot %d pin %d in the MP table: %d, want %d", c.name, c.slot, c.pin, dst, c.dst)
		}
	}
}

// TestSMBIOSLengths holds the length that DSP0134 gives each type in version 2.8.
func TestSMBIOSLengths(t *testing.T) {
	table, _, _ := smbiosTable(machine)
	want := map[byte]byte{0: 24, 1: 27, 3: 22, 4: 42, 16: 23, 17: 40, 19: 31, 32: 11, 127: 4}
	for s := table; len(s) > 0; {
		if s[1] != want[s[0]] {
			t.Errorf("type %d has %d bytes, want %d", s[0], s[1], want[s[0]])
		}
		s = s[int(s[1])+bytes.Index(s[s[1]:], []byte{0, 0})+2:]
	}
}

func TestLimits(t *testing.T) {
	for _, n := range []int{0, 256} {
		if _, err := Build(Config{CPUs: n}); err == nil {
			t.Errorf("%d processors accepted", n)
		}
	}
	build(t, Config{CPUs: 255, LowRAM: 1 << 30})
}

func TestE820(t *testing.T) {
	want := []E820Entry{
		{0, 0x9fc00, E820RAM},
		{0x9fc00, 0x400, E820Reserved},
		{0xe0000, 0x20000, E820Reserved},
		{0x100000, 0x7f00000, E820RAM},
		{0xfec00000, 0x1000, E820Reserved},
		{0xfee00000, 0x1000, E820Reserved},
		{0xfffc0000, 0x40000, E820Reserved},
		{0x100000000, 1 << 30, E820RAM},
	}
	if d := cmp.Diff(want, E820(128<<20, 1<<30)); d != "" {
		t.Error(d)
	}
	for _, c := range []Config{{LowRAM: 1 << 20}, {LowRAM: 64 << 10}, machine, express, {LowRAM: 1 << 20, MMConfig: Q35.MMConfig}} {
		end := uint64(0)
		for _, e := range c.E820() {
			if e.Addr < end || e.Size == 0 {
				t.Errorf("%d bytes: entry %+v overlaps or is empty", c.LowRAM, e)
			}
			end = e.Addr + e.Size
		}
	}
}

// TestDisassembles gives every ACPI table to ACPICA's disassembler, and what it makes of the DSDT back to its compiler.
func TestDisassembles(t *testing.T) {
	iasl := need.Program(t, "iasl", "acpica-tools")
	for _, c := range []Config{machine, express, {CPUs: 1, LowRAM: 16 << 20}, {CPUs: 2, Board: Q35, LowRAM: 16 << 20}, {CPUs: 8, LowRAM: 1 << 30}, {CPUs: 254, LowRAM: 1 << 30}} {
		dir := t.TempDir()
		run := func(args ...string) string {
			t.Helper()
			cmd := exec.Command(iasl, args...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("iasl %v: %v\n%s", args, err, out)
			}
			return string(out)
		}
		for _, x := range build(t, c).All {
			switch x.Name {
			case "RSDP", "MP", "MP table", "SMBIOS", "SMBIOS table", "SMBIOS3", "$PIR":
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, x.Name+".aml"), x.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			run("-d", x.Name+".aml")
			text, err := os.ReadFile(filepath.Join(dir, x.Name+".dsl"))
			if err != nil {
				t.Fatal(err)
			}
			for _, bad := range []string{"Invalid", "Incorrect checksum", "Unknown", "should be"} {
				if strings.Contains(string(text), bad) {
					t.Errorf("%s: iasl says %q:\n%s", x.Name, bad, text)
				}
			}
		}
		out := run("-oa", "-p", "again", "DSDT.dsl")
		if !strings.Contains(out, "0 Errors, 0 Warnings") {
			t.Errorf("DSDT: %s", out)
		}
	}
}

// TestProcessors counts the processors in the MADT, the MP table and the DSDT: each has its APIC id, and one is the bootstrap processor.
func TestProcessors(t *testing.T) {
	for _, n := range []int{1, 2, 4, 8, 15, 16, 254} {
		x := build(t, Config{CPUs: n, LowRAM: 1 << 30})
		madt, _ := x.Find("APIC")
		var ids []byte
		ioapic := -1
		for p := madt.Data[44:]; len(p) > 0; p = p[p[1]:] {
			switch {
			case p[0] == 0 && p[4]&1 != 0 && p[2] == p[3]:
				ids = append(ids, p[3])
			case p[0] == 1:
				ioapic = int(p[2])
			}
		}
		mp, _ := x.Find("MP table")
		var mpIDs []byte
		bsp := 0
		for p := mp.Data[44:]; len(p) > 0 && p[0] == 0; p = p[20:] {
			if p[3]&1 != 0 {
				mpIDs = append(mpIDs, p[1])
			}
			if p[3]&2 != 0 {
				bsp++
			}
		}
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(i)
		}
		if !bytes.Equal(ids, want) || !bytes.Equal(mpIDs, want) || bsp != 1 {
			t.Errorf("%d processors: MADT has %d, MP table %d with %d bootstrap processors", n, ids, mpIDs, bsp)
		}
		if ioapic < 0 || ioapic > 15 || n < 16 && ioapic < n {
			t.Errorf("%d processors: the I/O APIC has id %d", n, ioapic)
		}
		dsdt, _ := x.Find("DSDT")
		if got := bytes.Count(dsdt.Data, []byte("ACPI0007")); got != n {
			t.Errorf("%d processors: DSDT has %d", n, got)
		}
	}
}
