package kvm

import "syscall"

// Error is what KVM refused, why, and what helps ("" if nothing that is known).
type Error struct {
	Doing  string
	Err    error
	Advice string
}

// Error is one line.
func (e *Error) Error() string {
	s := "KVM: " + e.Doing + ": " + e.Err.Error()
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Unwrap gives the reason, a syscall.Errno if the kernel refused.
func (e *Error) Unwrap() error { return e.Err }

// failed wraps the kernel's answer to a request.
func failed(doing string, r Request, errno syscall.Errno) error {
	return &Error{doing + " (" + r.String() + ")", errno, advice[errno]}
}

// advice is what is general about the kernel's answers.
var advice = map[syscall.Errno]string{
	syscall.ENOMEM:     "the host is out of memory, or of locked memory (ulimit -l): stop other machines or use less -m",
	syscall.ENOTTY:     "the host's kernel is too old for this or was built without it: use another kernel, or -accel tcg",
	syscall.ENOSYS:     "a filter of system calls (seccomp) forbids it: allow ioctl on " + Device + ", or use -accel tcg",
	syscall.EMFILE:     "too many open files: raise the limit (ulimit -n)",
	syscall.ENFILE:     "the host has too many open files",
	syscall.EPERM:      "a filter of system calls (seccomp), SELinux or AppArmor forbids it: allow ioctl on " + Device + ", or use -accel tcg",
	syscall.EACCES:     "SELinux or AppArmor forbids it: allow ioctl on " + Device + ", or use -accel tcg",
	syscall.EBUSY:      "another hypervisor has the processor's virtualisation (VirtualBox, VMware): stop it, or use -accel tcg",
	syscall.EOPNOTSUPP: "the host's processor or firmware lacks virtualisation, or it is switched off in the firmware's setup",
}
