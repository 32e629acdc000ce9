package kvm

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

// APIVersion is the only version of the API that there is (KVM API 4.1).
const APIVersion = 12

// Host is the host's KVM.
type Host struct {
	sys Sys
	fd  int
	run int // bytes of what a processor shares with the kernel
	msr msrProbe
}

// needed are the capabilities without which nothing works.
var needed = []Cap{CapUserMemory, CapImmediateExit, CapExtCPUID, CapDestroyMemoryRegion, CapJoinMemoryRegions}

// Open opens /dev/kvm. The error says what is missing: the device, the permission, the API's version, or a capability.
func Open() (*Host, error) { return OpenSys(System) }

// OpenSys is Open on another operating system.
func OpenSys(sys Sys) (*Host, error) {
	const opening = "opening " + Device
	fd, err := sys.Open(Device)
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		return nil, e
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		return nil, &Error{opening, err, "load the module (modprobe kvm_intel or kvm_amd), switch virtualisation on in the firmware's setup, " +
			"or, in a virtual machine, switch on nested virtualisation; -accel tcg works without"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &Error{opening, err, "join the group that owns it (usermod -aG kvm $USER, then log in again; the device needs mode 660), or use -accel tcg"}
	case errors.Is(err, syscall.EBUSY):
		return nil, &Error{opening, err, advice[syscall.EBUSY]}
	default:
		return nil, &Error{opening, err, "-accel tcg works without"}
	}
	h := &Host{sys: sys, fd: fd}
	if err := h.look(); err != nil {
		return nil, errors.Join(err, sys.Close(fd))
	}
	return h, nil
}

// look checks that this KVM is one that can be used.
func (h *Host) look() error {
	v, errno := h.sys.Ioctl(h.fd, ReqGetAPIVersion, 0, nil)
	if errno != 0 {
		return failed("asking for the API's version", ReqGetAPIVersion, errno)
	}
	if v != APIVersion {
		return &Error{Device + " has API version " + strconv.Itoa(v), errors.New("not " + strconv.Itoa(APIVersion)), "use a kernel of 2007 or later, or -accel tcg"}
	}
	if err := h.Require(needed...); err != nil {
		return err
	}
	h.run, errno = h.sys.Ioctl(h.fd, ReqGetVCPUMmapSize, 0, nil)
	if errno != 0 {
		return failed("asking for the size of a processor's shared memory", ReqGetVCPUMmapSize, errno)
	}
	if h.run < int(unsafe.Sizeof(runPage{})) {
		return &Error{"a processor's shared memory", errors.New(strconv.Itoa(h.run) + " bytes"), "the host's kernel has a KVM that goemu does not know: use -accel tcg"}
	}
	return nil
}

// Close closes the device. Machines that were made stay.
func (h *Host) Close() error { return h.sys.Close(h.fd) }

// Check is a capability's number; 0: KVM does not have it (KVM API 4.4).
func (h *Host) Check(c Cap) int {
	n, errno := h.sys.Ioctl(h.fd, ReqCheckExtension, uintptr(c), nil)
	if errno != 0 {
		return 0
	}
	return n
}

// Require is an error that names those capabilities that are missing, nil if none is.
func (h *Host) Require(caps ...Cap) error {
	var missing []string
	for _, c := range caps {
		if h.Check(c) <= 0 {
			missing = append(missing, c.String())
		}
	}
	if missing == nil {
		return nil
	}
	return &Error{"this host's KVM lacks " + strings.Join(missing, ", "), errors.ErrUnsupported, "use a newer kernel, or -accel tcg"}
}

// CreateVM makes a virtual machine without memory and processors (KVM API 4.2).
func (h *Host) CreateVM() (*VM, error) {
	for {
		fd, errno := h.sys.Ioctl(h.fd, ReqCreateVM, 0, nil)
		switch errno {
		case 0:
			return &VM{host: h, sys: h.sys, fd: fd, pages: map[uint32]int{}}, nil
		case syscall.EINTR: // a signal while the kernel waits for its memory notifier
		default:
			return nil, failed("making a virtual machine", ReqCreateVM, errno)
		}
	}
}
