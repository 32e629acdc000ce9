package kvmcpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"goemu/devices/ioapic"
	"goemu/devices/pic"
	"goemu/emu/accel"
	"goemu/emu/inspect"
	"goemu/emu/kvm"
	"goemu/emu/x86"
	"goemu/mmu"

	"github.com/google/go-cmp/cmp"
)

// realBench is a vCPU in the host's KVM, which has the interrupt controllers.
type realBench struct {
	*bench
	*controllers
	stop atomic.Bool // the guest is at its end
}

const (
	benchCode  = 0x1000
	benchEntry = 0x2000 // of an interrupt
	benchData  = 0x8000 // what the guest has read
	benchEnd   = 0xf0   // port that ends a run
)

// Poll implements World.
func (b *realBench) Poll() bool { return b.stop.Load() }

// Out implements World: nobody but the test.
func (b *realBench) Out(port uint16, size int, v uint32) {
	if b.end(); port != benchEnd {
		b.Errorf("port %#x is not KVM's", port)
	}
}

// In implements World.
func (b *realBench) In(port uint16, size int) uint32 {
	b.Errorf("port %#x is not KVM's", port)
	b.end()
	return 0
}

// Failed implements World.
func (b *realBench) Failed(err error, lost bool) { b.Error(err, lost) }

func (b *realBench) end() {
	b.stop.Store(true)
	atomic.StoreUint32(&b.cpu.Env().ExitReq, 1)
}

func newRealBench(t *testing.T) *realBench {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	host, err := kvm.Open()
	if err != nil {
		t.Skip("NO KVM HERE: ", err)
	}
	if err := errors.Join(CheckInKernel(host), Check(host)); err != nil {
		t.Skip("THIS HOST'S KVM CANNOT: ", errors.Join(err, host.Close()))
	}
	if p := host.Probe(kvm.Probe32)[0]; p.Err != nil {
		t.Skip("THIS HOST'S KVM CANNOT: ", errors.Join(p.Err, host.Close()))
	}
	b := &realBench{bench: &bench{T: t, space: mmu.NewSpace(40), apic: 0xfee0_0900}, controllers: newControllers()}
	b.bench.lapic = b.local
	if b.ram, err = mmu.AllocRAM(ramSize); err != nil {
		t.Fatal(err)
	}
	b.space.MapRAM(0, b.ram, false)
	env, err := accel.NewEnv()
	if err != nil {
		t.Fatal(err)
	}
	if b.machine, err = New(host, b.space, InKernelIRQChip, b.all()); err != nil {
		t.Fatal(err)
	}
	b.cpu = x86.New(env, b.space, b, x86.Options{})
	if b.v, err = b.machine.NewVCPU(0, b.cpu, b); err != nil {
		t.Fatal(err)
	}
	b.v.Begin()
	t.Cleanup(func() {
		if err := errors.Join(b.machine.Close(), host.Close(), mmu.FreeRAM(b.ram), accel.FreeEnv(env)); err != nil {
			t.Error(err)
		}
	})
	return b
}

// execute runs code in flat 32-bit segments with interrupts off. It is given how many bytes code has read.
func (b *realBench) execute(code []byte, reads int) []byte {
	b.Helper()
	copy(b.ram[benchCode:], append(code, 0xe6, benchEnd, 0xeb, 0xfe)) // out benchEnd, al; jmp $
	var s x86.Transfer
	b.cpu.Give(&s)
	flat := func(attr uint32) inspect.Segment {
		return inspect.Segment{Selector: 8, Limit: 0xffff_ffff, Attr: attr}
	}
	const code32, data32 = 0xc09b, 0xc093
	for i := range s.Seg {
		s.Seg[i] = flat(data32)
	}
	s.Seg[inspect.CS] = flat(code32)
	s.CR0, s.RFLAGS, s.RIP, s.GPR[7] = 0x11, 2, benchCode, benchData
	s.State = inspect.CPUState(x86.Running)
	b.cpu.Take(&s)
	b.stop.Store(false)
	guard := time.AfterFunc(time.Minute, func() {
		b.stop.Store(true)
		atomic.StoreUint32(&b.cpu.Env().ExitReq, 1)
		b.v.RequestExit()
	})
	b.v.Run()
	if !guard.Stop() {
		b.Fatal("the guest does not come to its end")
	}
	return b.ram[benchData:][:reads]
}

// twin are the same controllers twice: KVM's and goemu's, of which the guest's instructions are made for one, and done to the other.
type twin struct {
	*realBench
	own  *controllers
	r    *rand.Rand
	code []byte
	want []byte // what own has read
	mask []byte // of it, what counts
	log  []string
}

// out is a write to a port.
func (w *twin) out(port uint16, v uint8) {
	w.own.out(port, uint16(v))
	w.code = append(w.code, 0xb0, v, 0x66, 0xba, byte(port), byte(port>>8), 0xee) // mov al, v; mov dx, port; out dx, al
	w.log = append(w.log, fmt.Sprintf("out %#x, %#x", port, v))
}

// in reads one, of which the bits of mask count.
func (w *twin) in(port uint16, mask uint8) {
	w.want, w.mask = append(w.want, uint8(w.own.pic.In(port, 1))&mask), append(w.mask, mask)
	w.code = append(w.code, 0x66, 0xba, byte(port), byte(port>>8), 0xec, 0xaa) // mov dx, port; in al, dx; stosb
	w.log = append(w.log, fmt.Sprintf("in %#x: %#x", port, w.want[len(w.want)-1]))
}

// store is a write of the I/O APIC's registers.
func (w *twin) store(off uint32, v uint32) {
	w.own.io.WriteMMIO(uint64(off), 4, uint64(v))
	w.write(ioapic.DefaultBase+off, v)
}

func (w *twin) write(addr, v uint32) {
	w.code = binary.LittleEndian.AppendUint32(append(w.code, 0xc7, 0x05), addr) // mov dword [addr], v
	w.code = binary.LittleEndian.AppendUint32(w.code, v)
	w.log = append(w.log, fmt.Sprintf("[%#x] = %#x", addr, v))
}

// load reads one.
func (w *twin) load(off uint32) {
	w.want = binary.LittleEndian.AppendUint32(w.want, uint32(w.own.io.ReadMMIO(uint64(off), 4)))
	w.mask = append(w.mask, 0xff, 0xff, 0xff, 0xff)
	w.code = binary.LittleEndian.AppendUint32(append(w.code, 0xa1), ioapic.DefaultBase+off) // mov eax, [addr]
	w.code = append(w.code, 0xab)                                                           // stosd
	w.log = append(w.log, fmt.Sprintf("[+%#x]: %#x", off, w.own.io.ReadMMIO(uint64(off), 4)))
}

// run has the guest do it.
func (w *twin) run() {
	w.Helper()
	got := w.execute(w.code, len(w.want))
	for i := range got {
		if got[i]&w.mask[i] != w.want[i] {
			w.Errorf("byte %d that was read is %#x, want %#x", i, got[i]&w.mask[i], w.want[i])
		}
	}
	w.code, w.want, w.mask = w.code[:0], w.want[:0], w.mask[:0]
}

// known8259 gives the chips as far as KVM knows of them.
func known8259(s pic.State) [2]pic.Chip {
	for i := range s.Chips {
		c := &s.Chips[i]
		c.ICW3 = 0
		if c.ICW4 &= 0x12; c.Step != 0 {
			c.ICW4 = 0 // what was is KVM's until the new one comes
		}
	}
	return s.Chips
}

// compare looks at both.
func (w *twin) compare() {
	w.Helper()
	if d := cmp.Diff(known8259(w.own.pic.SaveState()), known8259(w.pic.SaveState())); d != "" {
		w.Errorf("8259As (-goemu's +KVM's)\n%s", d)
	}
	if d := cmp.Diff(w.own.io.SaveState(), w.io.SaveState()); d != "" {
		w.Errorf("I/O APIC (-goemu's +KVM's)\n%s", d)
	}
	a, b := w.own.local.SaveState(), w.local.SaveState()
	if d := cmp.Diff([][8]uint32{a.IRR, a.ISR, a.TMR}, [][8]uint32{b.IRR, b.ISR, b.TMR}); d != "" {
		w.Errorf("local APIC (-goemu's +KVM's)\n%s", d)
	}
	if w.T.Failed() {
		for _, l := range w.log {
			w.Log(l)
		}
		w.FailNow()
	}
}

// picStep is something that a guest or a device does with the 8259As and that KVM's do as goemu's. Not among it is what docs/kvm.md lists.
func (w *twin) picStep() {
	r, i := w.r, w.r.IntN(2)
	base := [2]uint16{0x20, 0xa0}[i]
	c := w.own.pic.SaveState().Chips[i]
	switch n := uint8(r.UintN(8)); r.IntN(12) {
	case 0, 1, 2: // an input
		line := 8*i + int(n)
		bit := uint8(1) << n
		level := c.Lines&bit == 0
		if line == 2 || !level && c.ELCR&bit == 0 && c.IRR&bit != 0 {
			return
		}
		w.run()
		w.own.pic.IRQ(line).Set(level)
		w.pic.IRQ(line).Set(level)
		w.log = append(w.log, fmt.Sprint("input ", line, level))
	case 3: // initialisation, which begins with nothing in service. It may stay unfinished
		w.out(base, 0x00)
		for n := range uint8(8) {
			w.out(base, 0x60|n)
		}
		w.out(base, 0x10) // without ICW4: it ends its modes
		words := []uint8{0x10 | uint8(r.UintN(2)), uint8(r.Uint32()), uint8(r.Uint32())}
		if words[0]&1 != 0 {
			words = append(words, uint8(r.UintN(32)))
		}
		for i, v := range words[:1+r.IntN(len(words))] {
			w.out(base+uint16(min(i, 1)), v)
		}
	case 4, 5: // mask, or what an initialisation waits for
		w.out(base+1, uint8(r.Uint32()))
	case 6, 7: // ends and priorities
		w.out(base, []uint8{0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0}[r.IntN(8)]|n)
	case 8:
		w.out(base, 0x08|uint8(r.UintN(4)))
	case 9:
		mask := uint8(0xff)
		if i == 0 && !c.ReadISR {
			mask &^= 1 << 2 // KVM keeps the slave's request until it is acknowledged
		}
		w.in(base, mask)
	case 10:
		w.in(base+1, 0xff)
	case 11:
		if c.Lines>>n&1 != 0 {
			return
		}
		port := uint16(0x4d0 + i)
		w.out(port, c.ELCR|1<<n)
		w.in(port, 0xff)
	}
}

// ioStep is the same for the I/O APIC. Messages are to everybody or to APIC 0.
func (w *twin) ioStep() {
	r, n := w.r, w.r.IntN(ioapic.NumPins)
	s := w.own.io.SaveState()
	const level, masked = 1 << 15, 1 << 16
	high, e := s.Lines>>n&1 != 0, s.Table[n]
	switch r.IntN(6) {
	case 0, 1, 2:
		w.run()
		w.own.io.Pin(n).Set(!high)
		w.io.Pin(n).Set(!high)
		w.log = append(w.log, fmt.Sprint("pin ", n, !high))
	case 3: // an edge that has interrupted already is not a level to KVM, if it was before the registers went there
		if high && e&(level|masked) == 0 {
			return
		}
		v := uint32(16+r.IntN(240)) | uint32(r.UintN(2))<<8 | uint32(r.UintN(2))<<13 | uint32(r.UintN(2))<<15 | uint32(r.UintN(2))<<16
		w.store(0, uint32(0x10+2*n))
		w.store(0x10, v)
	case 4:
		w.store(0, uint32(0x11+2*n))
		w.store(0x10, []uint32{0, 0xff << 24}[r.IntN(2)])
	case 5:
		w.store(0, uint32(r.IntN(256)))
		w.load(0)
		w.store(0, []uint32{0, 1, 2, uint32(0x10 + r.IntN(2*ioapic.NumPins))}[r.IntN(4)])
		w.load(0x10)
	}
}

// random gives both a state, and has them used while KVM has one of them, which goes back and forth.
func TestKernelChips(t *testing.T) {
	b := newRealBench(t)
	const rounds = 20
	for seed := range uint64(rounds) {
		w := &twin{realBench: b, own: newControllers(), r: rand.New(rand.NewPCG(seed, 7))}
		state := randomState(w.r)
		for i := range state.Chips {
			c := &state.Chips[i]
			c.Poll, c.SpecialMask, c.Single = false, false, false
		}
		b.v.Recall()
		b.local.Reset()
		for _, c := range []*controllers{w.own, b.controllers} {
			if err := c.pic.RestoreState(state); err != nil {
				t.Fatal(err)
			}
			c.io.Reset()
			for n := range ioapic.NumPins {
				c.io.Pin(n).Set(false)
			}
			c.local.WriteMMIO(0xf0, 4, 0x1ff)
			c.local.WriteMMIO(0x80, 4, 0)
		}
		w.compare()
		for range 6 {
			for range 30 {
				if w.r.IntN(2) == 0 {
					w.picStep()
				} else {
					w.ioStep()
				}
			}
			w.run()
			w.compare()
			if w.r.IntN(2) == 0 {
				b.v.Recall()
				w.compare()
				w.log = append(w.log, "recalled")
			}
		}
	}
}

// The end of a level-triggered interrupt, by the local APIC, is the I/O APIC's to hear: in KVM, and here of one that has gone to KVM in service.
func TestKernelEOI(t *testing.T) {
	b := newRealBench(t)
	w := &twin{realBench: b, own: newControllers()}
	for _, c := range []*controllers{w.own, b.controllers} {
		c.entry(9, 0x8059)
		c.entry(10, 0x805a)
		c.io.Pin(9).Set(true)
		c.io.Pin(10).Set(true)
		if v := c.local.IntAck(); v != 0x5a {
			t.Fatalf("%#x", v)
		}
		c.io.Pin(10).Set(false)
	}
	w.own.local.WriteMMIO(0xb0, 4, 0)
	w.write(0xfee000b0, 0)
	w.run()
	if s := b.local.SaveState(); s.ISR[2] != 0 || s.TMR[2]>>26&1 == 0 {
		t.Skipf("THIS HOST'S KVM CANNOT: an interrupt in service does not end with its EOI: %#x", s.ISR)
	}
	w.compare()
	b.v.Recall()
	w.compare()
}

// Nothing is allocated while KVM has the controllers, nor as they come and go.
func TestInKernelAllocates(t *testing.T) {
	b := newRealBench(t)
	b.out(firmware...)
	b.execute(nil, 0)
	level := false
	if n := testing.AllocsPerRun(100, func() {
		level = !level
		b.io.Pin(5).Set(level)
		b.pic.IRQ(5).Set(level)
	}); n != 0 {
		t.Errorf("%v allocations for inputs", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		b.io.Recall()
		b.pic.Recall()
		if err := b.machine.lendChips(); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What docs/kvm.md says that KVM's controllers do in another way: own is what goemu's do, and kvms what KVM's do; other KVMs may have either.
func TestKernelDifferences(t *testing.T) {
	master := func(c *controllers) pic.Chip { return c.pic.SaveState().Chips[0] }
	for name, c := range map[string]struct {
		do        func(w *twin)
		look      func(c *controllers) any
		own, kvms any
	}{
		"a falling edge": {func(w *twin) {
			w.input(4, true)
			w.input(4, false)
		}, func(c *controllers) any { return master(c).IRR }, uint8(0), uint8(0x10)},
		"ELCR for an input that is high": {func(w *twin) {
			w.input(5, true)
			w.out(0x20, 0x11)
			for _, v := range []uint8{8, 4, 1} {
				w.out(0x21, v)
			}
			w.out(0x4d0, 0x20)
			w.in(0x20, 0xff)
		}, nil, uint8(0x20), uint8(0)},
		"poll": {func(w *twin) {
			w.input(3, true)
			w.out(0x20, 0x0c)
			w.in(0x20, 0xff)
		}, func(c *controllers) any { return master(c).ISR }, uint8(8), uint8(0)},
		"rotation in automatic EOI mode": {func(w *twin) {
			w.out(0x20, 0x80)
			w.out(0x20, 0x11)
		}, func(c *controllers) any { return master(c).RotateAEOI }, false, true},
		"a register that is not there": {func(w *twin) {
			w.store(0, 0x50)
			w.load(0x10)
		}, nil, uint8(0), uint8(0xff)},
		"16 bits to a port": {func(w *twin) {
			w.own.out(0x20, 0x20, 0x21, 0x55)
			w.code = append(w.code, 0x66, 0xb8, 0x20, 0x55, 0x66, 0xe7, 0x20) // mov ax, 0x5520; out 0x20, ax
			w.in(0x21, 0xff)
		}, nil, uint8(0x55), uint8(0)},
		"none: an interrupt is taken": {func(w *twin) { w.interrupted(pic.Chip{}) }, func(c *controllers) any { return master(c).ISR }, uint8(8), uint8(8)},
		"special mask mode": {func(w *twin) {
			w.interrupted(pic.Chip{ISR: 1, IMR: 1, SpecialMask: true})
		}, func(c *controllers) any { return master(c).ISR }, uint8(9), uint8(1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := &twin{realBench: newRealBench(t), own: newControllers()}
			for _, c := range []*controllers{w.own, w.controllers} {
				c.out(firmware...)
				c.out(0x21, 0)
			}
			w.execute(nil, 0)
			c.do(w)
			var own, got any
			if c.look == nil {
				own = w.want[len(w.want)-1]
				n := len(w.want)
				got = w.execute(w.code, n)[n-1]
			} else {
				n := len(w.want)
				w.execute(w.code, n)
				own, got = c.look(w.own), c.look(w.controllers)
			}
			t.Logf("goemu %v, KVM %v", own, got)
			if own != c.own || got != c.kvms && got != c.own {
				t.Errorf("goemu %v, want %v; KVM %v, want %v", own, c.own, got, c.kvms)
			}
		})
	}
}

// input is a device's, for both.
func (w *twin) input(n int, level bool) {
	w.run()
	w.own.pic.IRQ(n).Set(level)
	w.pic.IRQ(n).Set(level)
	w.log = append(w.log, fmt.Sprint("input ", n, level))
}

// interrupted sets what counts of the master's state, and has input 3 interrupt the guest, if it can.
func (w *twin) interrupted(m pic.Chip) {
	for _, c := range []*controllers{w.own, w.controllers} {
		s := c.pic.SaveState()
		s.Chips[0].ISR, s.Chips[0].IMR, s.Chips[0].SpecialMask = m.ISR, m.IMR, m.SpecialMask
		if err := c.pic.RestoreState(s); err != nil {
			w.Fatal(err)
		}
	}
	w.input(3, true)
	w.own.pic.IntAck()
	binary.LittleEndian.PutUint64(w.ram[8:], 0x00cf_9b00_0000_ffff)                 // the GDT's entry for CS
	binary.LittleEndian.PutUint64(w.ram[8*0x0b:], 0x0000_8e00_0008_0000|benchEntry) // the IDT's
	copy(w.ram[benchEntry:], []byte{0xe6, benchEnd, 0xeb, 0xfe})
	w.code = append(w.code, 0xfb, 0xb9, 0x00, 0x10, 0, 0, 0xe2, 0xfe, 0xfa) // sti; mov ecx, 4096; loop to it; cli
}
