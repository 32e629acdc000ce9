package bios

import (
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"goemu/devices/block"
	"goemu/devices/devtest"
)

// testDrive is a drive in memory. What is submitted is done by finish.
type testDrive struct {
	info   block.Info
	data   []byte
	sector int
	ro     bool
	absent bool
	fails  bool // every request fails as the host's
	queue  []*block.Request
	count  uint // changes of medium
	locked bool
}

func (d *testDrive) Medium() (block.Medium, bool) {
	if d.absent {
		return block.Medium{}, false
	}
	return block.Medium{Size: int64(len(d.data)) / int64(d.sector) * int64(d.sector), Sector: d.sector, Physical: d.sector, ReadOnly: d.ro}, true
}
func (d *testDrive) Submit(r *block.Request) { d.queue = append(d.queue, r) }
func (d *testDrive) Removable() bool         { return d.info.Kind != block.Disk }
func (d *testDrive) OnChange(func())         {}
func (d *testDrive) Eject()                  { d.absent = true; d.count++ }
func (d *testDrive) Insert()                 { d.absent = false }
func (d *testDrive) TrayOpen() bool          { return d.absent }
func (d *testDrive) Lock(on bool)            { d.locked = on }
func (d *testDrive) OnEjectRequest(func())   {}
func (d *testDrive) Info() block.Info        { return d.info }
func (d *testDrive) Changes() uint           { return d.count }

// finish does what was submitted. A request out of its drive's bounds is the firmware's fault.
func (d *testDrive) finish(t testing.TB) {
	for len(d.queue) > 0 {
		r := d.queue[0]
		d.queue = d.queue[1:]
		m, ok := d.Medium()
		end := r.Offset + int64(len(r.Data))
		switch {
		case !ok:
			r.Err = block.ErrNoMedium
		case r.Offset < 0 || r.Offset%int64(d.sector) != 0 || len(r.Data)%d.sector != 0:
			t.Fatalf("request for %d bytes at %d: sectors have %d", len(r.Data), r.Offset, d.sector)
		case end > m.Size:
			r.Err = block.ErrRange
		case d.fails:
			r.Err = &fs.PathError{Op: "read", Path: "image", Err: syscall.EIO}
		case r.Op == block.Read:
			copy(r.Data, d.data[r.Offset:end])
		case r.Op == block.Write:
			copy(d.data[r.Offset:end], r.Data)
		}
		r.Done(r)
	}
}

// testPorts answer with what they were told, or else all ones.
type testPorts struct {
	values map[uint16]uint32
	next   func(port uint16) (uint32, bool) // asked first
	wrote  []string
}

func (p *testPorts) In(port uint16, size int) uint32 {
	if p.next != nil {
		if v, ok := p.next(port); ok {
			return v
		}
	}
	if v, ok := p.values[port]; ok {
		return v
	}
	return 1<<(8*size) - 1
}

func (p *testPorts) Out(port uint16, size int, v uint32) {
	if len(p.wrote) < 1000 {
		p.wrote = append(p.wrote, fmt.Sprintf("%x=%x", port, v))
	}
}

// bench is a firmware with a processor and memory that are plain Go.
type bench struct {
	t      testing.TB
	mem    devtest.Memory
	state  State
	clock  devtest.Clock
	ports  testPorts
	drives []*testDrive
	f      *Firmware
}

// Load implements CPU.
func (b *bench) Load(s *State) bool {
	*s = b.state
	s.At = uint64(s.Seg[CS].Base + s.EIP)
	return true
}

// Store implements CPU.
func (b *bench) Store(s *State) { b.state = *s }

// Access implements CPU: there is no paging.
func (b *bench) Access(linear uint64, p []byte, write bool) bool {
	if write {
		return b.mem.WritePhys(linear, p) == nil
	}
	return b.mem.ReadPhys(linear, p) == nil
}

// Read and Write implement Memory.
func (b *bench) Read(phys uint64, size int) uint64 {
	p := [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	_ = b.mem.ReadPhys(phys, p[:size]) // what is not there reads as ones
	return le.Uint64(p[:]) & (1<<(8*size-1)<<1 - 1)
}

func (b *bench) Write(phys uint64, size int, v uint64) {
	var p [8]byte
	le.PutUint64(p[:], v)
	_ = b.mem.WritePhys(phys, p[:size])
}

func (b *bench) ReadPhys(addr uint64, p []byte) error  { return b.mem.ReadPhys(addr, p) }
func (b *bench) WritePhys(addr uint64, p []byte) error { return b.mem.WritePhys(addr, p) }

// newBench has a hard disk, a CD and a diskette, after POST.
func newBench(t testing.TB) *bench {
	b := &bench{t: t, mem: make(devtest.Memory, 5<<18)}
	b.ports.values = map[uint16]uint32{portKBCtl: 0, 0x3f8 + 5: 0x60}
	b.drives = []*testDrive{
		{info: block.Info{Kind: block.Floppy, BootIndex: -1}, data: make([]byte, 360<<10), sector: 512},
		{info: block.Info{Kind: block.Disk, BootIndex: -1}, data: make([]byte, 640<<10), sector: 512},
		{info: block.Info{Kind: block.CD, BootIndex: -1}, data: make([]byte, 64*cdSector), sector: cdSector, ro: true},
	}
	var err error
	b.f, err = NewFirmware(Options{
		Tables: Config{CPUs: 1, LowRAM: 2 << 20}, Memory: b, Ports: &b.ports, Clock: &b.clock, Wake: func() {},
		Drives: []Drive{{Drive: b.drives[0], Name: "A"}, {Drive: b.drives[1], Name: "first"}, {Drive: b.drives[2], Name: "CD", Channel: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.at("post")
	b.f.Trap(b)
	b.at("post") // where the service of INT 19h takes over does not matter here
	return b
}

// at puts the processor behind the first OUT of a stub.
func (b *bench) at(name string) {
	b.state.Seg[CS] = Segment{Selector: romSeg, Base: romBase, Limit: 0xffff}
	b.state.EIP = uint32(b.f.rom.offset(name)) + sizeOfOut
}

// call does a service from the beginning to its end. The caller's flags lie on the stack.
func (b *bench) call(name string, set func(c *Call)) *Call {
	b.t.Helper()
	b.state = State{EFLAGS: 2}
	b.state.GPR[SP] = 0x8000
	b.at(name)
	c := &Call{State: b.state, cpu: b, fw: b.f}
	b.mem.WritePhys(0x8000, make([]byte, 6))
	if set != nil {
		set(c)
	}
	b.state = c.State
	first := uint32(romBase) + uint32(b.f.rom.offset(name)) + sizeOfOut
	for range 1000 {
		b.f.Trap(b)
		if s := b.f.rom.stubs[first]; b.state.EIP+romBase != s.wait {
			return &Call{State: b.state, cpu: b, fw: b.f, live: s.live}
		}
		for _, d := range b.drives {
			d.finish(b.t)
		}
		b.clock.Advance(1e6)
		b.state.EIP = first - sizeOfOut + waitRetried - romBase
	}
	b.t.Fatalf("%s waits for ever", name)
	return nil
}

// sizedDrive has a size but no data.
type sizedDrive struct {
	testDrive
	size int64
}

func (d *sizedDrive) Medium() (block.Medium, bool) {
	return block.Medium{Size: d.size, Sector: 512, Physical: 512}, true
}
