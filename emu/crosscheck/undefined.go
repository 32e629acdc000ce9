package crosscheck

import (
	"slices"

	"goemu/decoder"
	"goemu/emu/accel"
	"goemu/emu/crosscheck/undefined"
	"goemu/emu/inspect"
	"goemu/tcg"
)

// flagNames are the arithmetic flags in RFLAGS and in micro-ops.
var flagNames = [...]struct {
	bit  uint64
	flag tcg.Flags
}{
	{inspect.FlagCF, tcg.FlagC}, {inspect.FlagPF, tcg.FlagP}, {inspect.FlagAF, tcg.FlagA},
	{inspect.FlagZF, tcg.FlagZ}, {inspect.FlagSF, tcg.FlagS}, {inspect.FlagOF, tcg.FlagO},
}

// pointerNames are the x87's pointers.
var pointerNames = []string{"fop", "fip", "fdp"}

// undefinedResults gives what the table says of an instruction, in machines.
func undefinedResults(t *undefined.Table, when undefined.When) func(i *decoder.Inst) accel.Undefined {
	pointers := ignoresPointers(t, when)
	return func(i *decoder.Inst) (u accel.Undefined) {
		u.Fault = t.OnFault(i, when)
		m := t.Mask(i, when)
		if m == nil {
			return u
		}
		for _, n := range flagNames {
			if m.Flags&n.bit != 0 {
				u.Flags |= n.flag
			}
		}
		m.Flags = 0
		if pointers && !loadsPointers[i.Op] {
			m.Registers = slices.DeleteFunc(m.Registers, func(s string) bool { return slices.Contains(pointerNames, s) })
		}
		u.Other = !m.Empty()
		return u
	}
}

// loadsPointers are the instructions that load the x87's pointers.
var loadsPointers = map[decoder.Op]bool{decoder.FLDENV: true, decoder.FRSTOR: true, decoder.FXRSTOR: true, decoder.XRSTOR: true, decoder.XRSTORS: true}

// ignoresPointers tells whether the table has the x87's pointers among what is not compared.
func ignoresPointers(t *undefined.Table, when undefined.When) bool {
	m := t.Mask(&decoder.Inst{Op: decoder.FLD1}, when)
	return m != nil && !slices.ContainsFunc(pointerNames, func(s string) bool { return !slices.Contains(m.Registers, s) })
}
