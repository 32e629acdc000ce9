package accel

import (
	"runtime"
	"sync/atomic"

	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
)

// Run runs the vCPU until Events.Poll or Events.Wait says stop, or the CPU has shut down.
// The goroutine stays on one thread, as the x87 registers of the host hold guest state between runs.
func (e *Engine) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer e.syncX87()
	defer e.settle()
	for {
		if fn := e.after; fn != nil {
			e.after = nil
			fn()
		}
		if e.cpu.Pending() {
			e.cpu.Deliver()
		}
		if e.cpu.State() == x86.Shutdown {
			return
		}
		if e.debugged() {
			e.afterInsn()
		}
		if atomic.LoadUint32(&e.env.ExitReq) != 0 || e.cpu.Halted() || e.opt.Count && e.env.Budget <= 0 {
			if e.service() {
				return
			}
			if e.cpu.Pending() || e.debug.step.ran {
				continue
			}
		}
		single, counted := e.debug.step.on, false
		if e.debugged() {
			stopped, alone := e.beforeInsn()
			if stopped {
				continue
			}
			single = single || alone
			if _, counted = e.runs[e.cpu.LinearRIP()]; counted {
				e.runs[e.cpu.LinearRIP()]++
			}
		}
		if e.watching {
			e.watchBlock()
			if atomic.LoadUint32(&e.env.ExitReq) != 0 {
				continue // the watcher wants to end
			}
		}
		switch {
		case single || e.shadowed || e.cpu.Stepping():
			// An SMI, an interrupt or a debug trap waits until the instruction after STI or MOV SS is done.
			e.shadowed = false
			e.one()
			e.debug.step.ran = e.debug.step.on
			atomic.StoreUint32(&e.env.ExitReq, 1)
		case e.processor != nil || e.opt.Count && e.env.Budget < e.most:
			e.one() // the last instructions before a timer
		case counted:
			e.runIR(modeCounted)
		case e.native != nil:
			e.runNative()
		default:
			e.runIR(0)
		}
	}
}

// After has fn called once between the instruction that runs, which must be one that ends its block, and the next, before
// traps of that instruction are delivered.
func (e *Engine) After(fn func()) {
	e.after = fn
	atomic.StoreUint32(&e.env.ExitReq, 1)
}

// service looks at everything that may want the vCPU. It reports whether to stop.
func (e *Engine) service() (stop bool) {
	atomic.StoreUint32(&e.env.ExitReq, 0)
	e.settle()
	if e.events.Poll() {
		return true
	}
	for s := &e.debug.step; !s.on || s.interrupts; {
		if e.interrupt() {
			s.ran = s.on
			break
		}
		if !e.cpu.Halted() {
			break
		}
		if e.events.Wait() {
			return true
		}
	}
	e.refill()
	return false
}

// interrupt delivers an SMI, an NMI or an interrupt if one waits and the CPU takes it now.
func (e *Engine) interrupt() bool {
	e.cpu.TakeRequests()
	if e.cpu.SMIWaiting() {
		e.shadowed = !e.cpu.SMI()
		return true
	}
	if e.cpu.NMIWaiting() {
		e.cpu.NMI()
		return true
	}
	if !e.events.INTR() {
		atomic.StoreUint32(&e.env.IntrPending, 0)
		return false
	}
	atomic.StoreUint32(&e.env.IntrPending, 1)
	if !e.cpu.InterruptWindow() {
		e.cpu.MaskedInterrupt()
		e.shadowed = e.cpu.IF()
		return false
	}
	if v := e.events.IntAck(); v >= 0 {
		e.cpu.Interrupt(v)
		return true
	}
	return false
}

// settle books the instructions executed since the last refill; refill takes a new budget.
func (e *Engine) settle() {
	if e.opt.Count {
		e.events.Spent(e.granted - e.env.Budget)
		e.granted = e.env.Budget
	}
}

func (e *Engine) refill() {
	if e.opt.Count {
		e.env.Budget = e.events.Budget()
		e.granted = e.env.Budget
	}
}

// Executed gives the instructions of the current budget that were executed and not yet booked, with -icount.
func (e *Engine) Executed() int32 { return e.granted - e.env.Budget + e.env.Done }

// runIR runs one block in the interpreter.
func (e *Engine) runIR(extra tcg.Mode) {
	e.syncX87()
	switch {
	case e.cpu.WatchesCode():
		if e.cpu.CodeBreak() {
			return
		}
		extra = modeSingle
	case e.cpu.WatchesData(), e.watches:
		extra = modeSingle
	}
	b := e.find(extra)
	if b == nil || b.stop {
		return
	}
	if e.logsRuns() {
		e.logExec(b)
	}
	e.interpret(b, extra == 0)
}

// interpret runs b, and if chain is set and nothing speaks against it, blocks that follow.
func (e *Engine) interpret(b *tb, chain bool) {
	const stepped, flat = modeSingle | tcg.ModeTF, tcg.ModeFlat | tcg.ModeCode64
	mode := b.key.Mode
	chain = chain && !e.watching && mode&stepped == 0 && mode&flat != 0 && !e.logsRuns()
	if chain && !b.cross && !b.dead {
		e.noteJump(b.key.RIP >> mmu.PageShift)
		e.hops.Enter(b.ir, e.global)
	}
	r := b.ir.Run(e.env, e.cpu, &e.hops, chain)
	if r == tcg.ResultNext && (mode&tcg.ModeTF != 0 || e.cpu.Stepping()) {
		e.cpu.AfterStep(mode)
	}
}

// runNative runs generated code from the block at RIP until something needs the loop. Each way through the loop calls
// functions with a stack frame, where the runtime can stop the goroutine.
func (e *Engine) runNative() {
	env := e.env
next:
	if e.cpu.WatchesCode() {
		e.runIR(modeSingle)
		return
	}
	e.cpu.BeginRun()
	if base, top := e.cpu.CSBase(), e.cpu.CSTop(); base != e.csBase || top != e.csTop {
		e.csBase, e.csTop = base, top
		e.FlushJumps(true) // its entries hold offsets in the code segment, within its limit
	}
	env.DropReturns() // the mode may have changed
	env.Quota = e.quota
	var at uintptr
	if j := &env.JumpCache[tcg.JumpIndex(env.RIP)]; j.RIP == env.RIP && j.Mode == uint64(e.cpu.Mode()) {
		at = uintptr(j.Code)
	} else {
		b := e.find(0)
		if b == nil || b.stop {
			return
		}
		if b.code == nil || b.key.Mode&tcg.ModeTF != 0 {
			e.runIR(modeSingle)
			return
		}
		e.remember(b)
		at = e.enter(b)
	}
	for {
		e.native.Again(env, at)
		switch env.ExitCode {
		case tcg.ExitEdge:
			from := e.cache.byID[env.ExitBlock]
			n := int(env.ExitSite)
			if atomic.LoadUint32(&env.ExitReq) != 0 || e.cpu.WatchesCode() {
				return
			}
			to := e.find(0)
			if to == nil || to.code == nil {
				return
			}
			if !from.dead && !e.logsRuns() && from.linked[n] == nil && from.key.Float == to.key.Float &&
				e.cache.byID[env.ExitBlock] == from {
				e.native.Link(from.code, n, to.code, to.key.RIP)
				from.linked[n] = to
				to.in = append(to.in, edgeRef{from, n})
				e.Stats.Links++
			}
			if e.opt.Count && e.logsRuns() && env.Budget < MaxInsns {
				return
			}
			at = e.enter(to)
		case tcg.ExitLookup, tcg.ExitLearn:
			e.Stats.Lookups++
			var from *tb
			site := int(env.ExitSite)
			if env.ExitCode == tcg.ExitLearn {
				from = e.cache.byID[env.ExitBlock]
			}
			if atomic.LoadUint32(&env.ExitReq) != 0 || e.cpu.WatchesCode() {
				return
			}
			to := e.find(0)
			if to == nil || to.code == nil {
				return
			}
			if !e.logsRuns() {
				e.remember(to)
				if from != nil && !from.dead {
					e.native.Learn(from.code, site, env.RIP)
				}
			} else if e.opt.Count && env.Budget < MaxInsns {
				return
			}
			at = e.enter(to)
		case tcg.ExitTLB:
			if !e.present(env.MemAddr, env.MemWrite != 0) && e.cpu.Fill(env.MemAddr, env.MemWrite != 0, e.cpu.Mode().Index()) {
				e.Stats.TLBFills++
				at = uintptr(env.Resume)
				continue
			}
			e.bail()
			return
		case tcg.ExitBail:
			e.bail()
			return
		case tcg.ExitSys:
			e.Stats.Sys++
			from := e.cache.byID[env.ExitBlock]
			s := from.code.Sites[env.ExitSite]
			resume := uintptr(env.Resume)
			i := &from.sys[s.Sys]
			if from.key.Float {
				e.sysHere = *i
				e.sysHere.RIP = env.RIP
				i = &e.sysHere
			}
			e.giveBack(from, int(s.Insn)) // it sees the time before it
			env.Again = 0
			if !e.cpu.Sys(i) {
				return
			}
			e.charge(1 - env.Again)
			if e.cpu.WatchMet() || from.dead && resume != 0 {
				return
			}
			if resume == 0 {
				if e.debugged() || e.watching {
					return
				}
				if atomic.LoadUint32(&env.ExitReq) != 0 || e.opt.Count && env.Budget < e.most {
					return
				}
				goto next
			}
			e.charge(int32(from.insns - int(s.Insn) - 1))
			at = resume
		default: // ExitReqd
			return
		}
	}
}

// enter gives the place where native code of b, the block at RIP, begins. A run that is logged has begun: it does not look once more whether something wants the vCPU.
func (e *Engine) enter(b *tb) uintptr {
	if !e.logsRuns() {
		return b.code.Entry
	}
	e.logExec(b)
	return b.code.Body
}

// present tells whether the TLB has the entry that generated code has just missed: then the access crosses into the next page.
func (e *Engine) present(linear uint64, write bool) bool {
	t := &e.env.TLB.Read
	if write {
		t = &e.env.TLB.Write
	}
	return t[e.cpu.Mode().Index()][mmu.TLBIndex(linear)].Page == linear&^mmu.PageMask
}

// bail runs the instruction that generated code could not.
func (e *Engine) bail() {
	e.Stats.Bails++
	from := e.cache.byID[e.env.ExitBlock]
	e.giveBack(from, int(from.code.Sites[e.env.ExitSite].Insn))
	e.runIR(modeSingle)
}

// giveBack returns the instructions of b from number done on to the budget: they were charged at its head but not executed.
func (e *Engine) giveBack(b *tb, done int) {
	if e.opt.Count {
		e.env.Budget += int32(b.insns - done)
		e.env.Insns -= uint64(b.insns - done)
	}
}

// charge books n instructions that are executed now.
func (e *Engine) charge(n int32) {
	if e.opt.Count {
		e.env.Budget -= n
		e.env.Insns += uint64(n)
	}
}

// remember enters b, the block at RIP, in the jump cache.
func (e *Engine) remember(b *tb) {
	rip := e.env.RIP
	i := tcg.JumpIndex(rip)
	if e.logsRuns() {
		return
	}
	j := &e.env.JumpCache[i]
	e.noteJump(rip >> mmu.PageShift)
	listed := j.Listed
	switch {
	case e.global && listed == 0:
		e.globals = append(e.globals, uint16(i))
		listed = inGlobals
	case !e.global && listed&inJumps == 0:
		e.jumps = append(e.jumps, uint16(i))
		listed |= inJumps
	}
	*j = tcg.JumpEntry{RIP: rip, Mode: uint64(b.key.Mode), Code: uint64(b.code.Entry), Listed: listed}
}

func (e *Engine) syncX87() {
	if e.native != nil && e.env.X87Live != 0 {
		SyncX87(e.env)
	}
}
