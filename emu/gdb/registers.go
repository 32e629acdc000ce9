package gdb

import (
	"encoding/binary"
	"fmt"

	"goemu/emu/inspect"
)

// register is one that gdb knows. Its number is its place in the table.
type register struct {
	name, typ string
	group     string // "": gdb finds it by itself
	bits      int
	get       func(r *inspect.Registers, p []byte) // writes bits/8 bytes, of which all are 0
	set       func(r *inspect.Registers, p []byte)
}

// feature is a group of registers with the name by which gdb knows what they are (GDB's manual, G.5.7).
type feature struct {
	name  string
	types string // XML
	regs  []register
}

// number is an integer register.
func number(name, typ string, bits int, get func(r *inspect.Registers) uint64, set func(r *inspect.Registers, v uint64)) register {
	return register{
		name: name, typ: typ, bits: bits,
		get: func(r *inspect.Registers, p []byte) {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], get(r))
			copy(p, b[:])
		},
		set: func(r *inspect.Registers, p []byte) {
			var b [8]byte
			copy(b[:], p)
			set(r, binary.LittleEndian.Uint64(b[:]))
		},
	}
}

// whole is a register that is a field.
func whole(name, typ string, bits int, at func(r *inspect.Registers) *uint64) register {
	return number(name, typ, bits, func(r *inspect.Registers) uint64 { return *at(r) }, func(r *inspect.Registers, v uint64) { *at(r) = v })
}

// field is one of a smaller type.
func field[T uint16 | uint32](name, typ, group string, at func(r *inspect.Registers) *T) register {
	reg := number(name, typ, 32, func(r *inspect.Registers) uint64 { return uint64(*at(r)) }, func(r *inspect.Registers, v uint64) { *at(r) = T(v) })
	reg.group = group
	return reg
}

// half is the lower or upper half of a field, as the x87's pointers are shown.
func half(name string, shift, bits int, at func(r *inspect.Registers) *uint64) register {
	mask := uint64(1)<<bits - 1
	reg := number(name, "int", 32,
		func(r *inspect.Registers) uint64 { return *at(r) >> shift & mask },
		func(r *inspect.Registers, v uint64) { *at(r) = *at(r)&^(mask<<shift) | v&mask<<shift })
	reg.group = "float"
	return reg
}

// quads are 64-bit parts of a vector register.
func quads(name, typ string, n, first, count int) register {
	return register{
		name: name, typ: typ, bits: 64 * count,
		get: func(r *inspect.Registers, p []byte) {
			for i := range count {
				binary.LittleEndian.PutUint64(p[8*i:], r.Vec[n][first+i])
			}
		},
		set: func(r *inspect.Registers, p []byte) {
			for i := range count {
				r.Vec[n][first+i] = binary.LittleEndian.Uint64(p[8*i:])
			}
		},
	}
}

// general is a general register. Outside 64-bit mode it has 32 bits, and there are eight.
func general(name, typ string, bits, n int) register {
	mask := func(r *inspect.Registers) uint64 {
		switch {
		case r.CodeBits() == 64:
			return ^uint64(0)
		case n < 8:
			return 0xffff_ffff
		}
		return 0
	}
	return number(name, typ, bits,
		func(r *inspect.Registers) uint64 { return r.GPR[n] & mask(r) },
		func(r *inspect.Registers, v uint64) {
			if m := mask(r); m != 0 {
				r.GPR[n] = v & m
			}
		})
}

// gdb's order of general and segment registers.
var (
	order64  = [16]int{inspect.RAX, inspect.RBX, inspect.RCX, inspect.RDX, inspect.RSI, inspect.RDI, inspect.RBP, inspect.RSP, 8, 9, 10, 11, 12, 13, 14, 15}
	order32  = [8]int{inspect.RAX, inspect.RCX, inspect.RDX, inspect.RBX, inspect.RSP, inspect.RBP, inspect.RSI, inspect.RDI}
	segments = [6]int{inspect.CS, inspect.SS, inspect.DS, inspect.ES, inspect.FS, inspect.GS}
)

// coreRegs are the general, segment and x87 registers, in the order in which gdb numbers them.
func coreRegs(long bool) (regs []register) {
	word, bits, pc := "int64", 64, "rip"
	names := order64[:]
	if !long {
		word, bits, pc, names = "int32", 32, "eip", order32[:]
	}
	for _, n := range names {
		name, typ := inspect.GPRNames[n], word
		if !long {
			name = "e" + name[1:]
		}
		if n == inspect.RSP || n == inspect.RBP {
			typ = "data_ptr"
		}
		regs = append(regs, general(name, typ, bits, n))
	}
	regs = append(regs,
		whole(pc, "code_ptr", bits, func(r *inspect.Registers) *uint64 { return &r.RIP }),
		whole("eflags", "i386_eflags", 32, func(r *inspect.Registers) *uint64 { return &r.RFLAGS }))
	for _, n := range segments {
		regs = append(regs, field(inspect.SegmentNames[n], "int32", "", func(r *inspect.Registers) *uint16 { return &r.Seg[n].Selector }))
	}
	for i := range 8 {
		regs = append(regs, register{
			name: fmt.Sprintf("st%d", i), typ: "i387_ext", bits: 80,
			get: func(r *inspect.Registers, p []byte) {
				binary.LittleEndian.PutUint64(p, r.X87.ST[i].Significand)
				binary.LittleEndian.PutUint16(p[8:], r.X87.ST[i].Exponent)
			},
			set: func(r *inspect.Registers, p []byte) {
				r.X87.ST[i] = inspect.Float80{Significand: binary.LittleEndian.Uint64(p), Exponent: binary.LittleEndian.Uint16(p[8:])}
			},
		})
	}
	fip := func(r *inspect.Registers) *uint64 { return &r.X87.FIP }
	fdp := func(r *inspect.Registers) *uint64 { return &r.X87.FDP }
	return append(regs,
		field("fctrl", "int", "float", func(r *inspect.Registers) *uint16 { return &r.X87.FCW }),
		field("fstat", "int", "float", func(r *inspect.Registers) *uint16 { return &r.X87.FSW }),
		field("ftag", "int", "float", func(r *inspect.Registers) *uint16 { return &r.X87.FTW }),
		half("fiseg", 32, 16, fip), half("fioff", 0, 32, fip), half("foseg", 32, 16, fdp), half("fooff", 0, 32, fdp),
		field("fop", "int", "float", func(r *inspect.Registers) *uint16 { return &r.X87.FOP }))
}

// systemRegs are those that only a machine shows. gdb takes them as they are.
func systemRegs(long bool) []register {
	bits, word := 64, "int64"
	if !long {
		bits, word = 32, "int32"
	}
	list := []register{
		whole("k_gs_base", word, bits, func(r *inspect.Registers) *uint64 { return &r.KernelGSBase }),
		whole("cr0", "cr0", bits, func(r *inspect.Registers) *uint64 { return &r.CR0 }),
		whole("cr2", word, bits, func(r *inspect.Registers) *uint64 { return &r.CR2 }),
		whole("cr3", word, bits, func(r *inspect.Registers) *uint64 { return &r.CR3 }),
		whole("cr4", "cr4", bits, func(r *inspect.Registers) *uint64 { return &r.CR4 }),
		whole("cr8", word, bits, func(r *inspect.Registers) *uint64 { return &r.CR8 }),
		whole("efer", "efer", bits, func(r *inspect.Registers) *uint64 { return &r.EFER }),
	}
	for i := range list {
		list[i].group = "system"
	}
	return list
}

func baseRegs(long bool) []register {
	bits, word := 64, "int64"
	if !long {
		bits, word = 32, "int32"
	}
	return []register{
		whole("fs_base", word, bits, func(r *inspect.Registers) *uint64 { return &r.Seg[inspect.FS].Base }),
		whole("gs_base", word, bits, func(r *inspect.Registers) *uint64 { return &r.Seg[inspect.GS].Base }),
	}
}

// vectorRegs are parts of n vector registers from first on.
func vectorRegs(name, suffix, typ string, first, n, quad, count int) (regs []register) {
	for i := first; i < first+n; i++ {
		regs = append(regs, quads(fmt.Sprintf("%s%d%s", name, i, suffix), typ, i, quad, count))
	}
	return regs
}

// avx512Regs are what AVX-512 adds, in gdb's order.
func avx512Regs() (regs []register) {
	regs = append(regs, vectorRegs("xmm", "", "vec128", 16, 16, 0, 2)...)
	regs = append(regs, vectorRegs("ymm", "h", "uint128", 16, 16, 2, 2)...)
	for i := range 8 {
		regs = append(regs, whole(fmt.Sprintf("k%d", i), "uint64", 64, func(r *inspect.Registers) *uint64 { return &r.K[i] }))
	}
	return append(regs, vectorRegs("zmm", "h", "v2ui128", 0, 32, 4, 4)...)
}
