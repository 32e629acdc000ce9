// Package decoder turns bytes into instructions, after Intel's SDM vol. 2 (and
// AMD's APM vol. 3 for AMD's own instructions).
//
// One table, in the manual's notation (rows_*.go), describes every instruction: Rows
// gives it to those who need the set itself. Decode looks an instruction up in
// dense arrays made from that table: nearly all by the fast path (fast.go, fast_vex.go), those with rare operands or
// several prefixes, and those at the end of code, by the general path (decode.go).
//
// It knows encodings only. What depends on the state of the processor (CPU model,
// protected mode, CR4.OSXSAVE, privilege) is left to the caller, who has
// Row.Feature for it. Not decoded, so undefined: 3DNow!, XOP, FMA4, MPX, CET other than
// ENDBR, AMX, APX and AVX-512-FP16.
package decoder
