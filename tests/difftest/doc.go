// Package difftest runs random instruction sequences, made from the decoder's
// instruction table, on the host processor and on goemu's engines, and compares all registers, flags, memory and
// faults. It has tests only.
//
// The host runs each sequence in a child process under ptrace, so that faults are
// seen exactly; the child is a two-page ELF file made here. The test needs a linux/amd64 host, and one of
// AMD's for results that the manuals leave undefined and goemu takes from AMD.
//
// A run prints its seed; GOEMU_SEED repeats it, GOEMU_DIFF_N sets the number of sequences.
package difftest
