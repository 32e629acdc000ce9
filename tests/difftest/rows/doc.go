// Package rows runs every row of the decoder's instruction table on the host processor and on goemu's two
// engines, thousands of cases a row, and compares all that a program can see: registers, flags, segment registers, memory, x87, MXCSR, the
// full vector registers, and for a fault its vector, error code and address. It has tests only; they need a linux/amd64 host.
//
// A case is one instruction and a state to start from (gen). Instructions are made from Row.Enc with random prefixes, registers and
// addresses; operands come from pools of edge values (values); memory operands lie anywhere around two pages of data that are
// followed by a read-only page, and that by nothing.
//
// The host runs a thousand cases without a word to the test: the child process (child) shares memory with it, and a signal handler there
// stores the state that a case has left and loads the next one. Each case ends with INT3 if nothing else raises an exception.
// On goemu (machine) a small kernel enters user mode by IRET, and exceptions come back through the IDT.
//
// What differs by design, and flags that the manuals leave undefined and the engines do not promise, stands in exclude and undefined.
//
// Branches lead to the INT3 behind their instruction or out of the code; one that found a circle would not end.
//
// TestRows takes GOEMU_ROW_CASES, the cases a row, and GOEMU_ROWS, a regular expression for rows. GOEMU_ROWS_RECORD names a
// file to write the counts to (with GOEMU_ROWS, those of the rows that ran; the others stay), from which docs/coverage.md is made (tests/coverage).
package rows
