package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// roomOf is the room that a file takes on the host, in bytes.
func roomOf(st os.FileInfo) (int64, bool) {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return s.Blocks * 512, true // st_blocks counts 512 bytes wherever the file is
}

// Requests of Linux's KVM API.
const (
	kvmGetAPIVersion = 0xae00
	kvmCheckExt      = 0xae03
	kvmAPIVersion    = 12
	kvmCapNrVCPUs    = 9
)

// probeKVM says what KVM there is, or why there is none and what to do.
func probeKVM() (found, advice string) {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no /dev/kvm", "the host's kernel has no KVM module loaded, or is a guest itself without nested virtualisation"
	case errors.Is(err, fs.ErrPermission):
		return "/dev/kvm may not be opened", "join the group kvm: usermod -aG kvm $USER"
	case err != nil:
		return err.Error(), ""
	}
	defer f.Close()
	v, err := unix.IoctlRetInt(int(f.Fd()), kvmGetAPIVersion)
	if err != nil || v != kvmAPIVersion {
		return fmt.Sprintf("/dev/kvm has API version %d (%v)", v, err), ""
	}
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), kvmCheckExt, kvmCapNrVCPUs)
	if errno != 0 {
		return fmt.Sprintf("KVM works, API version %d", v), ""
	}
	return fmt.Sprintf("KVM works, API version %d, up to %d vCPUs recommended", v, n), ""
}
