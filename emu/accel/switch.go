package accel

import (
	"fmt"

	"goemu/tcg/amd64"
)

// Runner runs one vCPU under the machine's lock: the translator's Engine, or the host's processor. All of it but Run is called between two instructions, in Run by
// Events.Poll too; the CPU then has the whole of the vCPU's state.
type Runner interface {
	// Run runs the vCPU until Events.Poll or Events.Wait says stop, or it has shut down.
	Run()
	// After has fn called once between the instruction that runs, a write to a port, and the next.
	After(fn func())
	// SetDebugger says who decides about breakpoints, watchpoints and steps.
	SetDebugger(d Debugger)
	// Step has the vCPU execute one instruction, or the rest of its block, when it runs next; interrupts: one may be taken instead. EndStep ends it before.
	Step(block, interrupts bool)
	EndStep()
	// Stopped notes that somebody has seen the vCPU stop at its RIP, and Seen tells so; Resume is called before it goes on.
	Stopped()
	Seen() bool
	Resume()
}

var _ Runner = (*Engine)(nil)

// SetNative has all vCPUs go on with the native back end, or with the interpreter. It is called between two instructions, on the goroutine that runs them. With an error
// nothing has changed.
func (c *Code) SetNative(on bool) error {
	if on == (c.native != nil) {
		return nil
	}
	n, err := c.newNative(on)
	if err != nil {
		return err
	}
	for _, e := range c.engines {
		e.syncX87()
	}
	c.Flush()
	old := c.native
	c.opt.Native, c.native = on, n
	for _, e := range c.engines {
		e.useNative()
	}
	if old != nil {
		return old.Close()
	}
	return nil
}

// Native tells whether the native back end runs the vCPUs.
func (c *Code) Native() bool { return c.native != nil }

// newNative makes the back end, or none.
func (c *Code) newNative(on bool) (*amd64.Engine, error) {
	if !on {
		return nil, nil
	}
	n, err := amd64.New(amd64.Options{ArenaBytes: c.opt.ArenaBytes, Count: c.opt.Count, Quota: c.opt.Watch.Block != nil, Each: c.logsRuns})
	if err != nil {
		return nil, fmt.Errorf("translator: %w", err)
	}
	return n, nil
}

// useNative readies the vCPU's environment for the back end that there is now.
func (e *Engine) useNative() {
	if e.native != nil {
		e.native.Prepare(e.env)
	}
	e.jumps, e.globals = e.jumps[:0], e.globals[:0]
	clear(e.jumpPages[:])
	for i := range e.env.JumpCache {
		e.env.JumpCache[i] = e.noJump()
	}
}
