package bios

import (
	"errors"
	"slices"

	"goemu/devices/block"
)

// Drive is a drive that the firmware can use, beside its controller.
type Drive struct {
	block.Drive
	Name string     // as messages have it
	PCI  PCIAddress // its controller; of disks and CDs
	SATA bool       // the controller is an AHCI: Channel is the port
	// Channel and Unit are its place: IDE channel and device on it, or unit of the diskette controller.
	Channel, Unit int
}

func (d *Drive) kind() block.Kind { return d.Info().Kind }

// First numbers of drives in INT 13h.
const (
	firstFloppy = 0x00
	firstDisk   = 0x80
	firstCD     = 0xe0
)

// drives are the drives as INT 13h numbers them. Hard disks are in boot order.
type drives struct {
	floppies [2]*Drive
	hard     []*Drive
	cds      []*Drive
	emulated *emulation // a diskette or hard disk on a CD
	transfer []*transfer
	idle     []*transfer
	seen     map[*Drive]uint  // number of changes of medium that INT 13h has reported
	locks    map[*Drive]uint8 // how often INT 13h, 45h has locked the medium
}

// forget drops transfers that somebody waited for before a reset. What was submitted is still done.
func (d *drives) forget() {
	for _, t := range d.transfer {
		t.key = 0
	}
	*d = drives{idle: d.idle}
}

// numberDrives gives the drives their numbers.
func (f *Firmware) numberDrives() {
	d := &f.disks
	d.seen, d.locks = map[*Drive]uint{}, map[*Drive]uint8{}
	for i := range f.opt.Drives {
		x := &f.opt.Drives[i]
		switch x.kind() {
		case block.Floppy:
			if x.Unit < len(d.floppies) {
				d.floppies[x.Unit] = x
			}
		case block.Disk:
			d.hard = append(d.hard, x)
		case block.CD:
			d.cds = append(d.cds, x)
		}
		d.seen[x] = changes(x)
	}
	slices.SortStableFunc(d.hard, func(x, y *Drive) int { return bootRank(x) - bootRank(y) })
}

// setupDrives tells programs of the drives in the data areas.
func (f *Firmware) setupDrives(c *Call) {
	d := &f.disks
	equip := c.Word(bdaEquipment)
	types := uint8(0)
	for i, x := range d.floppies {
		if x != nil {
			types |= floppyType(x) << (4 * (1 - i))
			equip = equip&^0xc1 | 1 | uint16(i)<<6
			c.SetByte(bdaFloppyMedia+uint32(i), 0x07)
		}
	}
	f.setCMOS(cmosFloppy, types)
	c.SetWord(bdaEquipment, equip)
	f.setCMOS(cmosEquip, uint8(equip)&^0x08)
	f.tellDisks(c)
}

// bootRank sorts drives by their place in the boot order; those without one come last.
func bootRank(d *Drive) int {
	if i := d.Info().BootIndex; i >= 0 {
		return min(i, 1<<20)
	}
	return 1 << 20
}

// tellDisks puts the number of hard disks and the tables of the first two where programs look for them.
func (f *Firmware) tellDisks(c *Call) {
	c.SetByte(bdaDiskControl, 0xc0)
	c.SetByte(bdaDiskCount, uint8(min(len(f.disks.hard), firstCD-firstDisk)))
	for i, vector := range []int{0x41, 0x46} {
		if i >= len(f.disks.hard) {
			break
		}
		g := diskGeometry(f.disks.hard[i])
		p := make([]byte, 16)
		le.PutUint16(p, uint16(g.cylinders))
		p[2] = uint8(g.heads)
		le.PutUint16(p[5:], 0xffff) // no write precompensation
		p[8] = 0xc0 | 0x08          // no retries; more than 8 heads
		le.PutUint16(p[12:], uint16(g.cylinders))
		p[14] = uint8(g.sectors)
		if pg := g.physical; pg != g.chs { // the translated table of EDD: physical values and a sum
			p[3] = 0xa0
			p[4] = uint8(pg.sectors)
			le.PutUint16(p[9:], uint16(pg.cylinders))
			p[11] = uint8(pg.heads)
			fix(p, 15)
		}
		at := uint32(ebdaDisk0 + 16*i)
		c.Write(ebdaBase+at, p)
		c.SetVector(vector, ebdaSegment, uint16(at))
	}
}

// chs is a geometry.
type chs struct{ cylinders, heads, sectors int }

func (g chs) total() int64 { return int64(g.cylinders) * int64(g.heads) * int64(g.sectors) }

// geometry is what INT 13h says of a disk, and what the disk itself says.
type geometry struct {
	chs
	physical chs
}

// maxCylinders is how many fit the registers of INT 13h.
const maxCylinders = 1024

// diskGeometry is the geometry of a hard disk. One with too many cylinders is translated by LBA assistance, as in Phoenix's EDD
// specification 3.0, 3.2.
func diskGeometry(d *Drive) geometry {
	m, _ := d.Medium()
	n := m.Size / int64(max(m.Sector, 512))
	info := d.Info()
	p := chs{info.Cylinders, info.Heads, info.Sectors}
	if p.cylinders <= 0 || p.heads <= 0 || p.sectors <= 0 {
		p = chs{int(min(n/(16*63), 16383)), 16, 63}
		p.cylinders = max(p.cylinders, 2)
	}
	g := geometry{p, p}
	if p.cylinders <= maxCylinders && p.heads <= 255 && p.sectors <= 63 {
		return g
	}
	g.sectors = 63
	tracks := n / 63
	for g.heads = 16; g.heads < 128 && tracks/int64(g.heads) > maxCylinders; g.heads *= 2 {
	}
	if tracks/int64(g.heads) > maxCylinders {
		g.heads = 255
	}
	g.cylinders = int(min(max(tracks/int64(g.heads), 1), maxCylinders))
	return g
}

// floppyFormat is one format of diskettes.
type floppyFormat struct {
	kib   int
	drive uint8 // type of drive in CMOS
	chs
}

// floppyFormats are those that BIOSes know, and the first of those with more sectors that images have.
var floppyFormats = []floppyFormat{
	{160, 1, chs{40, 1, 8}}, {180, 1, chs{40, 1, 9}}, {320, 1, chs{40, 2, 8}}, {360, 1, chs{40, 2, 9}},
	{720, 3, chs{80, 2, 9}}, {1200, 2, chs{80, 2, 15}}, {1440, 4, chs{80, 2, 18}}, {2880, 5, chs{80, 2, 36}},
	{1520, 4, chs{80, 2, 19}}, {1600, 4, chs{80, 2, 20}}, {1680, 4, chs{80, 2, 21}}, {1722, 4, chs{82, 2, 21}}, {1743, 4, chs{83, 2, 21}},
	{1760, 4, chs{80, 2, 22}}, {1840, 4, chs{80, 2, 23}}, {1920, 4, chs{80, 2, 24}},
	{3120, 5, chs{80, 2, 39}}, {3200, 5, chs{80, 2, 40}}, {3520, 5, chs{80, 2, 44}}, {3840, 5, chs{80, 2, 48}},
}

// formatOf is the format of the medium in a drive: that of its size, or the next larger. Without a medium it is 1.44 MB.
func formatOf(d *Drive) floppyFormat {
	const usual = 6
	m, ok := d.Medium()
	if !ok {
		return floppyFormats[usual]
	}
	best := -1
	for i, x := range floppyFormats {
		n := int64(x.kib) << 10
		if n == m.Size {
			return x
		}
		if n > m.Size && (best < 0 || x.kib < floppyFormats[best].kib) {
			best = i
		}
	}
	if best < 0 {
		best = usual
	}
	return floppyFormats[best]
}

// floppyType is a drive's type in CMOS: a 1.44 MB drive, unless the medium wants another.
func floppyType(d *Drive) uint8 { return max(formatOf(d).drive, 4) }

// changes counts how often the medium of a drive has changed.
func changes(d *Drive) uint {
	if x, ok := d.Drive.(interface{ Changes() uint }); ok {
		return x.Changes()
	}
	return 0
}

// transfer is one request to a drive for which a call waits.
type transfer struct {
	req  block.Request
	key  uint32 // of the call; 0: nobody waits any more
	done bool
	buf  []byte
}

// maxTransfer is the most bytes of a transfer: a segment.
const maxTransfer = 64 << 10

// begin submits a request for a call. A call that has begun one before and did not come back loses it.
func (f *Firmware) begin(c *Call, d *Drive, op block.Op, offset int64, n int) *transfer {
	f.drop(f.transferOf(c))
	s := &f.disks
	var t *transfer
	if i := len(s.idle) - 1; i >= 0 {
		t, s.idle = s.idle[i], s.idle[:i]
	} else {
		t = &transfer{buf: make([]byte, maxTransfer)}
		t.req.Done = func(*block.Request) { f.finished(t) }
	}
	t.key, t.done = max(c.Key, 1), false
	t.req.Op, t.req.Offset, t.req.Data, t.req.Length, t.req.Err = op, offset, t.buf[:n], 0, nil
	if op == block.Flush {
		t.req.Data = nil
	}
	s.transfer = append(s.transfer, t)
	return t
}

// finished is called when a drive has done a transfer.
func (f *Firmware) finished(t *transfer) {
	t.done = true
	if t.key == 0 {
		f.disks.idle = append(f.disks.idle, t)
		return
	}
	f.opt.Wake()
}

// submit gives a transfer to its drive.
func (t *transfer) submit(d *Drive) { d.Submit(&t.req) }

// transferOf is the transfer for which a call waits, or nil.
func (f *Firmware) transferOf(c *Call) *transfer {
	for _, t := range f.disks.transfer {
		if t.key == max(c.Key, 1) {
			return t
		}
	}
	return nil
}

// drop ends the wait for a transfer.
func (f *Firmware) drop(t *transfer) {
	s := &f.disks
	i := slices.Index(s.transfer, t)
	if i < 0 {
		return
	}
	s.transfer = slices.Delete(s.transfer, i, i+1)
	t.key = 0
	if t.done {
		s.idle = append(s.idle, t)
	}
}

// errWait says that a transfer goes on: the service must return Again.
var errWait = errors.New("the transfer goes on")

// sectors are what a call has read so far, for services that read several times and are called from their beginning each time.
type sectors struct {
	data [][]byte
	errs []error
	next int
}

// read gives the n bytes at an offset of a drive, rounded to whole sectors by the caller. errWait: not yet.
func (f *Firmware) read(c *Call, s *sectors, d *Drive, offset int64, n int) ([]byte, error) {
	if s.next < len(s.data) {
		s.next++
		return s.data[s.next-1], s.errs[s.next-1]
	}
	m, ok := d.Medium()
	if !ok {
		return nil, block.ErrNoMedium
	}
	if offset < 0 || offset+int64(n) > m.Size {
		return nil, block.ErrRange
	}
	t := f.transferOf(c)
	if t == nil {
		f.begin(c, d, block.Read, offset, n).submit(d)
		return nil, errWait
	}
	if !t.done {
		return nil, errWait
	}
	s.data = append(s.data, append([]byte(nil), t.req.Data...))
	s.errs = append(s.errs, t.req.Err)
	s.next++
	f.drop(t)
	return s.data[s.next-1], s.errs[s.next-1]
}
