// Package kvm is Linux's KVM for x86 in pure Go: the host's device (Host), a virtual machine with its memory slots and in-kernel devices
// (VM), and its processors (VCPU), each a thin and typed wrapper of the ioctls with errors that say what was refused and what helps.
//
// It follows the kernel's "KVM API" document (Documentation/virt/kvm/api.rst), whose sections the comments name; structures and numbers are
// checked by a test against the kernel's headers. It knows nothing of goemu's machine: what the guest does is the caller's.
//
// Not done: nested state, machine checks, Hyper-V and Xen interfaces, SEV and other encrypted guests, the dirty ring, MSR filters.
//
// All of it but the system calls themselves is portable: they are behind Sys, which has a real implementation on linux/amd64 and a fake
// in package kvmtest. A VCPU belongs to one goroutine at a time, which in Run is locked to its thread; only RequestExit may be called by any.
package kvm
