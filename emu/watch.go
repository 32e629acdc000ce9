package emu

import (
	"math"
	"unsafe"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/inspect"
	"goemu/mmu"
	"goemu/tcg"
)

// Watch is how package crosscheck follows a machine in counted time. Its functions are called on the machine's goroutine, under its lock; its methods are
// for them, and for whoever has the machine after its end. Nothing of it depends on the host's time: two machines of the same Config come to the same calls with the
// same counts, whatever their engines, but for Block.
type Watch struct {
	Point     func()                                   // called when as many instructions have been executed as SetPoint says, before timers and interrupts of that time
	Block     func()                                   // called before each block while SetBlocks says so; nil: never
	Access    func(mmio bool, addr uint64, write bool) // told of each access to a device; nil: nobody wants to know
	Undefined func(i *decoder.Inst) accel.Undefined    // see accel.Watch, as for the next two
	Pointers  bool
	Tamper    func(b *tcg.Block)

	m       *Machine
	point   int64
	feeding bool // what is typed may come now

	still, idles int64 // how often the machine was idle at one count

	dirty  *mmu.Tracker
	pages  []uint64 // a digest of each page of RAM
	memory uint64   // of all of RAM
}

// maxIdle is how often a machine that is watched may be idle without an instruction executed before it counts as at its end.
const maxIdle = 100_000

// begin is called when the machine has its address space.
func (w *Watch) begin(m *Machine) {
	if w == nil {
		return
	}
	w.m, w.point = m, 0
	w.dirty = m.space.NewTracker(m.ram)
}

// hooks is what the engines must call.
func (w *Watch) hooks() accel.Watch {
	if w == nil {
		return accel.Watch{}
	}
	return accel.Watch{Block: w.Block, Undefined: w.Undefined, Pointers: w.Pointers, Tamper: w.Tamper}
}

func (w *Watch) hookDevices() {
	if w != nil && w.Access != nil {
		w.m.space.OnIO = func(phys uint64, _ int, write bool, _ uint64) { w.Access(true, phys, write) }
	}
}

func (w *Watch) accessed(mmio bool, addr uint64, write bool) {
	if w != nil && w.Access != nil {
		w.Access(mmio, addr, write)
	}
}

// poll calls Point when it is time.
func (w *Watch) poll() {
	if w == nil || w.m.clock.insns < w.point {
		return
	}
	w.Point()
	w.feeding = true
	w.m.feed()
	w.feeding = false
}

// budget limits the instructions until the vCPU loop polls.
func (w *Watch) budget(limit int32) int32 {
	if w == nil {
		return limit
	}
	return int32(min(max(w.point-w.m.clock.insns, 1), int64(limit)))
}

// idle ends a machine that waits for what will not come.
func (w *Watch) idle(armed bool) (ended bool) {
	if w == nil {
		return false
	}
	if w.still != w.m.clock.insns {
		w.still, w.idles = w.m.clock.insns, 0
	}
	w.idles++
	if armed && w.idles <= maxIdle {
		return false
	}
	w.Stop()
	return true
}

// SetPoint says at which count Point is called next. It must be above Insns.
func (w *Watch) SetPoint(insns int64) {
	w.point = insns
	w.m.kick()
}

// SetBlocks says whether Block is called.
func (w *Watch) SetBlocks(on bool) {
	for _, v := range w.m.vcpus {
		v.engine.SetWatch(on)
	}
}

// SetMost limits the instructions of a block: 1 to accel.MaxInsns.
func (w *Watch) SetMost(n int) { w.m.code.SetMost(n) }

// Move has the guest go on with another engine.
func (w *Watch) Move(a Accel) error { return w.m.moveTo(a.best()) }

// Insns is how many instructions have been executed by all CPUs.
func (w *Watch) Insns() int64 { return w.m.clock.insns + int64(w.m.current().engine.Executed()) }

// Time is guest time in ns.
func (w *Watch) Time() int64 { return w.m.clock.Now() }

// CPU is the number of the CPU whose turn it is.
func (w *Watch) CPU() int { return w.m.current().n }

// CPUs is how many there are.
func (w *Watch) CPUs() int { return len(w.m.vcpus) }

// RIP is the instruction pointer of the CPU whose turn it is.
func (w *Watch) RIP() uint64 { return w.m.current().env.RIP }

// LinearRIP is the linear address of the instruction at RIP.
func (w *Watch) LinearRIP() uint64 { return w.m.current().cpu.LinearRIP() }

// Quick is a digest of the general registers, RIP and RFLAGS of the CPU whose turn it is.
func (w *Watch) Quick() uint64 {
	v := w.m.current()
	e := v.env
	// Four chains, which the host works on at a time.
	a, b, c, d := mix(0, e.RIP), mix(0, uint64(v.cpu.Flags())), mix(0, uint64(v.n)), uint64(0)
	for i := 0; i < len(e.GPR); i += 4 {
		a = mix(a, e.GPR[i])
		b = mix(b, e.GPR[i+1])
		c = mix(c, e.GPR[i+2])
		d = mix(d, e.GPR[i+3])
	}
	return mix(mix(a, b), mix(c, d))
}

// mix adds a word to a digest.
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e37_79b9_7f4a_7c15
	return h ^ h>>29
}

// Digest is a digest of all registers of a CPU, with rare of all model-specific ones too.
func (w *Watch) Digest(cpu int, rare bool) uint64 { return w.m.vcpus[cpu].cpu.Digest(rare) }

// Registers are those of a CPU.
func (w *Watch) Registers(cpu int, r *inspect.Registers) { w.m.vcpus[cpu].cpu.Inspect(r) }

// View is the translation at RIP.
func (w *Watch) View(rip uint64) (inspect.Block, bool) { return w.m.current().engine.View(rip) }

// Peek reads guest memory at a linear address of the CPU whose turn it is, without a trace.
func (w *Watch) Peek(linear uint64, p []byte) bool { return w.m.current().cpu.PeekBytes(linear, p) }

// RAM is all of it, in the host's memory.
func (w *Watch) RAM() []byte { return w.m.ram }

// Memory is a digest of all RAM: equal contents, equal digest. written, if it is not nil, is told which pages have been written to since the last call.
func (w *Watch) Memory(written func(page int)) uint64 {
	if w.pages == nil {
		w.readMemory()
	}
	w.dirty.Harvest(func(page int) {
		w.readPage(page)
		if written != nil {
			written(page)
		}
	})
	return w.memory
}

func (w *Watch) readMemory() {
	w.pages = make([]uint64, len(w.m.ram)>>mmu.PageShift)
	w.dirty.Start()
	for i := range w.pages {
		w.readPage(i)
	}
}

func (w *Watch) readPage(n int) {
	p := unsafe.Slice((*[4]uint64)(unsafe.Pointer(&w.m.ram[n<<mmu.PageShift])), mmu.PageSize/32)
	a, b, c, d := uint64(n), uint64(1), uint64(2), uint64(3)
	for i := range p {
		q := &p[i]
		a, b, c, d = mix(a, q[0]), mix(b, q[1]), mix(c, q[2]), mix(d, q[3])
	}
	h := mix(mix(a, b), mix(c, d))
	w.memory += h - w.pages[n]
	w.pages[n] = h
}

// Type gives bytes to the first serial port, as far as it has room when this is called in Point, the rest at later Points.
func (w *Watch) Type(p []byte) {
	q := &w.m.serialIn[0]
	q.mu.Lock()
	q.p = append(q.p, p...)
	q.mu.Unlock()
}

// Stop ends the machine before its next instruction.
func (w *Watch) Stop() {
	w.point = math.MaxInt64
	w.m.end(0)
}
