package board

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"goemu/devices/block"
	"goemu/devices/devtest"
	"goemu/tests/need"

	"github.com/google/go-cmp/cmp"
)

// The disk controllers answer as QEMU's do: the same driver runs on both, and writes down what it sees. What QEMU does otherwise than the standards, and what a drive says of itself, is
// left out where it is written down.

// oracle is a board with disks: ours or QEMU's.
type oracle interface {
	in(port uint16, size int) uint32
	out(port uint16, size int, v uint32)
	read4(addr uint64) uint32
	write4(addr uint64, v uint32)
	wait(done func() bool) // until done
}

// own is our board.
type own struct {
	b      *bench
	drives []*devtest.Drive
}

func (o own) in(port uint16, size int) uint32     { return o.b.pc.Ports.In(port, size) }
func (o own) out(port uint16, size int, v uint32) { o.b.pc.Ports.Out(port, size, v) }
func (o own) read4(addr uint64) uint32            { return uint32(o.b.pc.Space.Read(addr, 4)) }
func (o own) write4(addr uint64, v uint32)        { o.b.pc.Space.Write(addr, 4, uint64(v)) }
func (o own) wait(func() bool) {
	for _, d := range o.drives {
		d.Work()
	}
}

// theirs is QEMU.
type theirs struct{ q *qemu }

func (o theirs) in(port uint16, size int) uint32 {
	v, _ := o.q.do(fmt.Sprintf("in%c %#x", " bw l"[size], port))
	return uint32(v)
}
func (o theirs) out(port uint16, size int, v uint32) {
	o.q.do(fmt.Sprintf("out%c %#x %#x", " bw l"[size], port, v))
}
func (o theirs) read4(addr uint64) uint32 {
	v, _ := o.q.do(fmt.Sprintf("readl %#x", addr))
	return uint32(v)
}
func (o theirs) write4(addr uint64, v uint32) { o.q.do(fmt.Sprintf("writel %#x %#x", addr, v)) }
func (o theirs) wait(done func() bool) {
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			o.q.t.Fatal("QEMU is never done")
		}
	}
}

const (
	oracleDisk = 4 << 20
	oracleCD   = 1 << 20
)

// compareDisks runs a driver on both, with a disk as device 0 of the primary channel (port 0) and a CD drive as device 0 of the secondary (port 1 or 2).
func compareDisks(t *testing.T, machine string, driver func(o oracle, note func(format string, args ...any))) {
	t.Helper()
	need.Program(t, "qemu-system-x86_64", "qemu-system-x86")
	disk, cd := devtest.NewDrive(oracleDisk, block.Disk), devtest.NewDrive(oracleCD, block.CD)
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "disk"), filepath.Join(dir, "cd")}
	for i, d := range []*devtest.Drive{disk, cd} {
		if err := os.WriteFile(names[i], d.Image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	port := map[string]int{"pc": 1, "q35": 1}[machine]
	q := startQEMU(t, "machine "+machine, "-drive", "if=none,id=d,format=raw,file="+names[0], "-drive", "if=none,id=c,format=raw,read-only=on,file="+names[1],
		"-device", "ide-hd,drive=d,bus=ide.0,serial=abc,ver=1.0,model=MODEL", "-device", fmt.Sprintf("ide-cd,drive=c,bus=ide.%d,serial=def,ver=1.0,model=CDMODEL", port))
	defer q.stop()
	disk.What.Serial, disk.What.Model, cd.What.Serial, cd.What.Model = "abc", "MODEL", "def", "CDMODEL"
	b := newBench(t, func(c *Config) {
		c.Drives = []Drive{{Drive: disk, Bus: BusIDE}, {Drive: cd, Bus: BusIDE, Port: port}}
		if machine == "q35" {
			c.Machine = Q35
		}
	})
	b.pc.Reset()
	var logs [2][]string
	for i, o := range []oracle{theirs{q}, own{b, []*devtest.Drive{disk, cd}}} {
		driver(o, func(format string, args ...any) { logs[i] = append(logs[i], fmt.Sprintf(format, args...)) })
	}
	if d := cmp.Diff(logs[0], logs[1]); d != "" {
		t.Errorf("QEMU (-), we (+):\n%s", d)
	}
}

// ideDriver drives one channel.
type ideDriver struct {
	oracle
	note func(string, ...any)
	base uint16
	bm   uint16
}

const (
	oracleBM  = 0xc000
	oraclePRD = 0x10000 // in memory
	oracleBuf = 0x20000
)

// setup makes the functions of the IDE controller answer.
func (d *ideDriver) setup() {
	for _, w := range [][2]uint32{{0x40, 0x80008000}, {0x20, oracleBM | 1}, {0x04, 5}} {
		d.out(0xcf8, 4, 0x80000900|w[0])
		d.out(0xcfc, 4, w[1])
	}
}

func (d *ideDriver) channel(n int) { d.base, d.bm = []uint16{0x1f0, 0x170}[n], oracleBM+8*uint16(n) }

func (d *ideDriver) reg(n uint16) uint32    { return d.in(d.base+n, 1) }
func (d *ideDriver) set(n uint16, v uint32) { d.out(d.base+n, 1, v) }
func (d *ideDriver) alt() uint32            { return d.in(d.base+0x206, 1) }
func (d *ideDriver) idle()                  { d.wait(func() bool { return d.alt()&0x80 == 0 }) }

// state notes all registers. Where a command that moves data leaves the address is not said anywhere.
func (d *ideDriver) state(what string) {
	d.note("%s: status %02x, error %02x, count %02x, LBA %02x %02x %02x, device %02x", what, d.alt(), d.reg(1), d.reg(2), d.reg(3), d.reg(4), d.reg(5), d.reg(6))
}

// status notes how a command stands. With an error and after IDLE QEMU takes DSC back, and the error of an address that is not there is
// ABRT, not IDNF as it should be.
func (d *ideDriver) status(what string) {
	status := d.reg(7) &^ 0x10
	if status&1 != 0 {
		d.note("%s: status %02x, error", what, status)
		return
	}
	d.note("%s: status %02x", what, status)
}

// command writes features, count, LBA low, mid, high, device and command.
func (d *ideDriver) command(regs ...uint32) {
	for i, v := range regs {
		d.set(uint16(i+1), v)
	}
}

// words reads n words and notes a sum of them.
func (d *ideDriver) words(n int) []byte {
	var p []byte
	for range n {
		p = binary.LittleEndian.AppendUint16(p, uint16(d.in(d.base, 2)))
	}
	return p
}

func sum(p []byte) (v uint32) {
	for _, b := range p {
		v = v*31 + uint32(b)
	}
	return v
}

func TestIDEAgainstQEMU(t *testing.T) {
	compareDisks(t, "pc", func(o oracle, note func(string, ...any)) {
		d := &ideDriver{oracle: o, note: note}
		d.setup()
		for n := range 2 {
			d.channel(n)
			for dev := range uint32(2) {
				d.set(6, 0xa0|dev<<4)
				if d.set(6, 0xa0|dev<<4); dev == 0 { // QEMU has a signature, and DRDY of a packet device, where nothing is
					note("channel %d: %02x %02x %02x %02x", n, d.reg(2), d.reg(3), d.reg(4), d.reg(5))
				} else {
					d.status(fmt.Sprintf("channel %d device %d", n, dev))
				}
			}
			d.set(6, 0xa0)
		}
		d.channel(0)
		d.identify(0xec, []int{0, 1, 3, 6, 47, 53, 54, 55, 56, 57, 58, 59, 60, 61, 63, 64, 65, 66, 67, 68, 76, 88, 93, 100, 101, 102, 103, 117, 118})
		d.reads()
		d.writes()
		d.small()
		d.dma()
		d.resets()
		d.channel(1)
		d.identify(0xa1, []int{0, 63, 64, 88})
		d.packets()
	})
}

func (d *ideDriver) identify(cmd uint32, words []int) {
	d.set(6, 0xa0)
	d.set(7, cmd)
	d.idle()
	d.status("IDENTIFY")
	p := d.words(256)
	for _, n := range words {
		d.note("word %d: %04x", n, binary.LittleEndian.Uint16(p[2*n:]))
	}
	d.note("texts %q %q %q", p[20:40], p[46:54], p[54:94])
	d.status("after IDENTIFY")
}

func (d *ideDriver) reads() {
	read := func(what string, blocks int, regs ...uint32) {
		d.command(regs...)
		for range blocks {
			d.idle()
			d.status(what)
			p := d.words(256)
			d.note("%s: %08x", what, sum(p))
		}
		d.idle()
		d.status(what)
	}
	read("READ SECTORS", 3, 0, 3, 100, 0, 0, 0xe0, 0x20)
	read("READ SECTORS by CHS", 2, 0, 2, 5, 1, 0, 0xa3, 0x20)
	read("READ SECTORS, high LBA", 1, 0, 1, 0xff, 0x1f, 0, 0xe0, 0x20)
	read("READ SECTORS beyond the end", 0, 0, 1, 0x00, 0x20, 0, 0xe0, 0x20)
	for n := range uint16(4) {
		d.set(2+n, 0)
	}
	read("READ SECTORS EXT", 1, 0, 1, 7, 0, 0, 0xe0, 0x24)
	d.command(0, 4, 0, 0, 0, 0xe0, 0xc6)
	d.status("SET MULTIPLE MODE 4")
	d.command(0, 6, 20, 0, 0, 0xe0, 0xc4)
	for _, n := range []int{4, 2} {
		d.idle()
		d.status("READ MULTIPLE")
		d.note("%08x", sum(d.words(256*n)))
	}
	d.status("READ MULTIPLE")
	d.command(0, 5, 0, 0, 0, 0xe0, 0xc6)
	d.status("SET MULTIPLE MODE 5")
}

func (d *ideDriver) writes() {
	d.command(0, 2, 50, 0, 0, 0xe0, 0x30)
	d.status("WRITE SECTORS")
	for n := range 512 {
		if n == 256 {
			d.idle()
			d.status("WRITE SECTORS, second block")
		}
		d.out(d.base, 2, uint32(n*3))
	}
	d.idle()
	d.status("WRITE SECTORS")
	d.command(0, 3, 49, 0, 0, 0xe0, 0x20)
	for range 3 {
		d.idle()
		d.note("%08x", sum(d.words(256)))
	}
	d.set(7, 0xe7)
	d.idle()
	d.status("FLUSH CACHE")
}

func (d *ideDriver) small() {
	for _, c := range []struct {
		name string
		regs []uint32
	}{
		{"NOP", []uint32{0, 0, 0, 0, 0, 0xa0, 0}},
		{"VERIFY", []uint32{0, 4, 9, 0, 0, 0xe0, 0x40}},
		{"CHECK POWER MODE", []uint32{0, 0, 0, 0, 0, 0xa0, 0xe5}},
		{"IDLE IMMEDIATE", []uint32{0, 0, 0, 0, 0, 0xa0, 0xe1}},
		{"SET FEATURES, UDMA 2", []uint32{3, 0x42, 0, 0, 0, 0xa0, 0xef}},
		{"SET FEATURES, unknown", []uint32{0x7b, 0, 0, 0, 0, 0xa0, 0xef}},
		{"unknown", []uint32{0, 0, 0, 0, 0, 0xa0, 0x02}},
		{"PACKET", []uint32{0, 0, 0, 0, 0, 0xa0, 0xa0}},
		{"IDENTIFY PACKET DEVICE", []uint32{0, 0, 0, 0, 0, 0xa0, 0xa1}},
		{"DEVICE RESET", []uint32{0, 0, 0, 0, 0, 0xa0, 0x08}},
		{"SMART RETURN STATUS", []uint32{0xda, 0, 0, 0x4f, 0xc2, 0xa0, 0xb0}},
		{"SMART without its key", []uint32{0xda, 0, 0, 0, 0, 0xa0, 0xb0}},
	} {
		d.command(c.regs...)
		d.idle()
		d.status(c.name)
	}
	d.command(0, 0, 0, 0, 0, 0xe0, 0xf8)
	d.state("READ NATIVE MAX ADDRESS")
	d.command(0, 0, 0, 0, 0, 0xe0, 0x27)
	d.out(d.base+0x206, 1, 0x80)
	d.state("READ NATIVE MAX ADDRESS EXT, upper bytes")
	d.out(d.base+0x206, 1, 0)
	d.state("READ NATIVE MAX ADDRESS EXT")
}

// dma runs READ and WRITE DMA with regions of memory: address, size; end says whether the last one is marked.
func (d *ideDriver) dma() {
	run := func(what string, command uint32, sectors uint32, regions ...uint32) {
		for i := 0; i < len(regions); i += 2 {
			flags := regions[i+1] & 0xffff
			if i+2 == len(regions) {
				flags |= 1 << 31
			}
			d.write4(oraclePRD+uint64(4*i), regions[i])
			d.write4(oraclePRD+uint64(4*i+4), flags)
		}
		d.out(d.bm, 1, 0)
		d.out(d.bm+2, 1, 6)
		d.out(d.bm+4, 4, oraclePRD)
		d.command(0, sectors, 200, 0, 0, 0xe0, command)
		d.out(d.bm, 1, map[uint32]uint32{0xc8: 9, 0xca: 1}[command])
		d.wait(func() bool { s := d.in(d.bm+2, 1); return s&1 == 0 || s&4 != 0 })
		d.note("%s: bus master %02x, device %02x %02x", what, d.in(d.bm+2, 1), d.reg(7), d.reg(1))
		var v uint32
		for a := uint64(oracleBuf); a < oracleBuf+0x4000; a += 0x104 {
			v = v*31 + d.read4(a)
		}
		d.note("%s: memory %08x, bus master %02x", what, v, d.in(d.bm+2, 1))
	}
	run("READ DMA", 0xc8, 4, oracleBuf, 1024, oracleBuf+0x1000, 1024)
	run("READ DMA of odd regions", 0xc8, 2, oracleBuf+2, 510, oracleBuf+0x2000, 514)
	run("WRITE DMA", 0xca, 2, oracleBuf+0x1000, 1024)
	run("READ DMA again", 0xc8, 4, oracleBuf+0x3000, 2048)
	run("READ DMA, regions too long", 0xc8, 1, oracleBuf, 1024)
}

func (d *ideDriver) resets() {
	d.out(d.base+0x206, 1, 4)
	d.out(d.base+0x206, 1, 0)
	d.idle()
	d.state("SRST")
	d.set(7, 0x90)
	d.idle()
	d.state("EXECUTE DEVICE DIAGNOSTIC")
}

// packet sends a command packet, takes the data by PIO and notes all that is to be seen. keep says how many bytes of the data are compared; -1: all.
func (d *ideDriver) packet(what string, keep int, cdb ...byte) {
	d.command(0, 0, 0, 0xfe, 0xff, 0xa0, 0xa0)
	d.idle()
	d.note("%s: status %02x, reason %x", what, d.alt(), d.reg(2)&3)
	for i := 0; i < 12; i += 2 {
		var w [2]byte
		if i < len(cdb) {
			copy(w[:], cdb[i:])
		}
		d.out(d.base, 2, uint32(binary.LittleEndian.Uint16(w[:])))
	}
	var data []byte
	for range 100 {
		d.idle()
		if d.alt()&8 == 0 || d.reg(2)&2 == 0 {
			break
		}
		n := int(d.reg(4) | d.reg(5)<<8)
		d.note("%s: %d bytes, status %02x, reason %x", what, n, d.alt(), d.reg(2)&3)
		data = append(data, d.words((n + 1) / 2)[:n]...)
	}
	if cdb[0] == 3 {
		data[0] &^= 0x80 // QEMU says that the information is valid
	}
	if keep < 0 || keep > len(data) {
		keep = len(data)
	}
	d.note("%s: data % x (%08x)", what, data[:min(keep, 64)], sum(data[:keep]))
	d.note("%s: status %02x, reason %x, key %x", what, d.reg(7)&^0x10, d.reg(2)&3, d.reg(1)>>4)
}

func (d *ideDriver) packets() {
	// QEMU has no unit attention of power-on.
	note := d.note
	d.note = func(string, ...any) {}
	d.packet("TEST UNIT READY", -1, 0)
	d.packet("REQUEST SENSE", -1, 3, 0, 0, 0, 18)
	d.note = note
	for _, c := range []struct {
		name string
		keep int
		cdb  []byte
	}{
		{"INQUIRY", 5, []byte{0x12, 0, 0, 0, 36}},
		{"TEST UNIT READY", -1, []byte{0}},
		{"REQUEST SENSE", -1, []byte{3, 0, 0, 0, 18}},
		{"READ CAPACITY", -1, []byte{0x25}},
		{"READ (10)", -1, []byte{0x28, 0, 0, 0, 0, 3, 0, 0, 5}},
		{"READ (12)", -1, []byte{0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 40}},
		{"READ (10) of nothing", -1, []byte{0x28, 0, 0, 0, 0, 3, 0, 0, 0}},
		{"READ (10) beyond the end", -1, []byte{0x28, 0, 0, 0, 1, 0xff, 0, 0, 2}},
		{"REQUEST SENSE of that", -1, []byte{3, 0, 0, 0, 18}},
		// The lead-out is of a data track, which QEMU denies.
		{"READ TOC", 12, []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100}},
		{"READ TOC, MSF", 12, []byte{0x43, 2, 0, 0, 0, 0, 0, 0, 100}},
		{"READ TOC, lead-out, short", 5, []byte{0x43, 0, 0, 0, 0, 0, 0xaa, 0, 12}},
		{"READ TOC, sessions", 4, []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40}},
		{"READ TOC, all", 6, []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x80}},
		{"READ TOC, format 3", -1, []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0xc0}},
		{"MODE SENSE, recovery", 2, []byte{0x5a, 0, 1, 0, 0, 0, 0, 0, 100}},
		{"MECHANISM STATUS", 2, []byte{0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8}},
		{"GET EVENT STATUS", -1, []byte{0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}},
		{"READ CD", -1, []byte{0xbe, 0, 0, 0, 0, 7, 0, 0, 2, 0x10}},
		{"SEEK", -1, []byte{0x2b, 0, 0, 0, 0, 9}},
		{"SEEK beyond the end", -1, []byte{0x2b, 0, 0, 0, 9, 9}},
		{"unknown", -1, []byte{0xc0}},
		{"REQUEST SENSE of unknown", -1, []byte{3, 0, 0, 0, 18}},
		{"PREVENT MEDIUM REMOVAL", -1, []byte{0x1e, 0, 0, 0, 1}},
		{"ALLOW MEDIUM REMOVAL", -1, []byte{0x1e}},
		{"eject", -1, []byte{0x1b, 0, 0, 0, 2}},
		{"TEST UNIT READY, open", -1, []byte{0}},
	} {
		d.packet(c.name, c.keep, c.cdb...)
	}
}
