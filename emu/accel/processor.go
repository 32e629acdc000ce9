package accel

import (
	"errors"

	"goemu/decoder"
	"goemu/tcg"
)

// Processor executes instructions in the translator's place, one by one: the host's, in counted time.
type Processor interface {
	// Execute executes the instruction at RIP on the state that the CPU has, and puts the new one there. i is nil where the translator finds none: it cannot be fetched, as the
	// exception that the CPU has recorded says, or is undefined.
	Execute(i *decoder.Inst) Outcome
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
	switch e.processor.Execute(i) {
	case Left:
		e.env.CR2 = fault
		return !ok
	case Executed:
		e.charge(1)
		if fn := e.opt.Watch.Undefined; fn != nil && i != nil {
			e.cpu.SetFlags(e.cpu.Flags() &^ flagBits(fn(i)))
		}
	}
	return true
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
