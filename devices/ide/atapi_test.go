package ide

import (
	"bytes"
	"errors"
	"testing"

	"goemu/devices/ata"
)

// packet sends a command packet to the CD drive, by PIO with blocks of at most limit bytes, and reads what comes. It gives the sense key
// that the Error register has; 0: no error.
func (b *bench) packet(limit int, cdb ...byte) (data []byte, key uint8) {
	b.t.Helper()
	b.out(0x1f6, 0xb0)
	b.out(0x1f1, 0)
	b.out(0x1f4, uint8(limit))
	b.out(0x1f5, uint8(limit>>8))
	b.irq[0].Edges()
	b.out(0x1f7, ata.CmdPacket)
	if b.in(0x1f7) != 0x58 || b.in(0x1f2)&3 != 1 || b.irq[0].Edges() != 0 {
		b.t.Errorf("command phase: status %02x, reason %02x", b.in(0x1f7), b.in(0x1f2))
	}
	cdb = append(cdb, make([]byte, 12-len(cdb))...)
	b.writeWords(cdb)
	for {
		b.cd.Work()
		if n := b.irq[0].Edges(); n != 1 {
			b.t.Errorf("packet %x: %d interrupts", cdb, n)
		}
		status, reason := b.in(0x1f7), b.in(0x1f2)&3
		if status&ata.StatusDRQ == 0 {
			if reason != 3 || status&0xf0 != 0x50 {
				b.t.Errorf("packet %x: status %02x, reason %d at the end", cdb, status, reason)
			}
			return data, b.in(0x1f1) >> 4
		}
		n := int(b.in(0x1f4)) | int(b.in(0x1f5))<<8
		if reason != 2 || n == 0 || n > limit {
			b.t.Fatalf("packet %x: reason %d, %d bytes", cdb, reason, n)
		}
		data = append(data, b.readWords((n + 1) / 2)[:n]...)
	}
}

// sense is REQUEST SENSE: key, code and qualifier.
func (b *bench) sense() [3]byte {
	p, _ := b.packet(0xfffe, 3, 0, 0, 0, 18)
	if len(p) != 18 {
		b.t.Fatalf("sense of %d bytes", len(p))
	}
	return [3]byte{p[2], p[12], p[13]}
}

func (b *bench) wantSense(what string, want [3]byte) {
	b.t.Helper()
	if got := b.sense(); got != want {
		b.t.Errorf("%s: sense %x, want %x", what, got, want)
	}
}

// ready gets over the unit attention of power-on.
func (b *bench) ready() {
	b.t.Helper()
	if _, key := b.packet(0xfffe, 0); key != 6 {
		b.t.Errorf("no unit attention at power-on: key %d", key)
	}
	b.wantSense("power-on", [3]byte{6, 0x29, 0})
	if _, key := b.packet(0xfffe, 0); key != 0 {
		b.t.Errorf("TEST UNIT READY: key %d", key)
	}
}

func TestPacketRead(t *testing.T) {
	b := newBench(t)
	b.ready()
	for _, limit := range []int{2048, 4096, 0x1001, 0xfffe} {
		got, key := b.packet(limit, 0x28, 0, 0, 0, 0, 5, 0, 0, 4)
		if key != 0 || !bytes.Equal(got, b.cd.Image[5*2048:9*2048]) {
			t.Errorf("READ (10), limit %d: key %d, %d bytes", limit, key, len(got))
		}
	}
	got, key := b.packet(0xfffe, 0xa8, 0, 0, 0, 0, 1, 0, 0, 1, 0) // more than a piece
	if key != 0 || !bytes.Equal(got, b.cd.Image[2048:257*2048]) {
		t.Errorf("READ (12): key %d, %d bytes", key, len(got))
	}
	if _, key := b.packet(0xfffe, 0x28, 0, 0, 0, 5, 0xff, 0, 0, 2); key != 5 {
		t.Errorf("READ beyond the end: key %d", key)
	}
	b.wantSense("READ beyond the end", [3]byte{5, 0x21, 0})
	b.cd.Err = errors.New("EIO")
	if _, key := b.packet(0xfffe, 0x28, 0, 0, 0, 0, 0, 0, 0, 1); key != 3 {
		t.Errorf("READ that fails: key %d", key)
	}
	b.wantSense("READ that fails", [3]byte{3, 0x11, 0})
	b.packet(0xfffe, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1)
	b.wantSense("WRITE (10)", [3]byte{5, 0x20, 0})
	b.wantSense("no error", [3]byte{})
}

func TestPacketDMA(t *testing.T) {
	b := newBench(t)
	b.ready()
	b.prd(0x8000, 0x1000, 0x20000, 0x800)
	b.out(0x1f1, 1)
	b.out(0x1f7, ata.CmdPacket)
	b.writeWords([]byte{0x28, 0, 0, 0, 0, 7, 0, 0, 3, 0, 0, 0})
	b.out(bmBase, bmStart|bmToMemory)
	b.cd.Work()
	b.wantStatus("the end", 0x50)
	b.wantIRQ("the end", 1)
	if b.in(bmBase+bmStatus)&7 != bmInterrupt {
		t.Errorf("bus master status %02x", b.in(bmBase+bmStatus))
	}
	if !bytes.Equal(b.mem[0x8000:0x9000], b.cd.Image[7*2048:9*2048]) || !bytes.Equal(b.mem[0x20000:0x20800], b.cd.Image[9*2048:10*2048]) {
		t.Error("wrong data in memory")
	}
}

// Answers of fixed form. The disc has 1536 sectors.
func TestPacketAnswers(t *testing.T) {
	for _, c := range []struct {
		name string
		cdb  []byte
		want []byte // the beginning
		size int    // of the whole
	}{
		{"READ CAPACITY", []byte{0x25}, []byte{0, 0, 5, 0xff, 0, 0, 8, 0}, 8},
		{"INQUIRY", []byte{0x12, 0, 0, 0, 96}, []byte("\x05\x80\x00\x21\x1f\x00\x00\x00GOEMU   GOEMU DVD-ROM   1.0 "), 36},
		{"INQUIRY, 5 bytes", []byte{0x12, 0, 0, 0, 5}, []byte{5, 0x80, 0, 0x21, 31}, 5},
		{"INQUIRY, page 80h", []byte{0x12, 1, 0x80, 0, 96}, []byte("\x05\x80\x00\x07GE00002"), 11},
		{"READ TOC, LBA", []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100}, []byte{0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xaa, 0, 0, 0, 6, 0}, 20},
		{"READ TOC, MSF", []byte{0x43, 2, 0, 0, 0, 0, 0xaa, 0, 100}, []byte{0, 10, 1, 1, 0, 0x14, 0xaa, 0, 0, 0, 22, 36}, 12},
		{"READ TOC, sessions", []byte{0x43, 0, 1, 0, 0, 0, 0, 0, 100}, []byte{0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0}, 12},
		{"READ TOC, old format field", []byte{0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40}, []byte{0, 10, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0}, 12},
		{"READ TOC, all", []byte{0x43, 2, 2, 0, 0, 0, 0, 0, 100}, []byte{0, 46, 1, 1, 1, 0x14, 0, 0xa0, 0, 0, 0, 0, 1}, 48},
		{"MODE SENSE (10)", []byte{0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 100}, []byte{0, 26, 1, 0, 0, 0, 0, 0, 0x2a, 18}, 28},
		{"MODE SENSE (6)", []byte{0x1a, 0, 1, 0, 100}, []byte{11, 1, 0, 0, 1, 6, 0, 5}, 12},
		{"MECHANISM STATUS", []byte{0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8}, []byte{0, 0}, 8},
		{"GET CONFIGURATION", []byte{0x46, 0, 0, 0, 0, 0, 0, 1, 0}, []byte{0, 0, 0, 84, 0, 0, 0, 8, 0, 0, 3, 8, 0, 0x10, 0, 0, 0, 8, 1, 0}, 88},
		{"GET CONFIGURATION, one", []byte{0x46, 2, 0, 0x1e, 0, 0, 0, 1, 0}, []byte{0, 0, 0, 12, 0, 0, 0, 8, 0, 0x1e, 9, 4}, 16},
		{"READ DISC INFORMATION", []byte{0x51, 0, 0, 0, 0, 0, 0, 0, 100}, []byte{0, 32, 0xe, 1, 1, 1, 1}, 34},
		{"READ TRACK INFORMATION", []byte{0x52, 1, 0, 0, 0, 1, 0, 0, 100}, []byte{0, 34, 1, 1, 0, 4, 1}, 36},
		{"READ SUB-CHANNEL", []byte{0x42, 2, 0x40, 1, 0, 0, 0, 0, 100}, []byte{0, 0x15, 0, 12, 1, 0x14, 1, 1}, 16},
		{"GET EVENT STATUS", []byte{0x4a, 1, 0, 0, 0x10, 0, 0, 0, 100}, []byte{0, 4, 4, 0x10, 0, 2, 0, 0}, 8},
		{"GET EVENT STATUS, no class", []byte{0x4a, 1, 0, 0, 2, 0, 0, 0, 100}, []byte{0, 2, 0x80, 0x10}, 4},
		{"READ DVD STRUCTURE, list", []byte{0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 100}, []byte{0, 14, 0, 0, 0, 0x40, 8, 4}, 16},
		{"READ CD, no data", []byte{0xbe}, nil, 0},
	} {
		b := newBench(t)
		b.ready()
		got, key := b.packet(0xfffe, c.cdb...)
		if key != 0 || len(got) != c.size || !bytes.HasPrefix(got, c.want) {
			t.Errorf("%s: key %d, %d bytes: % x\nwant %d bytes: % x", c.name, key, len(got), got, c.size, c.want)
		}
	}
}

func TestPacketErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		cdb  []byte
		want [3]byte
	}{
		{"READ TOC, format 5", []byte{0x43, 0, 5, 0, 0, 0, 0, 0, 100}, [3]byte{5, 0x24, 0}},
		{"READ TOC, track 2", []byte{0x43, 0, 0, 0, 0, 0, 2, 0, 100}, [3]byte{5, 0x24, 0}},
		{"MODE SENSE, unknown page", []byte{0x5a, 0, 0x11, 0, 0, 0, 0, 0, 100}, [3]byte{5, 0x24, 0}},
		{"MODE SENSE, saved", []byte{0x5a, 0, 0xea, 0, 0, 0, 0, 0, 100}, [3]byte{5, 0x39, 0}},
		{"READ CD as CD-DA", []byte{0xbe, 4, 0, 0, 0, 0, 0, 0, 1, 0x10}, [3]byte{5, 0x64, 0}},
		{"GET EVENT STATUS, asynchronous", []byte{0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8}, [3]byte{5, 0x24, 0}},
		{"READ DVD STRUCTURE of a CD", []byte{0xad, 0, 0, 0, 0, 0, 0, 0, 8, 4}, [3]byte{5, 0x30, 2}},
		{"SEEK beyond the end", []byte{0x2b, 0, 0, 0, 6, 0}, [3]byte{5, 0x21, 0}},
	} {
		b := newBench(t)
		b.ready()
		if _, key := b.packet(0xfffe, c.cdb...); key != c.want[0] {
			t.Errorf("%s: key %d", c.name, key)
		}
		b.wantSense(c.name, c.want)
	}
	b := newBench(t)
	b.ready()
	b.out(0x1f4, 0)
	b.out(0x1f5, 0)
	b.out(0x1f7, ata.CmdPacket)
	b.writeWords([]byte{0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	b.wantStatus("data with a byte count limit of 0", 0x51)
}

// A medium that changes: unit attention, events, the tray, the lock.
func TestMediumChange(t *testing.T) {
	b := newBench(t)
	b.ready()
	event := func() [2]byte {
		p, _ := b.packet(0xfffe, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8)
		return [2]byte{p[4], p[5]}
	}
	b.cd.Swap(make([]byte, 2048*100))
	b.packet(0xfffe, 0x25)
	b.wantSense("a new disc", [3]byte{6, 0x28, 0})
	if got := event(); got != [2]byte{2, 2} {
		t.Errorf("event %x after a change", got)
	}
	if got := event(); got != [2]byte{0, 2} {
		t.Errorf("event %x the second time", got)
	}
	if p, _ := b.packet(0xfffe, 0x25); !bytes.Equal(p, []byte{0, 0, 0, 99, 0, 0, 8, 0}) {
		t.Errorf("capacity % x", p)
	}
	b.packet(0xfffe, 0x1e, 0, 0, 0, 1)
	if !b.cd.Locked {
		t.Error("PREVENT MEDIUM REMOVAL does not lock")
	}
	b.cd.WantEject()
	if got := event(); got != [2]byte{1, 2} {
		t.Errorf("event %x when the user wants the disc", got)
	}
	b.packet(0xfffe, 0x1b, 0, 0, 0, 2)
	b.wantSense("eject of a locked disc", [3]byte{5, 0x53, 2})
	b.packet(0xfffe, 0x1e, 0, 0, 0, 0)
	b.packet(0xfffe, 0x1b, 0, 0, 0, 2)
	if !b.cd.Open {
		t.Error("START STOP UNIT does not eject")
	}
	if got := event(); got != [2]byte{3, 1} {
		t.Errorf("event %x after an eject", got)
	}
	b.packet(0xfffe, 0)
	b.wantSense("tray open", [3]byte{2, 0x3a, 2})
	b.packet(0xfffe, 0x1b, 0, 0, 0, 3)
	b.packet(0xfffe, 0)
	b.wantSense("loaded again", [3]byte{6, 0x28, 0})
	b.cd.Swap(nil)
	b.packet(0xfffe, 0x28, 0, 0, 0, 0, 0, 0, 0, 1)
	b.wantSense("no disc", [3]byte{2, 0x3a, 1})
}

// A raw sector with the EDC and parity of ECMA-130: each P and Q vector of a Reed-Solomon code has sums of 0, and the CRC of data and EDC is 0.
func TestReadCDRaw(t *testing.T) {
	b := newBench(t)
	b.ready()
	got, key := b.packet(0xfffe, 0xbe, 0, 0, 0, 0x04, 0x00, 0, 0, 2, 0xf8)
	if key != 0 || len(got) != 2*2352 {
		t.Fatalf("key %d, %d bytes", key, len(got))
	}
	for n := range 2 {
		s := got[n*2352:][:2352]
		lba := 0x400 + n + 150
		header := []byte{byte(lba / 4500 % 10), byte(lba/75%60/10<<4 | lba/75%60%10), byte(lba%75/10<<4 | lba%75%10), 1}
		if !bytes.Equal(s[:12], []byte("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00")) || !bytes.Equal(s[12:16], header) {
			t.Errorf("sector %d: sync and header % x", n, s[:16])
		}
		if !bytes.Equal(s[16:2064], b.cd.Image[(0x400+n)*2048:][:2048]) {
			t.Errorf("sector %d: wrong data", n)
		}
		crc := uint32(0) // bit by bit, in the standard's order: the remainder of everything up to the EDC is 0
		for _, v := range s[:2068] {
			for i := range 8 {
				bit := uint32(v>>i) & 1
				bit ^= crc & 1
				crc = crc>>1 ^ bit*0xd8018001
			}
		}
		if crc != 0 {
			t.Errorf("sector %d: EDC is wrong", n)
		}
		checkParity(t, s)
	}
	got, _ = b.packet(0xfffe, 0xbe, 0, 0, 0, 0, 9, 0, 0, 3, 0x30)
	if len(got) != 3*2052 || !bytes.Equal(got[2052+4:2*2052], b.cd.Image[10*2048:11*2048]) {
		t.Errorf("header and data: %d bytes", len(got))
	}
	if got, _ = b.packet(0xfffe, 0xbe, 0, 0, 0, 0, 9, 0, 0, 3, 0x20); !bytes.Equal(got, []byte{0, 2, 9, 1, 0, 2, 0x10, 1, 0, 2, 0x11, 1}) {
		t.Errorf("headers alone: % x", got)
	}
}

// gfMul multiplies in GF(2^8) with x^8+x^4+x^3+x^2+1.
func gfMul(a, b int) int {
	v := 0
	for ; b > 0; b >>= 1 {
		if b&1 != 0 {
			v ^= a
		}
		if a <<= 1; a&0x100 != 0 {
			a ^= 0x11d
		}
	}
	return v
}

// checkParity checks the sums of all vectors as ECMA-130 annex A defines them, over 16-bit words whose bytes are coded apart.
func checkParity(t *testing.T, s []byte) {
	word := func(n, half int) int { return int(s[12+2*n+half]) }
	check := func(kind string, at []int, half int) {
		s0, s1 := 0, 0
		for i, n := range at {
			v := word(n, half)
			s0 ^= v
			weight := 1
			for range len(at) - 1 - i {
				weight = gfMul(weight, 2)
			}
			s1 ^= gfMul(weight, v)
		}
		if s0 != 0 || s1 != 0 {
			t.Errorf("%s vector at word %d: sums %x, %x", kind, at[0], s0, s1)
		}
	}
	for half := range 2 {
		for p := range 43 {
			var at []int
			for m := range 26 {
				at = append(at, 43*m+p)
			}
			check("P", at, half)
		}
		for q := range 26 {
			var at []int
			for m := range 43 {
				at = append(at, (44*m+43*q)%1118)
			}
			check("Q", append(at, 1118+q, 1144+q), half)
		}
	}
}

func FuzzPackets(f *testing.F) {
	f.Add([]byte{0x28, 0, 0, 0, 0, 5, 0, 0, 4, 0, 0, 0, 0x12, 0, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0xbe, 0, 0, 0, 0, 5, 0, 0, 4, 0xf8, 0, 0, 0x55, 0x10, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		b := newBenchOf(t, 64<<10, 64<<10)
		b.out(0x1f6, 0xb0)
		for n := 0; len(in) >= 13 && n < 50; n, in = n+1, in[13:] {
			b.out(0x1f4, in[12])
			b.out(0x1f5, in[12]>>4)
			b.out(0x1f7, ata.CmdPacket)
			b.writeWords(in[:12])
			for range 1000 {
				b.cd.Work()
				switch status := b.in(0x1f7); {
				case status&ata.StatusDRQ == 0:
				case b.in(0x1f2)&2 != 0:
					b.readWords(64)
					continue
				default:
					b.writeWords(bytes.Repeat([]byte{in[3], in[4]}, 64))
					continue
				}
				break
			}
			if in[0]&1 != 0 {
				b.out(0x1f7, ata.CmdDeviceReset)
				b.cd.Work()
			}
			if in[1]&7 == 7 {
				b.cd.Swap(b.cd.Image)
			}
		}
	})
}
