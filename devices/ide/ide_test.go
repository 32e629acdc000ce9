package ide

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"goemu/devices"
	"goemu/devices/ata"
	"goemu/devices/block"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

// bench has a disk and a CD drive on the primary channel, a disk as device 1 of the secondary.
type bench struct {
	t     testing.TB
	ports *portmap.Map
	mem   devtest.Memory
	irq   [2]devtest.Line
	disk  *devtest.Drive
	cd    *devtest.Drive
	other *devtest.Drive
	c     *Controller
}

// nowhere is the memory bus: there are no memory BARs.
type nowhere struct{}

func (nowhere) MapMMIO(uint64, uint64, devices.MMIODevice) {}
func (nowhere) MapRAM(uint64, []byte, bool)                {}
func (nowhere) UnmapMMIO(uint64, uint64)                   {}

const (
	bmBase   = 0xc000
	diskSize = 4 << 20
)

func newBench(t testing.TB) *bench { return newBenchOf(t, diskSize, 3<<20) }

// newBenchOf has media of other sizes.
func newBenchOf(t testing.TB, disk, cd int) *bench {
	b := &bench{t: t, ports: portmap.New(), mem: make(devtest.Memory, 1<<20)}
	b.disk, b.cd, b.other = devtest.NewDrive(disk, block.Disk), devtest.NewDrive(cd, block.CD), devtest.NewDrive(64<<10, block.Disk)
	bus := pci.NewBus(b.ports, nowhere{})
	b.c = New(b.ports, b.mem, [2]devices.Line{&b.irq[0], &b.irq[1]}, [4]block.Drive{b.disk, b.cd, nil, b.other})
	if err := bus.Add(1, 1, b.c.Function); err != nil {
		t.Fatal(err)
	}
	b.setup()
	return b
}

func (b *bench) setup() {
	b.c.Reset()
	b.c.WriteConfig(IDETIM, 4, 0x80008000)
	b.c.WriteConfig(pci.BAR0+4*busMasterBAR, 4, bmBase)
	b.c.WriteConfig(pci.Command, 2, pci.CommandIO|pci.CommandBusMaster)
}

func (b *bench) in(port uint16) uint8       { return uint8(b.ports.In(port, 1)) }
func (b *bench) out(port uint16, v uint8)   { b.ports.Out(port, 1, uint32(v)) }
func (b *bench) out4(port uint16, v uint32) { b.ports.Out(port, 4, v) }
func (b *bench) wantStatus(what string, want uint8) {
	b.t.Helper()
	if got := b.in(0x3f6); got != want {
		b.t.Errorf("%s: status %02x, want %02x (error %02x)", what, got, want, b.in(0x1f1))
	}
}

func (b *bench) wantIRQ(what string, want int) {
	b.t.Helper()
	if got := b.irq[0].Edges(); got != want {
		b.t.Errorf("%s: %d interrupts, want %d", what, got, want)
	}
}

// command writes the registers of the primary channel. lba has 28 bits, and bits 31 to 28 go to the device register.
func (b *bench) command(cmd, count uint8, lba uint32) {
	for i, v := range []uint8{count, uint8(lba), uint8(lba >> 8), uint8(lba >> 16), uint8(lba >> 24), cmd} {
		b.out(0x1f2+uint16(i), v)
	}
}

// ext writes registers for a 48-bit command of device 0.
func (b *bench) ext(cmd uint8, count uint16, lba uint64) {
	b.out(0x1f6, 0x40)
	for i, v := range []uint8{uint8(count >> 8), uint8(lba >> 24), uint8(lba >> 32), uint8(lba >> 40)} {
		b.out(0x1f2+uint16(i), v)
	}
	for i, v := range []uint8{uint8(count), uint8(lba), uint8(lba >> 8), uint8(lba >> 16)} {
		b.out(0x1f2+uint16(i), v)
	}
	b.out(0x1f7, cmd)
}

func (b *bench) readWords(n int) []byte {
	p := make([]byte, 0, 2*n)
	for range n {
		p = binary.LittleEndian.AppendUint16(p, uint16(b.ports.In(0x1f0, 2)))
	}
	return p
}

func (b *bench) writeWords(p []byte) {
	for ; len(p) > 0; p = p[2:] {
		b.ports.Out(0x1f0, 2, uint32(binary.LittleEndian.Uint16(p)))
	}
}

const lba28 = 0x4000_0000 // the bit of the device register, in command's lba

func TestReadSectors(t *testing.T) {
	b := newBench(t)
	b.command(ata.CmdReadSectors, 2, lba28|100)
	b.wantStatus("reading", 0xd0)
	b.wantIRQ("before the data", 0)
	b.disk.Work()
	for n := range 2 {
		b.wantStatus("data", 0x58)
		b.wantIRQ("data", 1)
		if b.in(0x1f7) != 0x58 || b.irq[0].Level {
			t.Error("reading Status does not take the interrupt back")
		}
		if got := b.readWords(256); !bytes.Equal(got, b.disk.Image[(100+n)*512:][:512]) {
			t.Errorf("sector %d is wrong", n)
		}
	}
	b.wantStatus("the end", 0x50)
	b.wantIRQ("the end", 0)
	if b.in(0x1f2) != 0 || b.in(0x1f3) != 101 {
		t.Errorf("count %d, LBA %d at the end", b.in(0x1f2), b.in(0x1f3))
	}
	if got := b.ports.In(0x1f0, 2); got != 0 {
		t.Errorf("data without DRQ: %#x", got)
	}
}

func TestWriteSectors(t *testing.T) {
	b := newBench(t)
	b.command(ata.CmdWriteSectors, 2, lba28|7)
	b.wantIRQ("the first block", 0)
	data := bytes.Repeat([]byte{0x12, 0x34, 0x56}, 512)[:1024]
	b.writeWords(data[:512])
	b.wantStatus("the second block", 0x58)
	b.wantIRQ("the second block", 1)
	b.in(0x1f7)
	for i := 512; i < 1024; i += 4 { // doublewords do, too
		b.ports.Out(0x1f0, 4, binary.LittleEndian.Uint32(data[i:]))
	}
	b.wantStatus("writing", 0xd0)
	b.disk.Work()
	b.wantStatus("the end", 0x50)
	b.wantIRQ("the end", 1)
	if !bytes.Equal(b.disk.Image[7*512:][:1024], data) {
		t.Error("wrong data on the disk")
	}
}

// CHS with the translation of INITIALIZE DEVICE PARAMETERS; 0 sectors are 256.
func TestCHS(t *testing.T) {
	b := newBench(t)
	b.out(0x1f6, 0xa0|3)
	b.out(0x1f2, 20)
	b.out(0x1f7, ata.CmdInitParameters)
	b.command(ata.CmdReadSectors, 0, 0xa2<<24|5<<8|9)
	b.disk.Work()
	want := ((5*4+2)*20 + 8) * 512
	for n := range 256 {
		if got := b.readWords(256); !bytes.Equal(got, b.disk.Image[want+n*512:][:512]) {
			t.Fatalf("sector %d is wrong", n)
		}
	}
	b.wantStatus("the end", 0x50)
	for _, lba := range []uint32{0xa0 << 24, 0xa0<<24 | 21, 0xa4<<24 | 1} {
		b.command(ata.CmdReadSectors, 1, lba)
		if b.in(0x1f7) != 0x51 || b.in(0x1f1) != ata.ErrorIDNF {
			t.Errorf("%08x: no ID not found", lba)
		}
	}
}

func TestMultipleAndExt(t *testing.T) {
	b := newBench(t)
	b.out(0x1f2, 8)
	b.out(0x1f7, ata.CmdSetMultiple)
	b.wantIRQ("SET MULTIPLE MODE", 1)
	b.in(0x1f7)
	b.ext(ata.CmdReadMultipleExt, 20, 1000)
	b.disk.Work()
	for n, size := range []int{8, 8, 4} {
		b.wantIRQ("a block", 1)
		b.in(0x1f7)
		if got := b.readWords(256 * size); !bytes.Equal(got, b.disk.Image[(1000+8*n)*512:][:512*size]) {
			t.Errorf("block %d is wrong", n)
		}
	}
	b.wantStatus("the end", 0x50)
	b.ext(ata.CmdReadMaxExt, 0, 0)
	low := b.in(0x1f3)
	b.out(0x3f6, 0x80)
	if high := b.in(0x1f3); low != 0xff || high != 0 || b.in(0x1f4) != 0 {
		t.Errorf("native maximum: low %02x, high %02x", low, high)
	}
	b.out(0x1f2, 0)
	if b.in(0x1f3) != 0xff {
		t.Error("a write to the command block leaves HOB set")
	}
	b.out(0x1f2, 5)
	b.out(0x1f7, ata.CmdSetMultiple)
	b.wantStatus("SET MULTIPLE MODE 5", 0x51)
}

// prd writes a table of physical regions at 1000h: address, bytes, address, bytes ...
func (b *bench) prd(regions ...uint32) {
	for i := 0; i < len(regions); i += 2 {
		e := b.mem[0x1000+4*i:]
		binary.LittleEndian.PutUint32(e, regions[i])
		flags := regions[i+1] & 0xffff
		if i == len(regions)-2 {
			flags |= prdEOT
		}
		binary.LittleEndian.PutUint32(e[4:], flags)
	}
	b.out4(bmBase+bmTable, 0x1000)
}

func TestDMA(t *testing.T) {
	b := newBench(t)
	b.prd(0x8000, 512, 0x20000, 1024, 0x30002, 512)
	b.command(ata.CmdReadDMA, 4, lba28|50)
	b.out(bmBase, bmStart|bmToMemory)
	b.disk.Work()
	b.wantIRQ("the end", 1)
	if got := b.in(bmBase + bmStatus); got != bmInterrupt|3*bmDrive0 {
		t.Errorf("bus master status %02x", got)
	}
	b.wantStatus("the end", 0x50)
	b.out(bmBase, 0)
	b.out(bmBase+bmStatus, bmInterrupt|3*bmDrive0)
	if got := b.in(bmBase + bmStatus); got != 3*bmDrive0 {
		t.Errorf("bus master status %02x after clearing", got)
	}
	src := b.disk.Image[50*512:]
	if !bytes.Equal(b.mem[0x8000:0x8200], src[:512]) || !bytes.Equal(b.mem[0x20000:0x20400], src[512:1536]) || !bytes.Equal(b.mem[0x30002:0x30202], src[1536:2048]) {
		t.Error("wrong data in memory")
	}
	// Back to another place, the bus master being started first, and more than goes in one piece.
	var regions []uint32
	for i := range uint32(10) {
		regions = append(regions, 0x10000+i%4*0x10000, 0)
	}
	b.prd(regions...)
	b.in(0x1f7)
	b.out(bmBase, bmStart)
	b.ext(ata.CmdWriteDMAExt, 1280, 2000)
	b.disk.Work()
	b.wantStatus("the write", 0x50)
	if !bytes.Equal(b.disk.Image[2000*512:][:0x40000], b.mem[0x10000:0x50000]) || !bytes.Equal(b.disk.Image[(2000+1024)*512:][:0x20000], b.mem[0x10000:0x30000]) {
		t.Error("wrong data on the disk")
	}
}

// Tables that are too long leave the bus master active; tables that are too short stop it and the device waits; memory that is not there is an error.
func TestBadTables(t *testing.T) {
	for _, c := range []struct {
		name       string
		regions    []uint32
		status, bm uint8
		irq        int
	}{
		{"too long", []uint32{0x8000, 1024}, 0x50, bmActive | bmInterrupt, 1},
		{"too short", []uint32{0x8000, 256}, 0x58, 0, 0},
		{"no memory", []uint32{0xf000_0000, 512}, 0x58, bmError, 0},
		{"end of memory", []uint32{0xfff00, 512}, 0x58, bmError, 0},
	} {
		b := newBench(t)
		b.prd(c.regions...)
		b.out(bmBase, bmStart|bmToMemory)
		b.command(ata.CmdReadDMA, 1, lba28)
		b.disk.Work()
		if got := b.in(bmBase+bmStatus) &^ (3 * bmDrive0); got != c.bm {
			t.Errorf("%s: bus master status %02x, want %02x", c.name, got, c.bm)
		}
		b.wantStatus(c.name, c.status)
		b.wantIRQ(c.name, c.irq)
		if c.status == 0x58 { // the driver's reset helps
			b.out(0x3f6, controlSRST)
			b.wantStatus("in reset", 0x80)
			b.out(0x3f6, 0)
			b.wantStatus("after the reset", 0x50)
		}
	}
	b := newBench(t)
	b.out4(bmBase+bmTable, 0xffff_fffc)
	b.out(bmBase, bmStart|bmToMemory)
	b.command(ata.CmdReadDMA, 1, lba28)
	b.disk.Work()
	if got := b.in(bmBase+bmStatus) &^ (3 * bmDrive0); got != bmError {
		t.Errorf("a table that is not in memory: status %02x", got)
	}
}

func TestHostErrors(t *testing.T) {
	b := newBench(t)
	b.disk.Err = errors.New("EIO")
	b.command(ata.CmdReadSectors, 1, lba28|9)
	b.disk.Work()
	b.wantStatus("read error", 0x51)
	if b.in(0x1f1) != ata.ErrorUNC || b.in(0x1f3) != 9 {
		t.Errorf("error %02x at %d", b.in(0x1f1), b.in(0x1f3))
	}
	b.in(0x1f7)
	b.wantIRQ("read error", 1)
	b.command(ata.CmdWriteSectors, 1, lba28|9)
	b.writeWords(make([]byte, 512))
	b.disk.Err = errors.New("ENOSPC")
	b.disk.Work()
	b.wantStatus("write error", 0x51)
	b.command(ata.CmdReadSectors, 2, lba28|diskSize/512-1)
	b.wantStatus("beyond the end", 0x51)
	b.command(ata.CmdFlush, 0, 0)
	b.disk.Work()
	b.wantStatus("flush", 0x50)
	if b.disk.Flushes != 1 {
		t.Errorf("%d flushes", b.disk.Flushes)
	}
}

// What is not there reads as 0 and takes no command; the others on the cable go on.
func TestAbsent(t *testing.T) {
	b := newBench(t)
	for p := uint16(0x170); p < 0x178; p++ {
		b.out(p, 0x45)
		if p != 0x176 && b.in(p) != 0 {
			t.Errorf("port %x reads %02x", p, b.in(p))
		}
	}
	b.out(0x176, 0xb0)
	if b.in(0x377-1) != 0x50 || b.in(0x172) == 0 {
		t.Error("device 1 alone does not answer")
	}
	b.c.WriteConfig(pci.Command, 2, pci.CommandBusMaster)
	if b.in(0x1f7) != 0xff || b.in(0x3f6) != 0xff {
		t.Error("a function without I/O space answers")
	}
}

func TestResetAndSignature(t *testing.T) {
	b := newBench(t)
	sig := func(dev uint8) [4]uint8 {
		b.out(0x1f6, dev)
		return [4]uint8{b.in(0x1f2), b.in(0x1f3), b.in(0x1f4), b.in(0x1f5)}
	}
	check := func(what string) {
		t.Helper()
		if got := sig(0xa0); got != [4]uint8{1, 1, 0, 0} {
			t.Errorf("%s: signature of the disk %x", what, got)
		}
		if got := sig(0xb0); got != [4]uint8{1, 1, 0x14, 0xeb} {
			t.Errorf("%s: signature of the CD drive %x", what, got)
		}
	}
	check("power-on")
	b.command(ata.CmdReadSectors, 1, lba28|77)
	b.out(0x3f6, controlSRST)
	b.out(0x3f6, 0)
	b.wantStatus("the drive still works", 0x80|0x50)
	b.disk.Work()
	b.wantStatus("SRST", 0x50)
	check("SRST")
	b.out(0x1f7, ata.CmdDiagnostic)
	if b.in(0x1f1) != 1 {
		t.Errorf("diagnostic code %02x", b.in(0x1f1))
	}
	check("EXECUTE DEVICE DIAGNOSTIC")
	b.out(0x1f6, 0xb0)
	b.out(0x1f7, ata.CmdIdentify)
	if got := sig(0xb0); b.in(0x3f6)&1 == 0 || got != [4]uint8{1, 1, 0x14, 0xeb} {
		t.Errorf("IDENTIFY DEVICE of a packet device: status %02x, %x", b.in(0x3f6), got)
	}
}

func TestNIEN(t *testing.T) {
	b := newBench(t)
	b.out(0x3f6, controlNIEN)
	b.out(0x1f7, ata.CmdIdentify)
	b.wantIRQ("nIEN", 0)
	if b.in(bmBase+bmStatus)&bmInterrupt != 0 {
		t.Error("the bus master sees an interrupt that nIEN holds back")
	}
	b.out(0x3f6, 0)
	b.wantIRQ("nIEN taken back", 1)
	b.readWords(256)
	b.out(0x1f6, 0xb0)
	if b.irq[0].Level {
		t.Error("the device that is not selected drives the line")
	}
}

func FuzzIDE(f *testing.F) {
	f.Add([]byte{1, 7, 0xec, 0, 0, 0, 2, 0, 2, 0})
	f.Add([]byte{1, 6, 0xb0, 0, 0, 0, 1, 7, 0xa0, 0, 0, 0})
	ports := []uint16{0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f4, 0x1f5, 0x1f6, 0x1f7, 0x3f6, 0x170, 0x176, 0x177, 0x376,
		bmBase, bmBase + 2, bmBase + 4, bmBase + 8, bmBase + 10, bmBase + 12, 0xcfc, 0xcf8}
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBenchOf(t, 64<<10, 64<<10)
		b.prd(0x8000, 512, 0x9000, 0x800, 0xff000, 0x2000)
		w := worker{b}
		var c devtest.Clock
		devtest.FuzzPorts(in, &c, w, ports...)
		w.work()
		s := b.c.SaveState()
		if err := newBenchOf(t, 64<<10, 64<<10).c.RestoreState(s); err != nil {
			t.Error(err)
		}
	})
}

// worker has the drives do their work now and then.
type worker struct {
	b *bench
}

func (w worker) In(port uint16, size int) uint32 { return w.b.ports.In(port, size) }

func (w worker) Out(port uint16, size int, v uint32) {
	w.b.ports.Out(port, size, v)
	if v>>24 < 0xc0 {
		w.work()
	}
}

func (w worker) work() {
	for _, d := range []*devtest.Drive{w.b.disk, w.b.cd, w.b.other} {
		d.Work()
	}
}
