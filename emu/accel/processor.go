package accel

import (
	"errors"

	"goemu/decoder"
	"goemu/tcg"
)

// Processor executes instructions in the translator's place, one by one: the host's, in counted time.
type Processor interface {
	// Execute executes the instruction at RIP on the state that the CPU has, and puts the new one there. i is nil where the translator finds none: it cannot be fetched, as the
	// exception that the CPU has recorded says, or is undefined. Where it raises an exception and deliver is false, the translator is to do it.
	Execute(i *decoder.Inst, deliver bool) Outcome
}

// Outcome is what came of an instruction.
type Outcome uint8

// Outcomes.
const (
	Left     Outcome = iota // nothing has changed: the translator is to execute it
	Executed                // it is complete
	Raised                  // it has raised an exception, which is delivered
)

// SetProcessor has p execute instructions; nil: nobody does. It changes memory behind the translator's back, so blocks are made anew each time.
func (e *Engine) SetProcessor(p Processor) {
	e.syncX87()
	e.Flush()
	e.processor = p
}

// one executes one instruction.
func (e *Engine) one() {
	if e.processor == nil || !e.elsewhere() {
		e.runIR(modeSingle)
	}
}

// elsewhere has the processor execute the instruction at RIP. False: it is the translator's.
func (e *Engine) elsewhere() bool {
	mode := e.cpu.Mode()
	if mode&tcg.ModeTF != 0 || e.cpu.InSMM() || e.cpu.WatchesCode() || e.cpu.WatchesData() || e.watches {
		return false
	}
	e.syncX87()
	cr2 := e.env.CR2
	i, ok := e.fetchAlone(mode)
	fault := e.env.CR2
	e.env.CR2 = cr2
	var u Undefined
	if fn := e.opt.Watch.Undefined; fn != nil && i != nil {
		u = fn(i)
	}
	rip, was := e.env.RIP, x87Pointers(e.env)
	outcome := Left
	if !u.Other {
		outcome = e.processor.Execute(i, !u.Fault)
	}
	if outcome == Left {
		e.env.CR2 = fault
		return !ok
	}
	if e.opt.Watch.Pointers {
		was.set(e.env)
	}
	if outcome == Executed {
		e.charge(1)
		if u.Flags != 0 {
			e.cpu.SetFlags(e.cpu.Flags() &^ flagBits(u.Flags))
		}
		if e.opt.Watch.Pointers {
			e.point(i, rip)
		}
	}
	return true
}

// pointers are those of the x87: the opcode, the instruction's and the operand's offset (SDM vol. 1, 8.1.8).
type pointers struct {
	op     uint32
	ip, dp uint64
}

func x87Pointers(env *tcg.Env) pointers { return pointers{env.X87Op, env.X87IP, env.X87DP} }

func (p pointers) set(env *tcg.Env) { env.X87Op, env.X87IP, env.X87DP = p.op, p.ip, p.dp }

// point sets them as the translator's engines do after the instruction at rip, which has not loaded them.
func (e *Engine) point(i *decoder.Inst, rip uint64) {
	const first, last = 0xd8, 0xdf
	if i == nil || i.Map != 0 || i.Opcode < first || i.Opcode > last {
		return
	}
	if i.Op == decoder.FNINIT || i.Op == decoder.FNSAVE {
		pointers{}.set(e.env)
		return
	}
	if o := (tcg.Op{Enc: tcg.Enc{Opcode: i.Opcode}, Imm: int64(i.ModRM)}); o.FpuControl() {
		return
	}
	e.env.X87IP = rip
	if i.ModRM < 0xc0 {
		e.env.X87DP = i.Offset(&e.env.GPR, rip)
	}
	const statusWord, errorSummary = 4, 1 << 7 // in the image that FNSAVE stores
	if e.env.X87[statusWord]&errorSummary != 0 {
		e.env.X87Op = uint32(i.Opcode&7)<<8 | uint32(i.ModRM)
	}
}

// fetchAlone decodes the instruction at RIP; nil: it is none. False: the CPU has recorded the fault of its fetch.
func (e *Engine) fetchAlone(mode tcg.Mode) (i *decoder.Inst, ok bool) {
	rip := e.env.RIP
	phys, ok := e.cpu.FetchPhys(rip)
	if !ok {
		return nil, false
	}
	code := e.code(phys)
	const longest = 15
	i = &e.alone
	if len(code) < longest && errors.Is(decoder.Decode(code, decoderMode(mode), i), decoder.ErrTruncated) {
		next, ok := e.cpu.FetchPhys(e.nextPage(rip, mode))
		if !ok {
			return nil, false
		}
		var p [2 * longest]byte
		n := copy(p[:], code)
		code = p[:n+copy(p[n:], e.code(next)[:longest])]
	}
	if decoder.Decode(code, decoderMode(mode), i) != nil {
		return nil, true
	}
	return i, true
}

// flagBits are the places of flags in RFLAGS.
func flagBits(f tcg.Flags) (bits uint32) {
	for i, bit := range [...]uint32{1 << 0, 1 << 2, 1 << 4, 1 << 6, 1 << 7, 1 << 11} {
		if f>>i&1 != 0 {
			bits |= bit
		}
	}
	return bits
}
