// Package x86 is the architectural x86 CPU around translated code: segmentation,
// control of paging, modes, exceptions and interrupts, system
// instructions, and every instruction that the translator leaves to Go (tcg.Sys).
//
// It follows Intel's SDM vol. 3A (chapters 2 to 8) and vol. 2, and AMD's APM where CPUID's
// default vendor, AMD, differs (SYSCALL in legacy mode). Checks, their order and error
// codes are those of the manuals.
//
// Not done: CET, performance counters, VMX and SVM.
package x86
