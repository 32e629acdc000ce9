package bios

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// link carries out the commands as firmware does, with files at the addresses that alloc gives for a size, an alignment and a zone, and
// returns their contents by name.
func (x *Loader) link(alloc func(size, align uint32, zone byte) uint64) (map[string]Table, error) {
	source := map[string][]byte{FileTables: x.Tables, FileRSDP: x.RSDP}
	files := map[string]Table{}
	name := func(p []byte) string { return string(p[:clen(p[:loaderFile])]) }
	for s := x.Script; len(s) >= loaderEntry; s = s[loaderEntry:] {
		e := s[4:loaderEntry]
		file := name(e)
		if cmd := le.Uint32(s); cmd == cmdAllocate {
			data := append([]byte(nil), source[file]...)
			files[file] = Table{file, alloc(uint32(len(data)), le.Uint32(e[loaderFile:]), e[loaderFile+4]), data}
			continue
		} else if files[file].Data == nil {
			return nil, fmt.Errorf("command %d for %q, which was not allocated", cmd, file)
		}
		p, e := files[file].Data, e[loaderFile:]
		switch cmd := le.Uint32(s); cmd {
		case cmdAddPointer:
			at := p[le.Uint32(e[loaderFile:]):][:e[loaderFile+4]]
			var v [8]byte
			copy(v[:], at)
			le.PutUint64(v[:], le.Uint64(v[:])+files[name(e)].Addr)
			copy(at, v[:])
		case cmdAddChecksum:
			var sum byte
			for _, b := range p[le.Uint32(e[4:]):][:le.Uint32(e[8:])] {
				sum += b
			}
			p[le.Uint32(e)] -= sum
		default:
			return nil, fmt.Errorf("unknown command %d", cmd)
		}
	}
	return files, nil
}

func clen(p []byte) int {
	for i, b := range p {
		if b == 0 {
			return i
		}
	}
	return len(p)
}

// TestLoader links the tables at the place where Build puts them: they must be the same.
func TestLoader(t *testing.T) {
	for _, c := range []Config{machine, express, {CPUs: 1, LowRAM: 16 << 20, PMBase: 0xb000}, {CPUs: 254, LowRAM: 1 << 30}} {
		want := build(t, c)
		zones := map[byte]uint64{zoneHigh: Area, zoneFSeg: want.RSDP}
		files, err := NewLoader(c).link(func(_, align uint32, zone byte) uint64 {
			a := zones[zone]
			if a == 0 || a%uint64(align) != 0 {
				t.Errorf("zone %d, alignment %d", zone, align)
			}
			return a
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range want.All {
			got := files[FileTables].Data
			switch x.Name {
			case "MP", "MP table", "SMBIOS", "SMBIOS table", "SMBIOS3", "$PIR":
				continue
			case "RSDP":
				got = files[FileRSDP].Data
			default:
				got = got[x.Addr-Area:][:len(x.Data)]
			}
			if d := cmp.Diff(x.Data, got); d != "" {
				t.Errorf("%d CPUs, %s: %s", c.CPUs, x.Name, d)
			}
		}
	}
}

// TestSMBIOSFiles checks what firmware checks before it takes the structures over.
func TestSMBIOSFiles(t *testing.T) {
	tables, anchor := SMBIOSFiles(machine)
	full, count, _ := smbiosTable(machine)
	if len(anchor) != 31 || !bytes.HasPrefix(anchor, []byte("_SM_")) || sum(anchor) != 0 || sum(anchor[16:]) != 0 {
		t.Errorf("entry point % x", anchor)
	}
	if int(le.Uint16(anchor[22:])) != len(tables) || int(le.Uint16(anchor[28:])) != count-1 {
		t.Errorf("entry point says %d structures in %d bytes", le.Uint16(anchor[28:]), le.Uint16(anchor[22:]))
	}
	if tables[0] != 1 || !bytes.HasSuffix(full, tables) {
		t.Errorf("the first structure is of type %d", tables[0])
	}
}

func TestE820File(t *testing.T) {
	want := "00000000000000000000008000000000010000000000000001000000000040000000000001000000"
	if got := fmt.Sprintf("%x", E820File(0x80000000, 0x400000)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := len(E820File(1<<20, 0)); got != 20 {
		t.Errorf("%d bytes without high RAM", got)
	}
}
