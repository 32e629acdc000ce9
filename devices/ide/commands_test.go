package ide

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"goemu/devices/ata"
)

// text reads characters of IDENTIFY.
func text(p []byte, from, to int) string {
	var s []byte
	for i := 2 * from; i <= 2*to; i += 2 {
		s = append(s, p[i+1], p[i])
	}
	return strings.TrimSpace(string(s))
}

func TestIdentify(t *testing.T) {
	b := newBench(t)
	b.out(0x1f7, ata.CmdIdentify)
	b.wantIRQ("IDENTIFY DEVICE", 1)
	p := b.readWords(256)
	w := func(n int) int { return int(binary.LittleEndian.Uint16(p[2*n:])) }
	for n, want := range map[int]int{
		0: 0x40, 1: diskSize / 512 / 1008, 3: 16, 6: 63, 47: 0x8010, 59: 0x110, 60: diskSize / 512 & 0xffff, 61: diskSize / 512 >> 16,
		100: diskSize / 512 & 0xffff, 101: diskSize / 512 >> 16, 102: 0, 106: 0x4000, 76: 0, 88: 0x203f,
	} {
		if w(n) != want {
			t.Errorf("word %d: %#x, want %#x", n, w(n), want)
		}
	}
	if got := text(p, 27, 46); got != "GOEMU HARDDISK" {
		t.Errorf("model %q", got)
	}
	sum := byte(0)
	for _, v := range p {
		sum += v
	}
	if sum != 0 || p[510] != 0xa5 {
		t.Errorf("checksum: the bytes add up to %#x", sum)
	}
	b.out(0x1f1, 3)
	b.out(0x1f2, 0x22)
	b.out(0x1f7, ata.CmdSetFeatures)
	b.in(0x1f7)
	b.out(0x1f7, ata.CmdIdentify)
	p = b.readWords(256)
	if w(63) != 0x407 || w(88) != 0x3f {
		t.Errorf("after SET FEATURES of multiword DMA 2: words 63 %#x, 88 %#x", w(63), w(88))
	}
	b.out(0x1f6, 0xb0)
	b.out(0x1f7, ata.CmdIdentifyPacket)
	p = b.readWords(256)
	if w(0) != 0x85c0 || w(82)>>4&1 == 0 {
		t.Errorf("IDENTIFY PACKET DEVICE: words 0 %#x, 82 %#x", w(0), w(82))
	}
}

// Commands without data, and what they answer.
func TestSmallCommands(t *testing.T) {
	for _, c := range []struct {
		name           string
		cmd            uint8
		features       uint8
		count          uint8
		lba            uint32
		status, result uint8 // result: Count afterwards
	}{
		{"NOP", ata.CmdNOP, 0, 0, 0, 0x51, 0},
		{"VERIFY", ata.CmdVerify, 0, 16, lba28 | 5, 0x50, 0},
		{"CHECK POWER MODE", 0xe5, 0, 0, 0, 0x50, 0xff},
		{"STANDBY IMMEDIATE", 0xe0, 0, 0, 0, 0x50, 0},
		{"SMART RETURN STATUS", ata.CmdSMART, 0xda, 0, 0xc24f << 8, 0x50, 0},
		{"SMART without its key", ata.CmdSMART, 0xda, 0, 0, 0x51, 0},
		{"unknown", 0x11, 0, 0, 0, 0x51, 0},
		{"PACKET to a disk", ata.CmdPacket, 0, 0, 0, 0x51, 0},
		{"DEVICE RESET to a disk", ata.CmdDeviceReset, 0, 0, 0, 0x51, 0},
		{"READ FPDMA QUEUED on a parallel cable", ata.CmdReadFPDMA, 1, 0, lba28, 0x51, 0},
		{"SET FEATURES, unknown", ata.CmdSetFeatures, 0x77, 0, 0, 0x51, 0},
		{"SET FEATURES, UDMA 6", ata.CmdSetFeatures, 3, 0x46, 0, 0x51, 0x46},
	} {
		b := newBench(t)
		b.out(0x1f1, c.features)
		b.command(c.cmd, c.count, c.lba)
		b.disk.Work()
		b.wantStatus(c.name, c.status)
		b.wantIRQ(c.name, 1)
		if got := b.in(0x1f2); got != c.result {
			t.Errorf("%s: count %#x, want %#x", c.name, got, c.result)
		}
	}
	b := newBench(t)
	b.command(ata.CmdWriteSectors, 1, lba28|1)
	b.out(0x1f3, 99) // the registers are not writable with DRQ
	b.writeWords(make([]byte, 512))
	b.out(0x1f7, ata.CmdIdentify) // nor is a command taken while BSY
	b.disk.Work()
	b.wantStatus("the write", 0x50)
	if b.in(0x1f3) != 1 || b.disk.Image[512] != 0 || b.disk.Image[99*512] != 99 {
		t.Error("registers were written while the device was busy")
	}
	b.out(0x1f7, 0xe6) // SLEEP
	b.in(0x1f7)
	b.out(0x1f7, ata.CmdIdentify)
	b.wantStatus("asleep", 0x50)
}

func TestTrim(t *testing.T) {
	b := newBench(t)
	list := make([]byte, 512)
	binary.LittleEndian.PutUint64(list, 3<<48|10)
	binary.LittleEndian.PutUint64(list[16:], 1<<48|20)
	copy(b.mem[0x8000:], list)
	b.prd(0x8000, 512)
	b.out(0x1f1, 1)
	b.out(bmBase, bmStart)
	b.ext(ata.CmdTrim, 1, 0)
	b.disk.Work()
	b.wantStatus("DATA SET MANAGEMENT", 0x50)
	for sector, want := range map[int]byte{9: 9, 10: 0, 12: 0, 13: 13, 20: 0, 21: 21} {
		if b.disk.Image[sector*512] != want {
			t.Errorf("sector %d begins with %d, want %d", sector, b.disk.Image[sector*512], want)
		}
	}
}

// A restored controller goes on in the middle of a transfer, and does again what its drive had not done.
func TestState(t *testing.T) {
	b := newBench(t)
	b.command(ata.CmdReadSectors, 2, lba28|5)
	b.disk.Work()
	first := b.readWords(300)
	reading := newBench(t)
	if err := reading.c.RestoreState(b.c.SaveState()); err != nil {
		t.Fatal(err)
	}
	if got := append(first, reading.readWords(212)...); !bytes.Equal(got, b.disk.Image[5*512:7*512]) {
		t.Error("wrong data after restoring in a transfer")
	}
	b = newBench(t)
	b.command(ata.CmdWriteSectors, 1, lba28|5)
	b.writeWords(bytes.Repeat([]byte{0x77}, 512))
	writing := newBench(t)
	if err := writing.c.RestoreState(b.c.SaveState()); err != nil {
		t.Fatal(err)
	}
	writing.disk.Work()
	writing.wantStatus("the end", 0x50)
	if writing.disk.Image[5*512] != 0x77 {
		t.Error("the write that was under way is lost")
	}
	s := b.c.SaveState()
	s.Version++
	if b.c.RestoreState(s) == nil {
		t.Error("a state of another version was taken")
	}
}

func TestDataPathAllocations(t *testing.T) {
	b := newBench(t)
	b.prd(0x8000, 0)
	n := testing.AllocsPerRun(20, func() {
		b.out(bmBase, 0)
		b.out(bmBase, bmStart|bmToMemory)
		b.command(ata.CmdReadDMA, 128, lba28)
		for _, r := range b.disk.Pending() {
			r.Done(r)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a command", n)
	}
}
