package accel

import (
	"goemu/decoder"
	"goemu/tcg"
)

// Processor executes instructions in the translator's place, one by one: the host's, in counted time.
type Processor interface {
	// Execute executes the instruction at RIP on the state that the CPU has, and puts the new one there. False: nothing has changed, and the translator is to execute it,
	// as one that raises an exception.
	Execute(i *decoder.Inst) bool
}

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
	rip := e.env.RIP
	phys, ok := e.cpu.FetchPhys(rip)
	if !ok {
		return true // the CPU has recorded the fault
	}
	code := e.code(phys)
	const longest = 15
	if len(code) < longest && decoder.Decode(code, decoderMode(mode), &e.alone) != nil {
		next, ok := e.cpu.FetchPhys(e.nextPage(rip, mode))
		if !ok {
			return true
		}
		var p [2 * longest]byte
		n := copy(p[:], code)
		code = p[:n+copy(p[n:], e.code(next)[:longest])]
	}
	if decoder.Decode(code, decoderMode(mode), &e.alone) != nil || !e.processor.Execute(&e.alone) {
		return false
	}
	e.charge(1)
	if fn := e.opt.Watch.Undefined; fn != nil {
		e.cpu.SetFlags(e.cpu.Flags() &^ flagBits(fn(&e.alone)))
	}
	return true
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
