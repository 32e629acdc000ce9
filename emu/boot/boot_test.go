package boot

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"goemu/bios"

	"github.com/google/go-cmp/cmp"
)

// ram is guest memory from 0 on.
type ram []byte

func (r ram) ReadPhys(a uint64, p []byte) error {
	if a > uint64(len(r)) || uint64(len(p)) > uint64(len(r))-a {
		return fmt.Errorf("physical address %#x is not RAM", a)
	}
	copy(p, r[a:])
	return nil
}

func (r ram) WritePhys(a uint64, p []byte) error {
	if a > uint64(len(r)) || uint64(len(p)) > uint64(len(r))-a {
		return fmt.Errorf("physical address %#x is not RAM", a)
	}
	copy(r[a:], p)
	return nil
}

const ramSize = 8 << 20

// config is a machine of 8 MiB with two files on it.
func config(kernel []byte) (Config, ram) {
	m := make(ram, ramSize)
	files := map[string][]byte{"small": []byte("initrd!"), "big": make([]byte, ramSize), "mod,2": []byte("second")}
	return Config{
		Kernel: "k", KernelData: kernel, Memory: m, RAM: ramSize, RSDP: 0xe1234, E820: bios.E820(ramSize, 0),
		ReadFile: func(name string) ([]byte, error) {
			if p, ok := files[name]; ok {
				return p, nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
	}, m
}

func (r ram) str(a uint64) string { return string(r[a : a+uint64(bytes.IndexByte(r[a:], 0))]) }

// bzImage is a kernel of protocol 2.15 with one setup sector and 4 KiB of code.
func bzImage() []byte {
	k := make([]byte, 1024+4096)
	k[hdrSects] = 1
	le.PutUint32(k[hdrSysSize:], 4096/16)
	le.PutUint16(k[hdrBootFlag:], 0xaa55)
	k[hdrJump], k[hdrJump+1] = 0xeb, setupEnd-hdrMagic
	copy(k[hdrMagic:], "HdrS")
	le.PutUint16(k[hdrVersion:], 0x020f)
	k[hdrFlags] = loadedHigh
	le.PutUint32(k[hdrCode32:], 0x100000)
	le.PutUint32(k[hdrRamMax:], 0x7fffffff)
	le.PutUint16(k[hdrXLoad:], xlfKernel64)
	le.PutUint32(k[hdrCmdSize:], 2047)
	le.PutUint64(k[hdrPrefAddr:], 0x200000)
	le.PutUint32(k[hdrInitSize:], 0x100000)
	for i := 1024; i < len(k); i++ {
		k[i] = byte(i)
	}
	return k
}

func TestLinux(t *testing.T) {
	for _, c := range []struct {
		name    string
		entry32 bool
		change  func(k []byte)
		mode    Mode
		rip     uint64
	}{
		{"64-bit entry where offered", false, nil, Long64, 0x100200},
		{"32-bit entry when wanted", true, nil, Prot32, 0x100000},
		{"32-bit entry where there is no other", false, func(k []byte) { k[hdrXLoad] = 0 }, Prot32, 0x100000},
		{"before 2.12 there is no 64-bit entry", false, func(k []byte) { k[hdrVersion] = 0x0b }, Prot32, 0x100000},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := bzImage()
			if c.change != nil {
				c.change(k)
			}
			cfg, m := config(k)
			cfg.Initrd, cfg.Cmdline, cfg.Entry32, cfg.VGAText = "small", "console=ttyS0", c.entry32, true
			e, err := Load(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if e.Mode != c.mode || e.RIP != c.rip || e.Protocol != "linux" {
				t.Errorf("entry %v at %#x by %s", e.Mode, e.RIP, e.Protocol)
			}
			bp := m[e.GPR[rsi]:]
			if e.Segs[1].Selector != 0x10 || e.Segs[3].Selector != 0x18 {
				t.Errorf("selectors %+v", e.Segs)
			}
			if !bytes.Equal(m[0x100000:0x101000], k[1024:]) {
				t.Error("protected-mode code is not at 1 MiB")
			}
			at, size := uint64(le.Uint32(bp[hdrRamdisk:])), le.Uint32(bp[hdrRamSize:])
			if at != ramSize-0x1000 || size != 7 || string(m[at:at+7]) != "initrd!" {
				t.Errorf("initrd of %d bytes at %#x", size, at)
			}
			if s := m.str(uint64(le.Uint32(bp[hdrCmdline:]))); s != cfg.Cmdline {
				t.Errorf("command line %q", s)
			}
			if le.Uint64(bp[bpRSDP:]) != cfg.RSDP || bp[hdrLoader] != 0xff || bp[bpVideoVGA] != 1 {
				t.Error("boot_params: RSDP, loader type or screen_info wrong")
			}
			if n := int(bp[bpE820Count]); n != len(cfg.E820) || le.Uint64(bp[bpE820+20:]) != cfg.E820[1].Addr || le.Uint32(bp[bpE820+36:]) != cfg.E820[1].Type {
				t.Errorf("e820 map of %d entries is not that of the machine", n)
			}
		})
	}
}

// TestIdentityMap walks the page tables for addresses all over the first 4 GiB.
func TestIdentityMap(t *testing.T) {
	cfg, m := config(bzImage())
	e, err := Load(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for a := uint64(0); a < 1<<32; a += 1<<21 + 1<<12 + 5 {
		table := e.CR3
		for shift := 39; ; shift -= 9 {
			entry := le.Uint64(m[table+a>>shift&511*8:])
			if entry&3 != 3 {
				t.Fatalf("%#x: entry %#x of level %d is not present and writable", a, entry, shift)
			}
			if shift == 21 {
				if entry&0x80 == 0 || entry&^0x1fffff != a&^0x1fffff {
					t.Fatalf("%#x is mapped by %#x", a, entry)
				}
				break
			}
			table = entry &^ 0xfff
		}
	}
}

// TestGDT compares the descriptors in memory with the segment registers' hidden parts.
func TestGDT(t *testing.T) {
	for _, entry32 := range []bool{false, true} {
		cfg, m := config(bzImage())
		cfg.Entry32 = entry32
		e, err := Load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range e.Segs {
			if s.Selector > e.GDT.Limit {
				t.Fatalf("selector %#x is past the limit %#x", s.Selector, e.GDT.Limit)
			}
			d := le.Uint64(m[e.GDT.Base+uint64(s.Selector):])
			got := Segment{
				Selector: s.Selector,
				Base:     d>>16&0xffffff | d>>56<<24,
				Limit:    uint32(d&0xffff|d>>48&0xf<<16)<<12 | 0xfff,
				Attr:     uint16(d >> 40 & 0xf0ff),
			}
			if x := cmp.Diff(s, got); x != "" {
				t.Errorf("segment register %d: %s", i, x)
			}
		}
	}
}

// elf makes an ELF file with one loaded segment of code at 1 MiB and, if note is not nil, a note segment.
func elf(bits int, code, note []byte) []byte {
	ehdr, phdr, machine := 52, 32, uint16(em386)
	if bits == 64 {
		ehdr, phdr, machine = 64, 56, emX8664
	}
	data := ehdr + 2*phdr
	k := make([]byte, data, data+len(code)+len(note))
	copy(k, []byte{0x7f, 'E', 'L', 'F', byte(bits / 32), 1, 1})
	word := func(at int, v uint64) {
		if bits == 64 {
			le.PutUint64(k[at:], v)
		} else {
			le.PutUint32(k[at:], uint32(v))
		}
	}
	size := bits / 8
	le.PutUint16(k[18:], machine)
	word(24, 0xc0100010)
	word(24+size, uint64(ehdr))
	le.PutUint16(k[ehdr-10:], uint16(phdr))
	le.PutUint16(k[ehdr-8:], 2)
	segment := func(i int, kind uint32, fields ...uint64) {
		at := ehdr + i*phdr
		le.PutUint32(k[at:], kind)
		at += size // in 64 bits, the flags come before the offset
		for j, v := range fields {
			word(at+j*size, v)
		}
	}
	segment(0, ptLoad, uint64(data), 0xc0100000, 0x100000, uint64(len(code)), 0x2000)
	if note != nil {
		segment(1, ptNote, uint64(data+len(code)), 0, 0, uint64(len(note)), uint64(len(note)))
	}
	return append(append(k, code...), note...)
}

// pvhNote is a note of another kind and then Xen's.
func pvhNote(desc []byte) []byte {
	note := []byte{4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 9, 0, 0, 0}
	note = append(note, 4, 0, 0, 0, byte(len(desc)), 0, 0, 0, noteXenPhys32Entry, 0, 0, 0, 'X', 'e', 'n', 0)
	return append(note, desc...)
}

// mbHeader is a Multiboot header with these flags.
func mbHeader(flags uint32, more ...uint32) []byte {
	p := le.AppendUint32(nil, multibootMagic)
	p = le.AppendUint32(p, flags)
	p = le.AppendUint32(p, -(multibootMagic + flags))
	for _, v := range more {
		p = le.AppendUint32(p, v)
	}
	return append(p, make([]byte, 64)...)
}

func TestPVH(t *testing.T) {
	for _, k := range [][]byte{
		elf(64, make([]byte, 64), pvhNote([]byte{0x20, 0, 0x10, 0})),
		elf(64, make([]byte, 64), pvhNote([]byte{0x20, 0, 0x10, 0, 0, 0, 0, 0})),
		elf(32, make([]byte, 64), pvhNote([]byte{0x20, 0, 0x10, 0})),
		elf(64, mbHeader(0), pvhNote([]byte{0x20, 0, 0x10, 0})), // a Multiboot header in a 64-bit file is of no use
	} {
		cfg, m := config(k)
		cfg.Initrd, cfg.Cmdline = "small", "x=1"
		for i := range m {
			m[i] = 0xcc
		}
		e, err := Load(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if e.Protocol != "pvh" || e.Mode != Prot32 || e.RIP != 0x100020 || e.CR0 != cr0PE|cr0ET || e.Segs[1].Attr != attrCode32 {
			t.Errorf("entry %+v", e)
		}
		if m[0x101fff] != 0 {
			t.Error("memory behind the file's part of the segment is not zeroed")
		}
		info := m[e.GPR[rbx]:]
		if le.Uint32(info) != startInfoMagic || le.Uint32(info[4:]) != 1 || le.Uint32(info[12:]) != 1 {
			t.Errorf("hvm_start_info begins % x", info[:16])
		}
		mod := m[le.Uint64(info[16:]):]
		if a := le.Uint64(mod); string(m[a:a+le.Uint64(mod[8:])]) != "initrd!" {
			t.Errorf("module at %#x is not the initrd", a)
		}
		if s := m.str(le.Uint64(info[24:])); s != "x=1" || le.Uint64(info[32:]) != cfg.RSDP {
			t.Errorf("command line %q, RSDP %#x", s, le.Uint64(info[32:]))
		}
		var got []bios.E820Entry
		for p, n := m[le.Uint64(info[40:]):], le.Uint32(info[48:]); n > 0; p, n = p[24:], n-1 {
			got = append(got, bios.E820Entry{Addr: le.Uint64(p), Size: le.Uint64(p[8:]), Type: le.Uint32(p[16:])})
		}
		if d := cmp.Diff(cfg.E820, got); d != "" {
			t.Error(d)
		}
	}
}

func TestMultiboot(t *testing.T) {
	flat := append(make([]byte, 32), mbHeader(mbAddresses|mbMemInfo, 0x100020, 0x100000, 0, 0x103000, 0x100040)...)
	for name, c := range map[string]struct {
		k     []byte
		entry uint64
	}{
		"ELF, virtual entry address": {elf(32, mbHeader(mbPageAlign|mbMemInfo), nil), 0x100010},
		"a.out kludge":               {flat, 0x100040},
		"ELF with PVH note as well":  {elf(32, mbHeader(0), pvhNote([]byte{0x20, 0, 0x10, 0})), 0x100010},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, m := config(c.k)
			cfg.Initrd, cfg.Cmdline, cfg.VGAText = "small a=1,mod,,2 b,,c", "root=x", true
			e, err := Load(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if e.Protocol != "multiboot" || e.Mode != Prot32 || e.RIP != c.entry || e.GPR[rax] != multibootReturn {
				t.Errorf("entry %+v", e)
			}
			info := m[e.GPR[rbx]:]
			word := func(i int) uint64 { return uint64(le.Uint32(info[i:])) }
			if f := word(0); f != mbiMemory|mbiCmdline|mbiModules|mbiMap|mbiName|mbiFB {
				t.Errorf("flags %#x", f)
			}
			if word(4) != 639 || word(8) != 7<<10 {
				t.Errorf("memory %d and %d KiB", word(4), word(8))
			}
			if s := m.str(word(16)); s != "k root=x" {
				t.Errorf("command line %q", s)
			}
			if s := m.str(word(64)); s != LoaderName {
				t.Errorf("loader %q", s)
			}
			var mods []string
			for p, n := m[word(24):], word(20); n > 0; p, n = p[16:], n-1 {
				a, b := le.Uint32(p), le.Uint32(p[4:])
				if a&0xfff != 0 {
					t.Errorf("module at %#x is not on a page boundary", a)
				}
				mods = append(mods, m.str(uint64(le.Uint32(p[8:])))+": "+string(m[a:b]))
			}
			if d := cmp.Diff([]string{"small a=1: initrd!", "mod,2 b,c: second"}, mods); d != "" {
				t.Error(d)
			}
			var got []bios.E820Entry
			for p := m[word(48) : word(48)+word(44)]; len(p) > 0; p = p[4+le.Uint32(p):] {
				got = append(got, bios.E820Entry{Addr: le.Uint64(p[4:]), Size: le.Uint64(p[12:]), Type: le.Uint32(p[20:])})
			}
			if d := cmp.Diff(cfg.E820, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	linux := func(change func(k []byte)) []byte {
		k := bzImage()
		change(k)
		return k
	}
	ident := func(change func(k []byte)) []byte {
		k := elf(32, mbHeader(0), nil)
		change(k)
		return k
	}
	kludge := func(v ...uint32) []byte { return mbHeader(mbAddresses, v...) }
	initrd := func(name string) func(*Config) { return func(c *Config) { c.Initrd = name } }
	for _, c := range []struct {
		name string
		k    []byte
		set  func(*Config)
		want string
	}{
		{"empty file", []byte{}, nil, "k: offset 0x0: the file ends here: too short for a kernel"},
		{"something else", make([]byte, 9000), nil, "k: not a kernel"},
		{"little RAM", bzImage(), func(c *Config) { c.RAM = 1 << 20 }, "k: a kernel needs more RAM than 1048576 bytes"},
		{"no memory", bzImage(), func(c *Config) { c.Memory = nil }, "no guest memory"},

		{"header cut", bzImage()[:0x230], nil, "k: offset 0x230: the file ends within the Linux setup header"},
		{"boot flag", linux(func(k []byte) { k[hdrBootFlag] = 0 }), nil, "k: offset 0x1fe: boot flag is 0xaa00"},
		{"old protocol", linux(func(k []byte) { k[hdrVersion] = 1 }), nil, "k: offset 0x206: Linux boot protocol 2.01 is too old"},
		{"zImage", linux(func(k []byte) { k[hdrFlags] = 0 }), nil, "k: offset 0x211: a zImage"},
		{"short header", linux(func(k []byte) { k[hdrJump+1] = 0x20 }), nil, "k: offset 0x201: setup header ends at 0x222"},
		{"only setup", linux(func(k []byte) { k[hdrSects] = 9 }), nil, "k: offset 0x1f1: 9 setup sectors end at 0x1400, but the file is 5120 bytes long"},
		{"code cut", bzImage()[:2048], nil, "k: offset 0x800: the file ends here: protected-mode code of 4096 bytes was announced, 1024 are there"},
		{"low code", linux(func(k []byte) { k[hdrCode32+2] = 0 }), nil, "k: offset 0x214: code32_start is 0x0"},
		{"high kernel", linux(func(k []byte) { k[hdrPrefAddr+5] = 1 }), nil, "k: offset 0x258: preferred load address"},
		{"no 64-bit entry", linux(func(k []byte) { le.PutUint32(k[hdrSysSize:], 0) })[:1024+512], nil, "k: offset 0x236: a 64-bit entry"},
		{"kernel too big", linux(func(k []byte) { k[hdrInitSize+2] = 0x70 }), nil, "k: the kernel needs memory up to 0x900000 to unpack itself, RAM ends at 0x800000"},
		{"long command line", bzImage(), func(c *Config) { c.Cmdline = strings.Repeat("x", 3000) }, "k: command line is 3000 bytes long, at most 2047"},
		{"initrd too big", bzImage(), initrd("big"), "initrd big of 8388608 bytes is too big: the 8388608 bytes of RAM have room for 5242880 bytes"},
		{"no initrd", bzImage(), initrd("none"), "error reading initrd none: "},
		{"map too long", bzImage(), func(c *Config) { c.E820 = make([]bios.E820Entry, 129) }, "k: the memory map has 129 entries"},

		{"ELF header cut", elf(64, nil, nil)[:60], nil, "k: offset 0x3c: the file ends within the ELF header"},
		{"ELF class", ident(func(k []byte) { k[4] = 3 }), nil, "k: offset 0x4: ELF class is 3"},
		{"big-endian", ident(func(k []byte) { k[5] = 2 }), nil, "k: offset 0x5: ELF data encoding is 2"},
		{"other machine", ident(func(k []byte) { k[18] = 40 }), nil, "k: offset 0x12: ELF machine is 40, must be 3"},
		{"program header size", ident(func(k []byte) { k[42] = 8 }), nil, "k: offset 0x2a: ELF program headers are 8 bytes long"},
		{"program headers cut", ident(func(k []byte) { k[45] = 1 }), nil, "the file ends here: 258 ELF program headers"},
		{"segment cut", elf(32, mbHeader(0), nil)[:130], nil, "k: offset 0x82: the file ends here: ELF segment 0 has 76 bytes at 0x74"},
		{"segment's sizes", ident(func(k []byte) { k[52+21] = 0; k[52+20] = 1 }), nil, "k: offset 0x34: ELF segment 0 takes 1 bytes of memory, but has 76"},
		{"nothing to load", ident(func(k []byte) { k[52] = 7 }), nil, "k: an ELF file with nothing to load"},
		{"segment outside RAM", ident(func(k []byte) { k[52+15] = 0x40 }), nil, "k: offset 0x34: 0x2000 bytes at physical address 0x40100000 lie outside the RAM"},
		{"segment on our memory", ident(func(k []byte) { k[52+14] = 0 }), nil, "k: offset 0x34: 0x2000 bytes at physical address 0x0 overlap"},
		{"plain program", elf(64, make([]byte, 64), nil), nil, "k: an ELF file with neither a PVH note nor a Multiboot header"},
		{"PVH entry elsewhere", elf(64, make([]byte, 64), pvhNote([]byte{0, 0, 0x50, 0})), nil, "k: the PVH note's entry point 0x500000 is in none of the segments"},
		{"PVH entry too high", elf(64, make([]byte, 64), pvhNote([]byte{0, 0, 0x50, 0, 1, 0, 0, 0})), nil, "is above 4 GiB"},
		{"PVH initrd too big", elf(64, make([]byte, 64), pvhNote([]byte{0, 0, 0x10, 0})), initrd("big"), "initrd big of 8388608 bytes is too big"},

		{"Multiboot in 64-bit ELF", elf(64, mbHeader(0), nil), nil, "k: offset 0x4: a 64-bit ELF file: Multiboot 1 loads 32-bit ELF only"},
		{"Multiboot demands", elf(32, mbHeader(8), nil), nil, "demands features 0x8"},
		{"Multiboot without ELF", mbHeader(0), nil, "k: offset 0x4: the Multiboot header has no load addresses"},
		{"Multiboot entry", ident(func(k []byte) { k[27] = 0 }), nil, "k: offset 0x18: the entry point 0x100010 is in none"},
		{"kludge cut", mbHeader(mbAddresses)[:20], nil, "the file ends within the Multiboot header's addresses"},
		{"kludge load address", kludge(0x100000, 0x200000, 0, 0, 0), nil, "k: offset 0x10: load address 0x200000 does not fit"},
		{"kludge load end", kludge(0x100000, 0x100000, 0x200000, 0, 0), nil, "k: offset 0x14: load addresses 0x100000-0x200000 take more than the 96 bytes"},
		{"kludge bss", kludge(0x100000, 0x100000, 0, 0x100001, 0), nil, "k: offset 0x18: bss ends at 0x100001, before"},
		{"kludge entry", kludge(0x100000, 0x100000, 0, 0, 0x100200), nil, "k: offset 0x1c: the entry point 0x100200 is outside"},
		{"module too big", elf(32, mbHeader(0), nil), initrd("small,big"), "module big of 8388608 bytes is too big: the 8388608 bytes of RAM have room for 7327744 bytes above 0x103000"},
		{"no module", elf(32, mbHeader(0), nil), initrd("none x"), "error reading initrd none: "},
		{"unnamed module", elf(32, mbHeader(0), nil), initrd("small, x"), "module 2 has no file name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, _ := config(c.k)
			if c.set != nil {
				c.set(&cfg)
			}
			_, err := Load(cfg)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error\n%s\nlacks\n%s", err, c.want)
			}
		})
	}
	cfg, _ := config(nil)
	cfg.Kernel = "none"
	if _, err := Load(cfg); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing kernel: %v", err)
	}
}

// fuzz loads files that the fuzzer changes; whatever they hold, there must be an entry in RAM or an error.
func fuzz(f *testing.F, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s)
	}
	m := make(ram, ramSize)
	f.Fuzz(func(t *testing.T, k []byte) {
		cfg := Config{Kernel: "k", KernelData: k, Initrd: "m x", Memory: m, RAM: ramSize, E820: bios.E820(ramSize, 0)}
		cfg.ReadFile = func(string) ([]byte, error) { return []byte("initrd"), nil }
		if e, err := Load(cfg); err == nil && e.RIP >= ramSize {
			t.Errorf("entry point %#x is not in RAM", e.RIP)
		}
	})
}

func FuzzLinux(f *testing.F) { fuzz(f, bzImage(), bzImage()[:0x300]) }

func FuzzMultiboot(f *testing.F) {
	fuzz(f, elf(32, mbHeader(0), nil), mbHeader(mbAddresses, 0x100000, 0x100000, 0, 0x103000, 0x100020))
}

func FuzzELF(f *testing.F) {
	fuzz(f, elf(64, make([]byte, 64), pvhNote([]byte{0x20, 0, 0x10, 0})), elf(32, make([]byte, 64), pvhNote([]byte{0x20, 0, 0x10, 0})))
}
