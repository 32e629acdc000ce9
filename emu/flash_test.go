package emu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goemu/devices/pflash"
)

func TestFlashOptions(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"code": 8 << 10, "vars": 4 << 10, "odd": 5000, "big": 12 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(name[:1], size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const code, vars = "if=pflash,file=@/code,readonly=on", "if=pflash,file=@/vars"
	for _, c := range []struct {
		name   string
		drives []string
		named  [2]string
		bios   string
		err    string // "": chips 0 and 1 are code and vars
	}{
		{name: "in turn", drives: []string{code, vars}},
		{name: "by unit", drives: []string{vars + ",unit=1", code + ",unit=0"}},
		{name: "by index", drives: []string{vars + ",index=1", code}},
		{name: "by name", drives: []string{"if=none,id=c,file=@/code,readonly=on", "if=none,id=v,file=@/vars"}, named: [2]string{"c", "v"}},
		{name: "three", drives: []string{code, vars, vars}, err: "unit=1: there is such"},
		{name: "twice", drives: []string{code, vars + ",unit=0"}, err: "unit=0: there is such"},
		{name: "unit 2", drives: []string{code + ",unit=2"}, err: "chips 0 and 1"},
		{name: "no first", drives: []string{vars + ",unit=1"}, err: "needs unit=0"},
		{name: "odd", drives: []string{"if=pflash,file=@/odd"}, err: "5120 bytes"},
		{name: "big", drives: []string{"if=pflash,readonly=on,file=@/big", "if=pflash,readonly=on,file=@/big"}, err: "at most 16 MiB"},
		{name: "CD", drives: []string{code + ",media=cdrom"}, err: "no CD"},
		{name: "no file", drives: []string{"if=pflash"}, err: "file= is missing"},
		{name: "not there", drives: []string{"if=pflash,file=@/none"}, err: "@/none"},
		{name: "unknown", named: [2]string{"z"}, err: "pflash0=z"},
		{name: "with -bios", drives: []string{code}, bios: "x", err: "-bios and"},
	} {
		cfg := Config{NoDefaults: true, Serial: []string{"none"}, Pflash: c.named, Firmware: c.bios}
		for _, d := range c.drives {
			cfg.Drives = append(cfg.Drives, strings.ReplaceAll(d, "@", dir))
		}
		m, err := New(cfg)
		if c.err != "" {
			if want := strings.ReplaceAll(c.err, "@", dir); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want an error with %q", c.name, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for addr, want := range map[uint64]uint64{0xffffffff: 'c', 0xfffff: 'c', 0xffffe000: 'c', 0xffffdfff: 'v', 0xffffd000: 'v', 0xffffcfff: 0xff} {
			if got := m.space.Read(addr, 1) & 0xff; got != want {
				t.Errorf("%s: %#x reads %#x, want %#x", c.name, addr, got, want)
			}
		}
		for _, base := range []uint64{0xffffd000, 0xfffff000} { // erase a block of each, that of the read-only chip in vain
			m.space.Write(base, 1, 0x20)
			m.space.Write(base, 1, 0xd0)
		}
		if err := m.close(); err != nil {
			t.Error(err)
		}
		for name, want := range map[string]byte{"code": 'c', "vars": 0xff} {
			p, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || p[0] != want || p[pflash.BlockSize-1] != want {
				t.Errorf("%s: %s begins with %#x, want %#x (%v)", c.name, name, p[0], want, err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "vars"), []byte(strings.Repeat("v", 4<<10)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
