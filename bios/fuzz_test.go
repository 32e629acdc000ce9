package bios

import (
	"encoding/binary"
	"slices"
	"testing"

	"goemu/devices/block"
	"goemu/devices/devtest"
)

// FuzzServices calls services with any registers and any memory, in any order, and lets them wait or not: nothing crashes or hangs,
// and drives are asked only for what they have.
func FuzzServices(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04\x05\x06\x07\x08"))
	f.Add(make([]byte, 300))
	var names []string
	for name := range services {
		names = append(names, name)
	}
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBench(t)
		take := func() uint32 {
			var p [4]byte
			n := copy(p[:], in)
			in = in[n:]
			return binary.LittleEndian.Uint32(p[:])
		}
		b.ports.next = func(port uint16) (uint32, bool) {
			if len(in) < 3 || in[0]&3 != 0 {
				return 0, false
			}
			v := uint32(in[1])
			in = in[2:]
			return v, true
		}
		for step := 0; len(in) > 0 && step < 50; step++ {
			how := take()
			name := names[how%uint32(len(names))]
			if name == "post" && how>>8&7 != 0 {
				name = "int13"
			}
			if how>>11&1 != 0 {
				b.state = State{EFLAGS: take(), CR0: take() & 1}
				for i := range b.state.GPR {
					b.state.GPR[i] = take()
				}
				for i := range b.state.Seg {
					v := take()
					b.state.Seg[i] = Segment{uint16(v), v & 0xfffff, take(), take() & 0xf0ff}
				}
			} else {
				b.state.GPR[AX], b.state.GPR[DX] = take(), take()&0xff0080
				b.state.GPR[BX], b.state.GPR[CX] = take()&0xffff, take()&0xffff
			}
			if how>>12&1 != 0 { // nonsense in the data areas
				at := 0x400 + take()%0x100
				var p [16]byte
				n := copy(p[:], in)
				in = in[n:]
				_ = b.mem.WritePhys(uint64(at), p[:])
			}
			if name == "int10" {
				b.state.GPR[CX] &= 0xff // long strings scroll for long
			}
			b.at(name)
			if how>>13&1 != 0 {
				b.state.EIP += waitRetried - sizeOfOut // a retry of a call that may never have been
			}
			b.f.Trap(b)
			if d := b.drives[how>>14&3%3]; how>>16&1 != 0 {
				d.absent, d.fails = how>>17&1 != 0, how>>18&1 != 0
				d.finish(t)
			}
			b.clock.Advance(int64(how>>20) * 1000)
		}
		for _, d := range b.drives {
			d.finish(t)
		}
	})
}

// FuzzCD boots CDs with anything in the sectors that tell how.
func FuzzCD(f *testing.F) {
	f.Add(make([]byte, 64), make([]byte, 64))
	f.Fuzz(func(t *testing.T, record, catalogue []byte) {
		b := newBench(t)
		cd := b.drives[2].data
		rec := cd[bootRec*cdSector:]
		copy(rec, "\x00CD001\x01EL TORITO SPECIFICATION")
		copy(rec[0x47:0x4b], record)
		rec[0x47] |= 18
		at := int(le.Uint32(rec[0x47:])) * cdSector
		if at+cdSector <= len(cd) && at > bootRec*cdSector {
			copy(cd[at:], "\x01\x00")
			copy(cd[at+32:at+cdSector], catalogue)
			cd[at+30], cd[at+31], cd[at+32] = 0x55, 0xaa, 0x88
			le.PutUint16(cd[at+28:], 0x55aa-1) // the sum is 0
		}
		b.drives[0].absent, b.drives[1].absent = true, true
		b.boot()
		b.useDisks()
	})
}

// boot does INT 19h until something runs or nothing can.
func (b *bench) boot() {
	b.t.Helper()
	b.at("int19")
	for range 2000 {
		b.f.Trap(b)
		for _, d := range b.drives {
			d.finish(b.t)
		}
		if b.state.Seg[CS].Selector != romSeg || b.f.boot.failed {
			return
		}
		b.state.EIP = uint32(b.f.rom.offset("int19")) + waitRetried
	}
	b.t.Fatal("booting does not end")
}

// useDisks asks each drive for what it is, and reads the last sector that it says it has.
func (b *bench) useDisks() {
	for _, dl := range []uint32{0, firstDisk, firstDisk + 1, firstCD} {
		for _, fn := range []uint32{0x08, 0x15, 0x41, 0x48, 0x4b} {
			b.call("int13", func(c *Call) {
				c.GPR[AX], c.GPR[BX], c.GPR[DX], c.GPR[SI] = fn<<8|1, 0x55aa, dl, 0x9000
				c.SetWord(0x9000, 30)
			})
		}
		last := b.call("int13", func(c *Call) { c.GPR[AX], c.GPR[DX] = 0x0800, dl })
		if last.R8(AH) != 0 {
			continue
		}
		b.call("int13", func(c *Call) {
			c.GPR[AX], c.GPR[BX], c.GPR[CX], c.GPR[DX] = 0x0201, 0x9000, last.GPR[CX], last.GPR[DX]&0xff00|dl
		})
	}
}

// FuzzDisk boots a diskette or a hard disk of any size, with sectors of any size and anything in the first of them: the master boot record with its
// partitions, or a file system's parameters.
func FuzzDisk(f *testing.F) {
	mbr := make([]byte, 512)
	copy(mbr[0x1be:], []byte{0x80, 1, 1, 0, 6, 15, 0x3f, 9, 63, 0, 0, 0, 0, 8})
	copy(mbr[510:], "\x55\xaa")
	f.Add(mbr, uint32(640<<10), uint8(0))
	f.Add(mbr, uint32(1440<<10), uint8(1))
	f.Add(mbr, uint32(0), uint8(2))
	f.Add(mbr, uint32(4097), uint8(6))
	f.Fuzz(func(t *testing.T, first []byte, size uint32, how uint8) {
		b := newBench(t)
		d := b.drives[1]
		if how&1 != 0 {
			d = b.drives[0]
		}
		if d.info.Kind == block.Disk {
			d.sector = 512 << (how >> 1 & 3)
		}
		d.data = make([]byte, size%(4<<20))
		copy(d.data, first)
		for _, x := range b.drives {
			x.absent = x != d && how&0x10 == 0
		}
		b.at("post") // the firmware looks at the drives again
		b.f.Trap(b)
		b.boot()
		b.useDisks()
	})
}

// FuzzROM has option ROMs with anything in them, in ROM BARs and by themselves, which do anything to their image when they are initialised.
func FuzzROM(f *testing.F) {
	rom := make([]byte, 1024)
	copy(rom, "\x55\xaa\x02\xcb")
	copy(rom[romPCIR:], "\x40\x00\x60\x00")
	copy(rom[0x40:], "PCIR\x34\x12\x78\x56\x00\x00\x18\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x80")
	copy(rom[0x60:], "$PnP\x01\x02")
	rom[0x60+expBEV] = 3
	f.Add(rom, []byte{})
	f.Add(rom, []byte{2, 0, 0, 4, 0x1a, 0, 0, 0x60, 0x76, 0, 0, 3})
	const bar = 1 << 20
	f.Fuzz(func(t *testing.T, rom, changes []byte) {
		b := newBench(t)
		copy(b.mem[bar:], rom)
		b.ports.values[0xcfc] = 0x56781234
		b.f.roms = romState{found: true, next: romFirst}
		images := [][]byte{b.f.pciROM(0x18, bar), slices.Clone(rom)}
		for _, p := range images {
			if len(p) < romSector { // as findROMs has it
				continue
			}
			p[2] = min(p[2], uint8(len(p)/romSector))
			p[len(p)-1] = 0
			if n := int(p[2]) * romSector; n > 0 {
				p[n-1] -= sum8(p[:n])
			}
			b.f.roms.images = append(b.f.roms.images, romImage{data: p, pci: true, index: -1})
		}
		edits := devtest.NewBytes(changes)
		b.state.GPR[SP] = 0x8000
		for n := 0; ; n++ {
			if n > 100 {
				t.Fatal("the initialisation of option ROMs does not end")
			}
			c := &Call{State: b.state, cpu: b, fw: b.f}
			if !b.f.nextROM(c) {
				break
			}
			for edits.Len() > 0 && edits.Byte()&1 == 0 {
				c.SetByte(b.f.roms.base+uint32(edits.Byte())|uint32(edits.Byte())<<8, edits.Byte())
			}
		}
		for _, d := range b.drives {
			d.absent = true
		}
		b.boot()
	})
}
