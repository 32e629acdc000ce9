package interp

import (
	"unsafe"

	"goemu/mmu"
	"goemu/tcg"
	"goemu/tcg/simd"
	"goemu/tcg/x87"
)

// operand does what comes before and after the execution of a Vec or Fpu op: it
// finds the memory operand, checks it, and reads it into Env.Buf.
func (x *run) operand(op *tcg.Op) (lin uint64, ok bool) {
	size := uint64(op.MemBytes)
	lin, ok = x.linear(op, x.ea(op), size, op.MemWr)
	if !ok {
		return 0, false
	}
	if op.Align && lin&(size-1) != 0 { // before the canonical check, as processors do
		return 0, x.m.Raise(tcg.VectorGP)
	}
	if !x.check(x.rip, op.Seg, op.A, lin, size) {
		return 0, false
	}
	if op.MemWr {
		if !x.m.Probe(lin, int(size), x.idx) {
			return 0, false
		}
	}
	if op.MemRd && !x.readBytes(lin, x.env.Buf[:size]) {
		return 0, false
	}
	return lin, x.aligned(lin, size)
}

func (x *run) readBytes(lin uint64, p []byte) bool {
	e := &x.read[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-uint64(len(p)) {
		copy(p, unsafe.Slice((*byte)(ptr(lin+e.Addend)), len(p)))
		return true
	}
	return x.m.ReadBytes(lin, p, x.idx)
}

func (x *run) writeBytes(lin uint64, p []byte) bool {
	e := &x.write[mmu.TLBIndex(lin)]
	if t := lin - e.Page; t <= mmu.PageSize-uint64(len(p)) {
		copy(unsafe.Slice((*byte)(ptr(lin+e.Addend)), len(p)), p)
		return true
	}
	ok := x.m.WriteBytes(lin, p, x.idx)
	x.wrote()
	return ok
}

// units tells whose availability a Vec op depends on: SSE's, MMX's, both or (CRC32) neither.
func units(op *tcg.Op) (sse, mmx bool) {
	e := &op.Enc
	if e.Map == 2 && e.PP == 0xf2 { // CRC32
		return false, false
	}
	mmx = op.KReg == tcg.VMMX || op.KRM == tcg.VMMX || e.Map == 1 && e.Opcode == 0x77 // EMMS
	return !mmx || op.KReg == tcg.VXMM || op.KRM == tcg.VXMM, mmx
}

// available makes the checks of the units that a Vec op uses.
func (x *run) available(op *tcg.Op) bool {
	if op.Enc.Vex != tcg.VexNone {
		return x.m.CheckAVX()
	}
	sse, mmx := units(op)
	return (!sse || x.m.CheckSSE(false)) && (!mmx || x.m.CheckSSE(true))
}

// vec runs an MMX, SSE or AVX instruction.
func (x *run) vec(op *tcg.Op) bool {
	env := x.env
	env.RIP = x.rip
	if !x.available(op) {
		return false
	}
	mem := (*[32]byte)(env.Buf[:32])
	*mem = [32]byte{}
	var lin uint64
	if op.HasMem() {
		var ok bool
		if lin, ok = x.operand(op); !ok {
			return false
		}
	}
	x.storeGPR()
	env.CC = x.cc
	if simd.Exec(env, op, mem) != 0 {
		return x.m.Raise(tcg.VectorXM)
	}
	if op.Enc.Vex == tcg.Vex256 {
		env.YMMUsed = tcg.YMMInUse
	}
	if op.MemWr && !x.writeBytes(lin, env.Buf[:op.MemBytes]) {
		return false
	}
	x.fetchGPR()
	x.cc = env.CC
	return true
}

// waits tells whether an x87 instruction reports pending exceptions before it runs. The others
// are the FN... control instructions (SDM vol. 1 8.6).
func waits(op *tcg.Op) bool {
	reg := uint8(op.Imm) >> 3 & 7
	if uint8(op.Imm) < 0xc0 {
		switch op.Enc.Opcode {
		case 0xd9: // FNSTENV, FNSTCW
			return reg < 6
		case 0xdd: // FNSAVE, FNSTSW
			return reg < 6
		}
		return true
	}
	switch op.Enc.Opcode {
	case 0xdb: // FNENI, FNDISI, FNCLEX, FNINIT, FNSETPM
		return reg != 4
	case 0xdf: // FNSTSW AX
		return op.Imm != 0xe0
	}
	return true
}

// In the image in Env.X87.
const (
	offCW        = 0
	offSW        = 4
	masks        = 0x3f
	errorSummary = 0x80
)

// fpu runs an x87 instruction.
func (x *run) fpu(op *tcg.Op) bool {
	env := x.env
	env.RIP = x.rip
	if !x.m.CheckFPU(waits(op)) {
		return false
	}
	mem := (*[128]byte)(env.Buf[:128])
	var lin, off uint64
	if op.HasMem() {
		off = x.ea(op) // before the instruction changes a register
		var ok bool
		if lin, ok = x.operand(op); !ok {
			return false
		}
	}
	x.storeGPR()
	env.CC = x.cc
	if !x87.Exec(env, op, mem) {
		return x.m.Raise(tcg.VectorUD)
	}
	if op.MemWr && mem[x87.NoStore] == 0 && !x.writeBytes(lin, env.Buf[:op.MemBytes]) {
		return false
	}
	if !op.FpuControl() {
		env.X87IP = x.rip
		if op.HasMem() {
			env.X87DP = off
		}
		if env.X87[offSW]&errorSummary != 0 { // it is this instruction's
			env.X87Op = uint32(op.Enc.Opcode&7)<<8 | uint32(uint8(op.Imm))
		}
	}
	// With all exceptions masked (again) and none pending, generated code may run x87 instructions:
	// CheckFPU has passed, so CR0 allows them too.
	if env.X87[offCW]&masks == masks && env.X87[offSW]&errorSummary == 0 {
		env.X87OK = 1
	}
	x.fetchGPR()
	x.cc = env.CC
	return true
}
