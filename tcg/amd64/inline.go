//go:build linux && amd64

package amd64

import "goemu/tcg"

// Inline tells whether the back end makes host code of o on this host, rather than to leave for the interpreter or for Go.
func Inline(o *tcg.Op) bool {
	switch o.Code {
	case tcg.Sys:
		return false
	case tcg.Tzcnt:
		return host&hasBMI1 != 0
	case tcg.Lzcnt:
		return host&hasLZCNT != 0
	case tcg.Popcnt:
		return host&hasPOPCNT != 0
	case tcg.Vec:
		if o.Enc.Vex != tcg.VexNone {
			return vexFormOf(o) != nil
		}
		known, _ := hostVec(o.Enc)
		return known
	}
	return hostBMI(o.Code)
}
