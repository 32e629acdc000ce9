// Package crosscheck runs the same machine on two engines in counted time and compares the architectural state of its CPUs and its memory, and finds the first instruction
// after which they differ. docs/crosscheck.md says how.
package crosscheck

import (
	"context"
	"errors"
	"fmt"
	"io"

	"goemu/emu"
	"goemu/emu/crosscheck/undefined"
	"goemu/tcg"
)

// Interval is how many instructions are from one comparison of all registers and memory to the next.
const Interval = 1 << 16

// historyMax is how many blocks before a difference are told.
const historyMax = 16

// Options say what to compare.
type Options struct {
	Config    emu.Config // of the machine; its Accel, Icount and ConsoleIn do not count, and drives are snapshots
	A, B      emu.Accel  // the engines
	Every     Every
	From      From
	Undefined *undefined.Table // what instructions leave undefined; nil: the built-in table
	Insns     int64            // where to end; 0: where the guest does

	Input    <-chan []byte     // what is typed at the first serial port; nil: nothing
	Console  io.Writer         // takes what the guest says there on the first engine; nil: nobody does
	Progress func(insns int64) // told from time to time how far the engines are equal; nil: nobody wants to know
	Phase    func(what string) // told what is done; nil: nobody wants to know
	Warn     func(line string) // told of each remark about the Config, once; nil: nobody wants to know

	Tamper [2]func(*tcg.Block) // for tests: has an engine err; nil: it does not
}

// Result is what was found.
type Result struct {
	Insns    int64 // instructions that both engines executed with the same result
	Compared int64 // comparisons that were made
	Status   int   // of the guest, if it has ended
	Err      error // that both machines ended with

	Divergence *Divergence // nil: the engines do the same
}

// Run compares. An error says that it could not be done; that of ctx, that it was ended.
func Run(ctx context.Context, o *Options) (*Result, error) {
	p := &pass{cfg: o.Config, kvm: o.A == emu.AccelKVM || o.B == emu.AccelKVM, every: o.Every, from: o.From, interval: o.Every.interval(), end: o.Insns, fine: -1, keep: -1, cut: -1,
		inputs: newInputs(o.Input)}
	table := o.Undefined
	if table == nil {
		table = undefined.Default()
	}
	when := undefined.When{A: o.A.String(), B: o.B.String()}
	p.undefined, p.pointers = undefinedResults(table, when), ignoresPointers(table, when)
	var c comparison
	_, err := p.run(o, ctx.Done(), true, func(a, b *batch) bool {
		same := c.batch(a, b)
		if same && o.Progress != nil {
			o.Progress(c.insns)
		}
		return same
	})
	if err != nil {
		if errors.Is(err, errQuit) {
			err = ctx.Err()
		}
		return nil, err
	}
	if c.broken != nil {
		return nil, c.broken
	}
	if c.compared == 0 && c.differ == 0 {
		return nil, fmt.Errorf("nothing was compared: the machines ended after %d instructions, before --from", c.insns)
	}
	r := &Result{Insns: c.insns, Compared: c.compared, Status: c.status, Err: c.err}
	if c.differ == 0 && c.ends == "" {
		return r, nil
	}
	r.Divergence, err = o.narrow(ctx, *p, &c)
	if errors.Is(err, errQuit) {
		err = ctx.Err()
	}
	return r, err
}
