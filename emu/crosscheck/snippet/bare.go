package snippet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"goemu/emu/accel"
	"goemu/emu/cpumodel"
	"goemu/emu/inspect"
	"goemu/emu/x86"
	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/amd64"
)

// patience is how long a snippet may take on engines that do not count instructions.
var patience = 20 * time.Second

// engine runs cases. It belongs to one goroutine.
type engine interface {
	run(im *image) (*Result, error)
	offer() offer
	close() error
}

// offer is what an engine has.
type offer struct {
	avx       bool          // the AVX state
	features  *cpumodel.Set // of its CPU; nil: all that goemu has
	efer, cr4 uint64        // bits that it has set, where the model has them
}

// open gives the engine of that name, or says why the host does not have it.
func open(name string) (engine, error) {
	switch name {
	case "tcg":
		if !amd64.Supported() {
			return nil, errors.New("tcg: generated code needs an amd64 host")
		}
		return bare{native: true}, nil
	case "interp":
		return bare{}, nil
	case "native":
		return openNative()
	case "kvm":
		return openKVM()
	}
	return nil, fmt.Errorf("there is no engine %s", name)
}

// bare is goemu's CPU without a machine, on the translator or the interpreter.
type bare struct{ native bool }

func (bare) close() error { return nil }
func (bare) offer() offer { return offer{avx: true} }

// world is what such a CPU sees: RAM, ports that read ones, time that counts instructions.
type world struct {
	cpu   *x86.CPU
	left  int64
	spent int64
	tpr   uint8 // CR8
}

func (*world) In(_ uint16, size int) uint32 { return uint32(1<<(8*size) - 1) }
func (*world) Out(uint16, int, uint32)      {}
func (w *world) TSC() uint64                { return uint64(w.spent) }
func (*world) APICBase() uint64             { return 0xfee00900 }
func (*world) SetAPICBase(uint64) bool      { return true }
func (w *world) TPR() uint8                 { return w.tpr }
func (w *world) SetTPR(v uint8)             { w.tpr = v }
func (*world) SetFERR(bool)                 {}
func (*world) IGNNE() bool                  { return false }
func (w *world) Poll() bool                 { return w.left <= 0 }
func (*world) Wait() bool                   { return true }
func (*world) INTR() bool                   { return false }
func (*world) IntAck() int                  { return -1 }
func (w *world) Budget() int32              { return int32(max(min(w.left, 1<<30), 1)) }
func (w *world) Spent(n int32) {
	w.spent += int64(n)
	w.left -= int64(n)
}

// CheckModel tells whether there is a CPU model of that name.
func CheckModel(s string) error {
	_, _, err := cpumodel.Parse(s, amd64.HostCPUID)
	return err
}

func (b bare) name() string {
	if b.native {
		return "tcg"
	}
	return "interp"
}

// with gives a CPU in the state in which a case starts.
func (b bare) with(im *image, use func(w *world, e *accel.Engine, ram []byte)) (err error) {
	model := im.model
	env, err := accel.NewEnv()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, accel.FreeEnv(env)) }()
	ram, err := mmu.AllocRAM(uint64(len(im.ram)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mmu.FreeRAM(ram)) }()
	copy(ram, im.ram)
	space := mmu.NewSpace(model.PhysBits)
	space.MapRAM(0, ram, false)
	w := &world{left: limit}
	if im.c.Limit != 0 {
		w.left = int64(im.c.Limit)
	}
	random := uint64(0)
	w.cpu = x86.New(env, space, w, x86.Options{Model: model, SyncX87: accel.SyncX87, Random: func() uint64 {
		random += 0x9e3779b97f4a7c15
		return random
	}})
	e, err := accel.New(w.cpu, space, w, accel.Options{Native: b.native, Count: true, ArenaBytes: 1 << 20})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	for i := range im.regs.Seg {
		w.cpu.SetSegment(i, x86.Segment{}) // so that no selector is looked up
	}
	if err := w.cpu.SetRegisters(&im.regs); err != nil {
		return fmt.Errorf("the CPU cannot start so: %w", err)
	}
	w.kick(env)
	use(w, e, ram)
	return nil
}

// run implements engine.
func (b bare) run(im *image) (res *Result, err error) {
	err = b.with(im, func(w *world, e *accel.Engine, ram []byte) {
		e.Run()
		var r inspect.Registers
		w.cpu.Inspect(&r)
		otherwise := Endless
		if w.cpu.State() == x86.Shutdown {
			otherwise = Shutdown
		}
		res = im.conclude(b.name(), &r, w.cpu.State() == x86.Halted, otherwise, slices.Clone(ram))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.name(), err)
	}
	return res, nil
}

// step runs a case and shows the registers before each instruction.
func (b bare) step(im *image, show func(r *inspect.Registers)) error {
	return b.with(im, func(w *world, e *accel.Engine, _ []byte) {
		var r inspect.Registers
		for left := w.left; left > 0; left-- {
			w.cpu.Inspect(&r)
			if w.cpu.State() != x86.Running {
				return
			}
			show(&r)
			w.left = 1
			w.kick(w.cpu.Env())
			e.Run()
		}
	})
}

// view shows the translation of the instruction that a case begins with, and what is behind it: the engine has to run it to translate it.
func (b bare) view(im *image) (v inspect.Block, err error) {
	err = b.with(im, func(w *world, e *accel.Engine, ram []byte) {
		e.Run()
		copy(ram, im.ram)
		if err = w.cpu.SetRegisters(&im.regs); err == nil {
			v, _ = e.View(im.regs.RIP)
		}
	})
	return v, err
}

// kick makes the engine ask for its budget first.
func (w *world) kick(env *tcg.Env) { env.ExitReq = 1 }
