package crosscheck

import (
	"goemu/decoder"
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

// undefinedFlags gives what the table says of an instruction's flags.
func undefinedFlags(t *undefined.Table, when undefined.When) func(i *decoder.Inst) tcg.Flags {
	return func(i *decoder.Inst) (f tcg.Flags) {
		m := t.Mask(i, when)
		if m == nil {
			return 0
		}
		for _, n := range flagNames {
			if m.Flags&n.bit != 0 {
				f |= n.flag
			}
		}
		return f
	}
}
