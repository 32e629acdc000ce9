// Package difftest runs random instruction sequences, made from the decoder's
// instruction table, on the host processor and on goemu's engines, and compares all registers, flags, memory and
// faults. It has tests only: of the interpreter, with and without the optimiser, of the native back end, also
// with its blocks linked, and of the CPU above them in user mode. Code is 64-, 32- and 16-bit.
//
// The host runs each sequence in a child process under ptrace, so that faults are
// seen exactly; the child is an ELF file of a page of code and two of data made here, and
// 16-bit code gets segments in its LDT. The tests need a linux/amd64 host. What the manuals leave undefined
// is compared where goemu promises to do as the host does (emu/crosscheck/undefined/table.txt); the host should be one of AMD's.
//
// Not covered: privileged modes, segment loads, far transfers, EVEX encodings, masked moves and gathers.
//
// A failing run prints its seed; GOEMU_SEED repeats it, GOEMU_DIFF_N sets the number of sequences.
package difftest
