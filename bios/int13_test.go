package bios

import (
	"bytes"
	"testing"
)

// disk calls INT 13h with AX, CX, DX and the buffer at 2000:0000.
func (b *bench) disk(ax, cx, dx uint16) *Call {
	b.t.Helper()
	return b.call("int13", func(c *Call) {
		c.SetR16(AX, ax)
		c.SetR16(CX, cx)
		c.SetR16(DX, dx)
		c.SetSeg(ES, 0x2000)
		c.SetSeg(DS, 0x2000)
	})
}

// status wants AH and the carry flag of a call.
func (b *bench) status(what string, c *Call, want uint8) {
	b.t.Helper()
	if got, cf := c.R8(AH), c.Flags()&flagCF != 0; got != want || cf != (want != 0) {
		b.t.Errorf("%s: AH %02x, carry %v; want %02x", what, got, cf, want)
	}
}

func TestDiskTransfer(t *testing.T) {
	b := newBench(t)
	hd := b.drives[1]
	copy(hd.data[512:], "second sector")
	b.status("read", b.disk(0x0201, 0x0002, 0x80), diskOK)
	if got := b.mem[0x20000:0x2000d]; string(got) != "second sector" {
		t.Errorf("read %q", got)
	}
	copy(b.mem[0x20000:], "written")
	b.status("write", b.disk(0x0301, 0x0003, 0x80), diskOK)
	if !bytes.HasPrefix(hd.data[1024:], []byte("written")) {
		t.Errorf("wrote %q", hd.data[1024:1031])
	}
}

// TestDiskErrors has drives fail as the host does.
func TestDiskErrors(t *testing.T) {
	b := newBench(t)
	floppy, hd, cd := b.drives[0], b.drives[1], b.drives[2]
	hd.fails = true
	b.status("host error", b.disk(0x0201, 0x0002, 0x80), diskBadTrack)
	hd.fails, hd.ro = false, true
	b.status("write-protected", b.disk(0x0301, 0x0002, 0x80), diskProtected)
	floppy.absent = true
	b.status("no diskette", b.disk(0x0201, 0x0002, 0x00), diskTimeout)
	cd.absent = true
	copy(b.mem[0x20000:], []byte{16, 0, 1, 0, 0, 1, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0})
	b.status("no CD", b.disk(0x4200, 0, 0xe0), diskNoMedia)
	b.status("format without a diskette", b.disk(0x0509, 0x0000, 0x00), diskTimeout)
}

// TestSectorSizes has a disk with sectors of 4096 bytes: numbers are of its sectors.
func TestSectorSizes(t *testing.T) {
	b := newBench(t)
	hd := b.drives[1]
	hd.sector = 4096
	copy(hd.data[3*4096:], "third")
	copy(b.mem[0x20000:], []byte{16, 0, 1, 0, 0, 1, 0, 0x20, 3, 0, 0, 0, 0, 0, 0, 0})
	b.status("read", b.disk(0x4200, 0, 0x80), diskOK)
	if got := b.mem[0x20100:0x20105]; string(got) != "third" {
		t.Errorf("read %q", got)
	}
	b.mem[0x20000], b.mem[0x20001] = 26, 0
	b.status("parameters", b.disk(0x4800, 0, 0x80), diskOK)
	if n := le.Uint16(b.mem[0x20000+24:]); n != 4096 {
		t.Errorf("sectors of %d bytes", n)
	}
}

// TestChangeLine takes diskettes out and puts them in.
func TestChangeLine(t *testing.T) {
	b := newBench(t)
	floppy := b.drives[0]
	b.status("as it was", b.disk(0x1600, 0, 0), diskOK)
	floppy.count++
	b.status("changed", b.disk(0x1600, 0, 0), diskChanged)
	b.status("told once", b.disk(0x1600, 0, 0), diskOK)
	floppy.count++
	b.status("read after a change", b.disk(0x0201, 1, 0), diskChanged)
	b.status("read again", b.disk(0x0201, 1, 0), diskOK)
}

// TestLocks locks and ejects a CD.
func TestLocks(t *testing.T) {
	b := newBench(t)
	cd := b.drives[2]
	b.status("lock", b.disk(0x4500, 0, 0xe0), diskOK)
	if !cd.locked {
		t.Error("the drive is not locked")
	}
	b.status("eject", b.disk(0x4600, 0, 0xe0), diskLocked)
	b.status("unlock", b.disk(0x4501, 0, 0xe0), diskOK)
	b.status("unlock again", b.disk(0x4501, 0, 0xe0), diskUnlocked)
	b.status("eject", b.disk(0x4600, 0, 0xe0), diskOK)
	b.status("eject again", b.disk(0x4600, 0, 0xe0), diskNoMedia)
	b.status("eject a disk", b.disk(0x4600, 0, 0x80), diskNotRemov)
}

// TestGeometry has disks of all sizes: what INT 13h says must hold at least what CHS can reach, and no more than the disk.
func TestGeometry(t *testing.T) {
	for _, c := range []struct {
		sectors int64
		want    chs
	}{
		{16384, chs{16, 16, 63}},
		{1000 * 16 * 63, chs{1000, 16, 63}},
		{1024 * 16 * 63, chs{1024, 16, 63}},
		{2048 * 16 * 63, chs{1024, 32, 63}},
		{4 << 21, chs{1024, 130, 63}}, // 4 GiB
		{16 << 21, chs{1024, 255, 63}},
		{1 << 32, chs{1024, 255, 63}},
	} {
		d := &Drive{Drive: &sizedDrive{testDrive{sector: 512}, c.sectors * 512}}
		g := diskGeometry(d)
		if c.want.heads == 130 { // more than 128 heads: 255
			c.want = chs{int(c.sectors / 63 / 255), 255, 63}
		}
		if g.chs != c.want || g.total() > c.sectors {
			t.Errorf("%d sectors: %+v, want %+v", c.sectors, g.chs, c.want)
		}
	}
}
