package crosscheck

import (
	"bytes"
	"io"
	"strings"

	"goemu/decoder"
	"goemu/emu"
	"goemu/emu/accel"
	"goemu/emu/crosscheck/report"
	"goemu/emu/inspect"
	"goemu/mmu"
	"goemu/tcg"
)

// pass is one run of both machines from their start. Passes with the same every, from and interval execute the same blocks up to cut.
type pass struct {
	cfg       emu.Config
	kvm       bool // one of the engines is KVM
	every     Every
	from      From
	interval  int64 // instructions from point to point
	end       int64 // stop at this count; 0: when the guest ends
	fine      int64 // from this count on each record is of all registers and memory; -1: never
	keep      int64 // from this count on states are kept; -1: never
	cut       int64 // from the record at this count on blocks have at most most instructions; -1: never
	most      int
	inputs    *inputs
	history   []record // before keep
	undefined func(i *decoder.Inst) accel.Undefined
	pointers  bool // see accel.Watch
}

// maxInsn is the longest instruction, in bytes.
const maxInsn = 15

// record is the state of a side before a block, or before one instruction.
type record struct {
	insns  int64
	rip    uint64
	digest uint64
}

// batch is what a side has seen from one point to the next.
type batch struct {
	records []record
	insns   int64  // of the point, or of the end
	digest  uint64 // of all registers and memory there; 0 before the comparison begins
	last    bool   // the machine has ended
	status  int
	err     error
}

// state is a record with all that a report wants of it.
type state struct {
	insns    int64
	cpu      int
	regs     inspect.Registers
	code     []byte // at RIP, up to 15 bytes
	view     inspect.Block
	pages    map[int][]byte // written to since the state before
	accesses []Access       // of devices, since then
}

// side is one of the two machines of a pass.
type side struct {
	p       *pass
	m       *emu.Machine
	w       *emu.Watch
	out     chan *batch
	free    chan *batch
	stop    <-chan struct{}
	engine  emu.Accel
	err     error // the machine could not be moved there
	ended   bool  // stop has been seen
	now     *batch
	regs    inspect.Registers
	active  bool // the comparison has begun
	cutNow  bool // most is in force
	marked  bool // what Every waits for has happened
	exits   int64
	states  []state
	seen    []Access
	history []Step
	base    map[int][]byte // contents of all pages that are not empty, when the first state was kept
	live    bool           // what is typed comes here first
	fed     int            // of inputs
}

// newSide makes a machine on an engine. console takes what it says.
func newSide(p *pass, engine emu.Accel, console io.Writer, tamper func(*tcg.Block), stop <-chan struct{}) (*side, error) {
	s := &side{p: p, out: make(chan *batch, batches), free: make(chan *batch, batches+2), stop: stop, now: &batch{}}
	cfg := p.cfg
	cfg.Accel, s.engine = engine, engine
	cfg.Icount, cfg.NoSleep, cfg.Snapshot = true, true, true
	cfg.KVMModel = p.kvm
	if engine == emu.AccelKVM && (p.from.kind != fromInsn || p.from.n > 0) {
		cfg.Accel = emu.AccelAuto // until the comparison begins
	}
	cfg.ConsoleIn, cfg.ConsoleOut = strings.NewReader(""), console
	s.w = &emu.Watch{Point: s.point, Tamper: tamper, Block: s.block, Undefined: p.undefined, Pointers: p.pointers}
	if p.every.onAccess() || p.from.kind == fromExits || p.keep >= 0 {
		s.w.Access = s.access
	}
	cfg.Watch = s.w
	var err error
	s.m, err = emu.New(cfg)
	return s, err
}

// run runs the machine to its end and sends the last batch.
func (s *side) run() {
	status, err := s.m.Run()
	if err == nil {
		err = s.err
	}
	b := s.now
	b.insns, b.last, b.status, b.err = s.w.Insns(), true, status, err
	if s.active && !s.ended {
		b.digest = s.whole()
	}
	s.send(b)
}

// send gives a batch to the comparison, unless that is over.
func (s *side) send(b *batch) {
	select {
	case s.out <- b:
	case <-s.stop:
		s.ended = true
	}
}

// point is emu.Watch.Point.
func (s *side) point() {
	n := s.w.Insns()
	if n == 0 {
		s.begin()
	}
	if !s.active && s.p.from.kind == fromInsn && n >= s.p.from.n {
		s.activate()
	}
	b := s.now
	b.insns, b.digest = n, 0
	if s.active {
		b.digest = s.whole()
	}
	s.send(b)
	select {
	case s.now = <-s.free:
		s.now.records = s.now.records[:0]
	default:
		s.now = &batch{}
	}
	if s.ended || s.p.end > 0 && n >= s.p.end {
		s.w.Stop()
		return
	}
	next := n + s.p.interval - n%s.p.interval
	if s.p.from.kind == fromInsn && n < s.p.from.n {
		next = min(next, s.p.from.n)
	}
	if s.p.end > 0 {
		next = min(next, s.p.end)
	}
	s.p.inputs.feed(s, n)
	s.w.SetPoint(next)
}

// begin is called before the first instruction.
func (s *side) begin() {
	f := &s.p.from
	switch f.kind {
	case fromRIP:
		s.w.SetMost(1)
		s.w.SetBlocks(true)
	case fromExits:
		s.w.SetBlocks(true)
	case fromInsn:
		s.w.SetBlocks(s.p.every.blocks() && f.n == 0)
	}
}

// activate begins the comparison.
func (s *side) activate() {
	s.active = true
	if err := s.w.Move(s.engine); err != nil {
		s.err = &emu.EngineError{Err: err}
		s.w.Stop()
	}
	s.w.SetBlocks(s.p.every.blocks() || s.p.fine >= 0 || s.p.keep >= 0)
	s.w.SetMost(s.p.every.most())
}

// block is emu.Watch.Block.
func (s *side) block() {
	n := s.w.Insns()
	if !s.active {
		f := &s.p.from
		if f.kind == fromRIP && s.w.LinearRIP() == f.addr || f.kind == fromExits && s.exits >= f.n {
			s.activate()
		} else {
			return
		}
	}
	p := s.p
	if p.keep >= 0 && n >= p.keep && len(s.states) < keepMax {
		s.keep(n)
	}
	if p.cut >= 0 && n >= p.cut && !s.cutNow {
		s.cutNow = true
		s.w.SetMost(p.most)
	}
	var d uint64
	switch {
	case p.fine >= 0 && n >= p.fine:
		d = s.whole()
	case !p.every.wants(s, n):
		return
	case p.every.kind == everyBlock:
		d = s.w.Quick()
	default:
		d = s.w.Digest(s.w.CPU(), false)
	}
	s.now.records = append(s.now.records, record{n, s.w.RIP(), d})
}

// whole is a digest of all registers and memory.
func (s *side) whole() uint64 {
	h := s.w.Memory(nil)
	for i := range s.w.CPUs() {
		h = mix(h, s.w.Digest(i, true))
	}
	return h
}

// keep keeps the state before an instruction.
func (s *side) keep(n int64) {
	if s.base == nil {
		s.keepMemory()
		s.describe(s.p.history)
	}
	x := state{insns: n, cpu: s.w.CPU(), pages: map[int][]byte{}, accesses: s.seen}
	s.seen = nil
	s.w.Registers(x.cpu, &x.regs)
	x.code = s.bytes(x.regs.PC())
	x.view, _ = s.w.View(x.regs.RIP)
	if i := len(s.states) - 1; i >= 0 { // by now its host code is there
		if v, ok := s.w.View(s.states[i].regs.RIP); ok && v.Phys == s.states[i].view.Phys && v.Mode == s.states[i].view.Mode {
			s.states[i].view = v
		}
	}
	ram := s.w.RAM()
	s.w.Memory(func(page int) {
		x.pages[page] = bytes.Clone(ram[page<<mmu.PageShift:][:mmu.PageSize])
	})
	s.states = append(s.states, x)
}

// bytes reads up to maxInsn bytes at a linear address.
func (s *side) bytes(linear uint64) []byte {
	p := make([]byte, 0, maxInsn)
	for len(p) < maxInsn {
		var b [1]byte
		if !s.w.Peek(linear+uint64(len(p)), b[:]) {
			break
		}
		p = append(p, b[0])
	}
	return p
}

// describe makes the history readable, while its code is there.
func (s *side) describe(l []record) {
	s.w.Registers(s.w.CPU(), &s.regs)
	mode := decoderMode(&s.regs)
	for _, r := range l {
		code := s.bytes(s.regs.Linear(inspect.CS, r.rip))
		step := Step{Insns: r.insns, RIP: report.Hex(r.rip)}
		var in decoder.Inst
		if decoder.Decode(code, mode, &in) == nil {
			step.Instruction = decoder.Format(code[:in.Len], mode, r.rip)
		}
		s.history = append(s.history, step)
	}
}

func (s *side) keepMemory() {
	s.w.Memory(nil)
	s.base = map[int][]byte{}
	ram := s.w.RAM()
	var empty [mmu.PageSize]byte
	for i := 0; i < len(ram); i += mmu.PageSize {
		if p := ram[i : i+mmu.PageSize]; !bytes.Equal(p, empty[:]) {
			s.base[i>>mmu.PageShift] = bytes.Clone(p)
		}
	}
}

// access is emu.Watch.Access.
func (s *side) access(mmio bool, addr uint64, write bool) {
	s.exits++
	if s.p.every.meets(mmio, addr, write) {
		s.marked = true
	}
	if s.p.keep >= 0 && len(s.seen) < 64 {
		s.seen = append(s.seen, Access{mmio, report.Hex(addr), write})
	}
}
