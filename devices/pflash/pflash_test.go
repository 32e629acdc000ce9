package pflash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"goemu/devices"
	"goemu/devices/block"
	"goemu/devices/devtest"
	"goemu/mmu"
)

const base = 0xffc00000

// space makes a Bus of an address space.
type space struct{ *mmu.Space }

func (s space) MapROM(base uint64, p []byte, w devices.MMIODevice) { s.Space.MapROM(base, p, w) }
func (s space) MapMMIO(base, size uint64, d devices.MMIODevice)    { s.MapIO(base, size, d) }
func (s space) UnmapMMIO(base, size uint64)                        { s.Unmap(base, size) }

// disk is a drive in memory that does requests when it is told to. Methods that a flash does not need are missing.
type disk struct {
	block.Drive
	data     []byte
	readOnly bool
	waiting  []*block.Request
	err      error
	writes   int
}

func (d *disk) Medium() (block.Medium, bool) {
	return block.Medium{Size: int64(len(d.data)), Sector: 512, Physical: 512, ReadOnly: d.readOnly}, true
}

func (d *disk) Submit(r *block.Request) { d.waiting = append(d.waiting, r) }

// work does what waits, and what that leads to.
func (d *disk) work() {
	for len(d.waiting) > 0 {
		r := d.waiting[0]
		d.waiting = d.waiting[1:]
		if r.Err = d.err; r.Err == nil {
			copy(d.data[r.Offset:], r.Data)
			d.writes++
		}
		r.Done(r)
	}
}

type bench struct {
	*mmu.Space
	t    *testing.T
	f    *Flash
	data []byte
	disk *disk
}

func newBench(t *testing.T, size int) *bench {
	b := &bench{t: t, Space: mmu.NewSpace(40), data: make([]byte, size), disk: &disk{data: make([]byte, size)}}
	for i := range b.data {
		b.data[i] = byte(i*7 + i>>8)
	}
	copy(b.disk.data, b.data)
	f, err := New("flash", b.data, b.disk)
	if err != nil {
		t.Fatal(err)
	}
	b.f = f
	f.MapInto(space{b.Space}, base)
	f.Reset()
	return b
}

// w writes bytes, each to its place: address and value in turn.
func (b *bench) w(pairs ...uint64) {
	for i := 0; i < len(pairs); i += 2 {
		b.Write(base+pairs[i], 1, pairs[i+1])
	}
}

func (b *bench) status(what string, want uint8) {
	b.t.Helper()
	b.w(0, cmdReadStatus)
	if got := uint8(b.Read(base+5, 1)); got != want {
		b.t.Errorf("%s: status %#x, want %#x", what, got, want)
	}
	b.w(0, cmdReadArray)
}

func (b *bench) array(what string, off int, want ...byte) {
	b.t.Helper()
	b.w(0, cmdReadArray)
	got := make([]byte, len(want))
	if err := b.ReadPhys(base+uint64(off), got); err != nil || !bytes.Equal(got, want) {
		b.t.Errorf("%s: %#x reads % x (%v), want % x", what, off, got, err, want)
	}
}

// TestDetection is how OVMF tells flash from ROM and RAM.
func TestDetection(t *testing.T) {
	b := newBench(t, 64<<10)
	at := uint64(base + 1)
	was := b.Read(at, 1)
	b.Write(at, 1, cmdClearStatus)
	if got := b.Read(at, 1); got != was {
		t.Errorf("after Clear Status: %#x, want the contents %#x", got, was)
	}
	b.Write(at, 1, cmdReadStatus)
	if got := b.Read(at, 1); got != 0 {
		t.Errorf("cleared status: %#x", got)
	}
	b.Write(at, 1, cmdReadArray)
	if got := b.Read(at, 1); got != was {
		t.Errorf("array: %#x, want %#x", got, was)
	}
}

// Table 11 of the data sheet.
func TestCommands(t *testing.T) {
	b := newBench(t, 64<<10)
	copy(b.data[0x100:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x5a})
	b.w(0x100, cmdProgramAlt, 0x100, 0x12, 0x101, cmdProgram, 0x101, 0x34)
	b.status("programmed", statusReady)
	b.array("programmed", 0x100, 0x12, 0x34, 0xff)
	b.w(0x100, cmdProgram, 0x100, 0xf0, 0x105, cmdProgram, 0x105, 0xf3)
	b.array("programming only clears bits", 0x100, 0x10, 0x34, 0xff, 0xff, 0xff, 0x52)
	b.w(0x102, cmdProgram)
	b.Write(base+0x102, 2, 0xabcd)
	b.array("a word", 0x100, 0x10, 0x34, 0xcd, 0xab)

	b.w(0, cmdClearStatus)
	b.status("cleared", 0)
	first, last := b.data[0xfff], b.data[0x2000]
	b.w(0x1234, cmdErase, 0x1234, cmdConfirm)
	b.status("erased", statusReady)
	b.array("erased", 0xfff, append([]byte{first}, bytes.Repeat([]byte{0xff}, BlockSize)...)...)
	b.array("erased", 0x2000, last)

	b.w(0x1000, cmdErase, 0x1000, 0x55)
	b.status("erase not confirmed", statusReady|statusSequence)
	b.array("erase not confirmed", 0x1000, 0xff)
	b.w(0, cmdClearStatus)
	b.w(0, cmdLock, 0, cmdLockSet, 0, cmdConfigure, 0, 1, 0, cmdProtection, 0, 1)
	b.status("commands that change nothing", statusReady)
	b.w(0, cmdLock, 0, 0x77)
	b.status("not a lock command", statusReady|statusSequence)
	b.w(0, cmdClearStatus, 0, cmdErase, 0, cmdConfirm, 0, cmdSuspend, 0, cmdConfirm)
	b.status("suspended too late", statusReady)
}

func TestWriteBuffer(t *testing.T) {
	b := newBench(t, 64<<10)
	b.w(0x3000, cmdErase, 0x3000, cmdConfirm)
	b.w(0x3010, cmdWriteBuffer)
	if got := b.Read(base+0x3010, 1); got&statusReady == 0 {
		t.Errorf("the buffer is not free: %#x", got)
	}
	b.w(0x3010, 3, 0x3010, 1, 0x3011, 2)
	b.Write(base+0x3012, 2, 0x0403)
	b.w(0x3010, cmdConfirm)
	b.status("buffer", statusReady)
	b.array("buffer", 0x300f, 0xff, 1, 2, 3, 4, 0xff)
	for name, seq := range map[string][]uint64{
		"too many":           {0, cmdWriteBuffer, 0, bufferSize},
		"not confirmed":      {0x3020, cmdWriteBuffer, 0, 0, 0x3020, 9, 0x3020, 0},
		"beyond the buffer":  {0x3020, cmdWriteBuffer, 0, 1, 0x3020, 9, 0x3020 + bufferSize, 9},
		"before its address": {0x3020, cmdWriteBuffer, 0, 1, 0x3020, 9, 0x301f, 9},
	} {
		b.w(0, cmdClearStatus)
		b.w(seq...)
		b.status(name, statusReady|statusSequence)
		b.array(name, 0x3020, 0xff)
	}
}

// TestIdentity reads the query database as a driver does (JEP137) and computes the geometry from it.
func TestIdentity(t *testing.T) {
	for _, size := range []int{4 << 10, 540672, 16 << 20} {
		b := newBench(t, size)
		b.w(0x55, cmdReadQuery)
		q := make([]byte, querySize)
		for i := range q {
			q[i] = byte(b.Read(base+uint64(i), 1))
		}
		if string(q[0x10:0x13]) != "QRY" || string(q[q[0x15]:q[0x15]+3]) != "PRI" || q[0x13] != 1 {
			t.Errorf("%d bytes: query % x", size, q)
		}
		blocks, each := int(binary.LittleEndian.Uint16(q[0x2d:]))+1, int(binary.LittleEndian.Uint16(q[0x2f:]))*256
		if q[0x2c] != 1 || blocks*each != size || 1<<q[0x27] < size || 1<<q[0x27] >= 2*size {
			t.Errorf("%d bytes: %d blocks of %d bytes, 2^%d", size, blocks, each, q[0x27])
		}
		b.w(0, cmdReadID)
		if got := b.Read(base, 4); got != 0 {
			t.Errorf("identifier %#x", got)
		}
	}
}

func TestDrive(t *testing.T) {
	b := newBench(t, 64<<10)
	b.w(0x1000, cmdErase, 0x1000, cmdConfirm)
	for i := range uint64(100) { // while the first write is under way
		b.w(0x1000+i, cmdProgram, 0x1000+i, i)
	}
	b.w(0x7000, cmdErase, 0x7000, cmdConfirm)
	b.disk.work()
	if !bytes.Equal(b.disk.data, b.data) || b.disk.writes != 3 {
		t.Errorf("%d writes; drive and flash agree: %v", b.disk.writes, bytes.Equal(b.disk.data, b.data))
	}
	b.w(0x2000, cmdErase, 0x2000, cmdConfirm, 0x5000, cmdErase, 0x5000, cmdConfirm)
	b.f.Sync() // the machine ends
	b.disk.work()
	if !bytes.Equal(b.disk.data, b.data) {
		t.Error("the end lost what was written")
	}
	s := b.f.SaveState()
	b.w(0x9000, cmdErase, 0x9000, cmdConfirm, 0, cmdReadID)
	if err := b.f.RestoreState(s); err != nil {
		t.Fatal(err)
	}
	b.disk.work()
	if !bytes.Equal(b.disk.data, s.Contents) {
		t.Error("the drive does not follow a restored state")
	}
	b.array("restored", 0x9000, s.Contents[0x9000])
	b.disk.err = errors.New("disk full")
	b.w(0x2000, cmdProgram, 0x2000, 0)
	b.disk.work()
	b.w(0, cmdClearStatus, 0x2001, cmdProgram, 0x2001, 0)
	b.status("the host has failed", statusReady|statusProgramError)
	b.w(0, cmdClearStatus, 0x2000, cmdErase, 0x2000, cmdConfirm)
	b.status("the host has failed", statusReady|statusEraseError)
}

func TestReadOnly(t *testing.T) {
	b := newBench(t, 64<<10)
	b.disk.readOnly = true
	var err error
	if b.f, err = New("flash", b.data, b.disk); err != nil {
		t.Fatal(err)
	}
	b.f.MapInto(space{b.Space}, base)
	was := b.data[0]
	b.w(0, cmdProgram, 0, ^uint64(0)&0xff&^uint64(was))
	b.status("program", statusReady|statusProgramError|statusLocked)
	b.w(0, cmdClearStatus, 0, cmdErase, 0, cmdConfirm)
	b.status("erase", statusReady|statusEraseError|statusLocked)
	b.array("contents", 0, was)
	b.disk.work()
	if b.disk.writes != 0 {
		t.Errorf("%d writes", b.disk.writes)
	}
}

func TestBadStates(t *testing.T) {
	b := newBench(t, 8<<10)
	good := b.f.SaveState()
	for i, change := range []func(*State){
		func(s *State) { s.Version++ },
		func(s *State) { s.Contents = s.Contents[1:] },
		func(s *State) { s.Mode = 9 },
		func(s *State) { s.Count = 99 },
		func(s *State) { s.Command, s.Count, s.Start = cmdWriteBuffer, 0, noStart },
		func(s *State) { s.Command, s.Count, s.Start = cmdWriteBuffer, 3, 8<<10 },
	} {
		s := good
		if change(&s); b.f.RestoreState(s) == nil {
			t.Errorf("state %d was taken", i)
		}
	}
	for _, n := range []int{0, 100, 17 << 20} {
		if _, err := New("flash", make([]byte, n), nil); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
}

func FuzzFlash(f *testing.F) {
	f.Add([]byte{4, 0, 0, cmdProgram, 4, 0, 0, 0x12, 4, 0, 0, cmdWriteBuffer})
	f.Fuzz(func(t *testing.T, in []byte) {
		var c devtest.Clock
		b := newBench(t, 8<<10)
		devtest.FuzzMMIO(in, &c, b.f, 8<<10)
		for i := 0; i+2 < len(in); i += 3 { // through the bus
			at := base + uint64(in[i])<<4&0x1fff
			switch size := 1 << (in[i+1] & 3); {
			case in[i+1]&4 != 0:
				b.Read(at, size)
			default:
				b.Write(at, size, uint64(in[i+2])*0x0101010101010101)
			}
			if in[i+1]&0x30 == 0 {
				b.disk.work()
			}
		}
		if err := b.f.RestoreState(b.f.SaveState()); err != nil {
			t.Error(err)
		}
		b.disk.work()
		if !bytes.Equal(b.disk.data, b.data) {
			t.Error("the drive has other contents than the flash")
		}
	})
}
