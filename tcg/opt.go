package tcg

import "sync"

// Options says how Optimise works.
type Options struct {
	// Dump, if not nil, is called with the block before the first pass (name "input") and after each pass.
	Dump func(pass string, b *Block)
	// Skip names passes to leave out. "flags" and "dead" both compute FOut, FObs and
	// KillsFlags; without them every SetF op must be taken to write all its flags.
	Skip map[string]bool
}

// pass is one step of the optimiser. Each is linear in the number of ops.
type pass struct {
	name string
	run  func(*optimiser, *Block)
}

// passes in their order: values folds best once SetF is gone from ops whose flags nobody
// wants, and leaves unused temporaries behind for dead.
var passes = [...]pass{
	{"flags", func(z *optimiser, b *Block) { z.backward(b, false) }},
	{"values", (*optimiser).values},
	{"dead", func(z *optimiser, b *Block) { z.backward(b, true) }},
}

// Passes gives the names of the optimiser's passes in their order.
func Passes() []string {
	var n []string
	for i := range passes {
		n = append(n, passes[i].name)
	}
	return n
}

// optimiser holds the scratch state of a run.
type optimiser struct {
	live [MaxTemps]bool
	val  [refTmp + MaxTemps]value
	ver  [16]uint32
	key  Key
}

var optimisers = sync.Pool{New: func() any { return new(optimiser) }}

// Optimise rewrites b in place; it must have passed Verify. Afterwards FOut,
// FObs and KillsFlags are set. What a run of the block can show (guest state at its
// end and wherever it may exit, memory accesses and their order) stays the same. o may be nil.
func Optimise(b *Block, o *Options) {
	z := optimisers.Get().(*optimiser)
	if o != nil && o.Dump != nil {
		o.Dump("input", b)
	}
	for i := range passes {
		if o != nil && o.Skip[passes[i].name] {
			continue
		}
		passes[i].run(z, b)
		if o != nil && o.Dump != nil {
			o.Dump(passes[i].name, b)
		}
	}
	optimisers.Put(z)
}

// backward walks from the end of the block to its beginning with what is live:
// flags, guest registers and temporaries. It computes each op's FOut and FObs and the
// block's KillsFlags; with remove it also drops ops that nobody needs.
//
// All guest state is live at the end of the block and at every op that may exit.
// There, flags count as observed: a back end may give them only on that way.
func (z *optimiser) backward(b *Block, remove bool) {
	clear(z.live[:b.Temps])
	out, obs := FlagsAll, Flags(0)
	regs := allRegs
	for i := len(b.Ops) - 1; i >= 0; i-- {
		o := &b.Ops[i]
		var w, need Flags
		may := false
		if o.SetF {
			w, may = o.FlagsWritten()
			o.FOut, o.FObs = w&out, w&obs&^out
			need = o.FOut | o.FObs
			o.SetF = need != 0
		}
		if remove && infos[o.Code].trait&(effect|ends) == 0 && !z.dstLive(o, regs) {
			if need == 0 {
				o.Code = Nop
				continue
			}
			switch o.Code {
			case Sub:
				o.Code, o.Dst = Cmp, None
			case And:
				o.Code, o.Dst = Test, None
			case Bts, Btr, Btc:
				o.Code, o.Dst = Bt, None
			}
		}
		if may {
			out |= need
		} else {
			out &^= w
			obs &^= w
		}
		out |= o.FlagsRead()

		r, _, k := o.regs()
		regs = regs&^k | r
		if o.Dst.IsTemp() {
			z.live[o.Dst.Index()] = false
		}
		for _, x := range [...]Ref{o.A, o.B, o.C} {
			if x.IsTemp() {
				z.live[x.Index()] = true
			}
		}
		if o.MayExit() {
			regs = allRegs
			obs = FlagsAll
		}
	}
	b.KillsFlags = out|obs == 0
	if remove {
		b.dropNops()
	}
}

// dstLive tells whether the op's destination is needed after it.
func (z *optimiser) dstLive(o *Op, regs regSet) bool {
	if o.Dst.IsTemp() {
		return z.live[o.Dst.Index()]
	}
	return setOf(o.Dst)&regs != 0
}

func (b *Block) dropNops() {
	n := 0
	for i := range b.Ops {
		if b.Ops[i].Code == Nop {
			continue
		}
		if n != i {
			b.Ops[n] = b.Ops[i]
		}
		n++
	}
	b.Ops = b.Ops[:n]
}
