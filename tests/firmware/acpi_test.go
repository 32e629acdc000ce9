package firmware

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var le = binary.LittleEndian

// memory is pieces of the guest's memory by address.
type memory map[uint32][]byte

// readMemory reads what inspect.asm sends.
func readMemory(t *testing.T, p []byte) memory {
	t.Helper()
	m := memory{}
	for len(p) >= 8 {
		addr, n := le.Uint32(p), le.Uint32(p[4:])
		if uint64(n) > uint64(len(p)-8) {
			t.Fatalf("the dump ends within the %d bytes at %#x", n, addr)
		}
		m[addr] = p[8 : 8+n]
		p = p[8+n:]
	}
	return m
}

// at returns n bytes at an address.
func (m memory) at(t *testing.T, addr uint64, n uint32) []byte {
	t.Helper()
	for base, p := range m {
		if addr >= uint64(base) && addr+uint64(n) <= uint64(base)+uint64(len(p)) {
			return p[addr-uint64(base):][:n]
		}
	}
	t.Fatalf("the firmware has not kept %d bytes at %#x", n, addr)
	return nil
}

func sum(p []byte) (s byte) {
	for _, b := range p {
		s += b
	}
	return s
}

// acpiTables finds the tables as an operating system does, checks lengths and sums, and returns them by signature.
func acpiTables(t *testing.T, m memory) map[string][]byte {
	t.Helper()
	tables := map[string][]byte{}
	table := func(addr uint64) {
		t.Helper()
		p := m.at(t, addr, 36)
		name := string(p[:4])
		p = m.at(t, addr, le.Uint32(p[4:]))
		if name != "FACS" && sum(p) != 0 {
			t.Errorf("%s at %#x: the sum is wrong", name, addr)
		}
		if old, twice := tables[name]; twice && &old[0] != &p[0] {
			t.Errorf("%s is there twice", name)
		}
		tables[name] = p
	}
	const segment, length = 0xf0000, 0x10000
	area := m.at(t, segment, length)
	for off := 0; off+36 <= len(area); off += 16 {
		r := area[off:]
		if string(r[:8]) != "RSD PTR " || sum(r[:20]) != 0 {
			continue
		}
		table(uint64(le.Uint32(r[16:])))
		for rest := tables["RSDT"][36:]; len(rest) > 0; rest = rest[4:] {
			table(uint64(le.Uint32(rest)))
		}
		if r[15] >= 2 {
			if sum(r[:36]) != 0 {
				t.Error("RSDP: the extended sum is wrong")
			}
			table(le.Uint64(r[24:]))
			for rest := tables["XSDT"][36:]; len(rest) > 0; rest = rest[8:] {
				table(le.Uint64(rest))
			}
		}
		f := tables["FACP"]
		if f == nil {
			t.Fatal("there is no FADT")
		}
		table(uint64(le.Uint32(f[36:])))
		table(uint64(le.Uint32(f[40:])))
		for _, off := range []int{132, 140} {
			if len(f) < off+8 {
				continue
			}
			if addr := le.Uint64(f[off:]); addr != 0 {
				table(addr)
			}
		}
		return tables
	}
	t.Fatal("there is no RSDP")
	return nil
}

// disassemble gives each table to ACPICA's disassembler.
func disassemble(t *testing.T, tables map[string][]byte) {
	t.Helper()
	dir := t.TempDir()
	for name, p := range tables {
		if err := os.WriteFile(filepath.Join(dir, name+".aml"), p, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("iasl", "-d", name+".aml")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("iasl -d %s: %v\n%s", name, err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, name+".dsl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"Invalid", "Incorrect checksum", "Unknown", "should be"} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s: the disassembler says %q", name, bad)
			}
		}
	}
}
