package board

import "testing"

// ahciDriver drives one port of the AHCI controller at ABAR.
type ahciDriver struct {
	oracle
	note func(string, ...any)
	port uint64
}

const (
	abarAt    = 0xe0000000
	ahciList  = 0x10000
	ahciFrame = 0x11000
	ahciTable = 0x12000
)

func (d *ahciDriver) r(reg uint64) uint32    { return d.read4(abarAt + 0x100 + d.port*0x80 + reg) }
func (d *ahciDriver) w(reg uint64, v uint32) { d.write4(abarAt+0x100+d.port*0x80+reg, v) }

// start prepares the port as a driver does.
func (d *ahciDriver) start() {
	d.w(0x00, ahciList)
	d.w(0x08, ahciFrame)
	d.w(0x18, 0x16)
	d.w(0x30, ^uint32(0))
	d.w(0x10, ^uint32(0))
	d.w(0x14, 0)
	d.w(0x18, 0x17)
	// The status of the first frame is one of QEMU's own.
	d.note("port %d: CMD %x, SSTS %x, SIG %x", d.port, d.r(0x18)&0xc011, d.r(0x28)&0xf, d.r(0x24))
}

// run runs a command: its frame, its packet if it has one, and the size of its data.
func (d *ahciDriver) run(what string, frame [16]byte, packet []byte, size uint32, flags uint32) {
	word := func(p []byte, i int) (v uint32) {
		for k := range 4 {
			if i+k < len(p) {
				v |= uint32(p[i+k]) << (8 * k)
			}
		}
		return v
	}
	for i := 0; i < 16; i += 4 {
		d.write4(ahciTable+uint64(i), word(frame[:], i))
		d.write4(ahciTable+0x40+uint64(i), word(packet, i))
	}
	for i, v := range []uint32{oracleBuf, 0, 0, size/2 - 1, oracleBuf + 0x4000, 0, 0, size/2 - 1} {
		d.write4(ahciTable+0x80+uint64(4*i), v)
	}
	for i, v := range []uint32{2<<16 | 5 | flags, 0, ahciTable, 0} {
		d.write4(ahciList+uint64(4*i), v)
	}
	queued := frame[2] == 0x60 || frame[2] == 0x61
	if queued {
		d.w(0x34, 1)
	}
	d.w(0x38, 1)
	d.wait(func() bool { return d.r(0x38)|d.r(0x34) == 0 || d.r(0x10)&(1<<30) != 0 })
	failed := d.r(0x20)&1 != 0
	d.note("%s: TFD %02x, failed %v, CI %x, SACT %x", what, d.r(0x20)&0xaf, failed, d.r(0x38), d.r(0x34))
	if !failed {
		// QEMU ends PIO by a register frame, the standard by that of the set-up.
		d.note("%s: PxIS %x, bytes %d", what, (d.r(0x10)|d.r(0x10)>>1&1)&^2, d.read4(ahciList+4))
		v := uint32(0)
		for a := uint64(oracleBuf); a < oracleBuf+0x8000; a += 0x104 {
			v = v*31 + d.read4(a)
		}
		d.note("%s: memory %08x", what, v)
	}
	if queued {
		d.note("%s: frame %x %x", what, d.read4(ahciFrame+0x58)&0xff00efff, d.read4(ahciFrame+0x5c))
	}
	if d.r(0x10)&(1<<30) != 0 {
		d.w(0x18, 0x16)
		d.w(0x18, 0x17)
	}
	d.w(0x30, ^uint32(0))
	d.w(0x10, ^uint32(0))
}

func TestAHCIAgainstQEMU(t *testing.T) {
	compareDisks(t, "q35", func(o oracle, note func(string, ...any)) {
		for _, w := range [][2]uint32{{0x24, abarAt}, {0x04, 6}} {
			o.out(0xcf8, 4, 0x8000fa00|w[0])
			o.out(0xcfc, 4, w[1])
		}
		o.write4(abarAt+4, 1<<31)
		note("CAP %x, GHC %x, PI %x, VS %x", o.read4(abarAt)&0x40041f1f, o.read4(abarAt+4), o.read4(abarAt+0xc), o.read4(abarAt+0x10)>>16)
		d := &ahciDriver{oracle: o, note: note}
		d.start()
		command := func(code byte, rest ...byte) (f [16]byte) {
			f[0], f[1], f[2] = 0x27, 0x80, code
			copy(f[3:], rest)
			return f
		}
		d.run("READ DMA EXT", command(0x25, 0, 10, 0, 0, 0x40, 0, 0, 0, 0, 8), nil, 4096, 0)
		d.run("READ SECTORS EXT", command(0x24, 0, 20, 0, 0, 0x40, 0, 0, 0, 0, 4), nil, 2048, 0)
		d.run("WRITE DMA EXT", command(0x35, 0, 99, 0, 0, 0x40, 0, 0, 0, 0, 4), nil, 2048, 1<<6)
		d.run("READ FPDMA QUEUED", command(0x60, 6, 98, 0, 0, 0x40, 0, 0, 0, 0, 0), nil, 3072, 0)
		d.run("WRITE FPDMA QUEUED", command(0x61, 2, 120, 0, 0, 0x40, 0, 0, 0, 0, 0), nil, 1024, 1<<6)
		d.run("READ DMA EXT of that", command(0x25, 0, 118, 0, 0, 0x40, 0, 0, 0, 0, 8), nil, 4096, 0)
		d.run("beyond the end", command(0x25, 0, 0xff, 0xff, 0, 0x40, 0, 0, 0, 0, 8), nil, 4096, 0)
		d.run("unknown", command(0x02), nil, 512, 0)
		d.run("FLUSH CACHE EXT", command(0xea), nil, 512, 0)
		d.run("CHECK POWER MODE", command(0xe5), nil, 512, 0)
		d.port = 1
		d.start()
		packet := func(features byte) [16]byte { return command(0xa0, features, 0, 0xfe, 0xff) }
		silent := *d
		silent.note = func(string, ...any) {}
		silent.run("unit attention", packet(0), []byte{0}, 2048, 1<<5) // QEMU has none at power-on
		d.run("READ (10) by DMA", packet(1), []byte{0x28, 0, 0, 0, 0, 5, 0, 0, 2}, 4096, 1<<5)
		d.run("READ CAPACITY by PIO", packet(0), []byte{0x25}, 8, 1<<5)
		d.run("READ (10) beyond the end", packet(1), []byte{0x28, 0, 0, 9, 0, 5, 0, 0, 2}, 4096, 1<<5)
		d.port = 4
		note("no drive: SSTS %x", d.r(0x28))
	})
}
