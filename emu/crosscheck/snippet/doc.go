// Package snippet runs a few instructions on a bare vCPU, some pages of memory and no board, on two engines, and tells what each made of them.
//
// A Case is the snippet with the registers and the memory that it starts from; it has a text form (Parse, Case.Write) that people write and that reproducers of
// a divergence are. Raw instruction bytes and assembler text become cases too (Read). Engines are goemu's translator (tcg) and interpreter (interp), the host's
// CPU by a traced child process (native: user-level code, linux/amd64) and KVM.
//
// The snippet runs in real mode (16), or under paging in protected mode (32) or long mode (64), until it comes to its end or raises an exception, halts, or has
// executed too many instructions. Exceptions are taken by an IDT whose handlers halt; what is compared is the state in which the exception was raised.
package snippet
