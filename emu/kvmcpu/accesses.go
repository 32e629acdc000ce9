package kvmcpu

import (
	"slices"

	"goemu/decoder"
	"goemu/emu/inspect"
)

// access is one of a device.
type access struct {
	port, write bool
	addr        uint64
	size        int
	value       uint64
}

// accesses are those that an instruction has made. If it is executed again, they are not made again: what was read is given once more, and what was written is written.
type accesses struct {
	list []access
	next int // in list: as many have been given again
}

// begin forgets all.
func (a *accesses) begin() { a.list, a.next = a.list[:0], 0 }

// again begins from the first.
func (a *accesses) again() { a.next = 0 }

// known looks for an access among those that were made. What does not go as before is made.
func (a *accesses) known(x access) (value uint64, ok bool) {
	if a.next == len(a.list) {
		return 0, false
	}
	y := a.list[a.next]
	if y.port != x.port || y.write != x.write || y.addr != x.addr || y.size != x.size || x.write && y.value != x.value {
		a.list = a.list[:a.next]
		return 0, false
	}
	a.next++
	return y.value, true
}

// access makes an access to a device, unless it has been made.
func (e *VCPU) access(x access, p []byte) {
	v, ok := e.made.known(x)
	if !ok {
		switch {
		case x.port && x.write:
			e.world.Out(uint16(x.addr), x.size, uint32(x.value))
		case x.port:
			x.value = uint64(e.world.In(uint16(x.addr), x.size))
		case x.write:
			e.m.space.Write(x.addr, x.size, x.value)
		default:
			x.value = e.m.space.Read(x.addr, x.size)
		}
		e.made.list = append(e.made.list, x)
		e.made.next++
		v = x.value
	}
	if !x.write {
		put(p, v)
	}
}

// portAlone is port of an instruction that is executed alone.
func (e *VCPU) portAlone() {
	io := e.v.IO()
	for i := range io.Count {
		p := io.Data[i*io.Size:][:io.Size]
		e.cpu.MeetPort(io.Port, io.Size, io.Write)
		e.access(access{port: true, write: io.Write, addr: uint64(io.Port), size: io.Size, value: little(p)}, p)
	}
	e.poke()
}

// memoryAlone is memory of such an instruction.
func (e *VCPU) memoryAlone() {
	a := e.v.MMIO()
	e.piece(a.Addr, a.Data, a.Write)
}

// collectedAlone is collected of such an instruction.
func (e *VCPU) collectedAlone(addr uint64, data []byte, _ bool) { e.piece(addr, data, true) }

// piece is an access to memory; those of odd sizes, of accesses that cross pages, go byte by byte.
func (e *VCPU) piece(addr uint64, data []byte, write bool) {
	n := len(data)
	if n&(n-1) != 0 {
		n = 1
	}
	for p := range slices.Chunk(data, n) {
		e.access(access{write: write, addr: addr, size: n, value: little(p)}, p)
		addr += uint64(n)
	}
}

// takes tells whether memory takes all that INS would put there: KVM reads ahead from the port, and an exception in between loses that.
func (e *VCPU) takes(i *decoder.Inst) bool {
	r := &e.state.t.Registers
	e.cpu.Inspect(r)
	n, size := e.count(i), uint64(min(i.OpSize, 4))
	if n == 0 {
		return true
	}
	top := ^uint64(0) >> (64 - 8*i.AddrSize)
	first := r.GPR[7] & top
	last := first + n*size - 1
	if r.RFLAGS&(1<<10) != 0 { // DF: downwards
		first, last = first-(n-1)*size, first+size-1
	}
	es := &r.Seg[inspect.ES]
	switch {
	case first > last || last > top:
		return false
	case !r.Long() || r.CodeBits() != 64:
		if last > uint64(es.Limit) || es.Attr&0x8a != 0x82 || es.Attr&4 != 0 { // not a present writable segment that grows upwards
			return false
		}
	}
	for page := r.Linear(inspect.ES, first) &^ 0xfff; ; page += 0x1000 {
		w := e.cpu.Trace(page)
		switch {
		case w.End == inspect.WalkOff:
			return true
		case w.End != inspect.WalkMapped || !w.Writable || r.CPL == 3 && !w.User:
			return false
		case page >= r.Linear(inspect.ES, last)&^0xfff:
			return true
		}
	}
}
