package emu_test

import (
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"goemu/emu"
	"goemu/emu/kvm"
)

// counted counts how often KVM runs a guest.
type counted struct {
	kvm.Sys
	runs atomic.Int64
}

func (c *counted) Ioctl(fd int, r kvm.Request, value uintptr, p unsafe.Pointer) (int, syscall.Errno) {
	if r == kvm.ReqRun {
		c.runs.Add(1)
	}
	return c.Sys.Ioctl(fd, r, value, p)
}

// Writes to the display's planes have no exits of their own, and are there when the guest reads them.
func TestKVMCollect(t *testing.T) {
	needKVM(t, kvm.Probe32)
	kernel := assemble(t, "planes.asm")
	cfg := emu.Config{Accel: emu.AccelInterp, CPU: "pentium2", Kernel: kernel, Devices: []string{"isa-debug-exit,iobase=0xf4,iosize=1"}}
	want := start(t, cfg)
	<-want.ended

	c := &counted{Sys: kvm.System}
	kvm.System = c
	defer func() { kvm.System = c.Sys }()
	h, err := kvm.Open()
	must(t, err)
	collects := h.Check(kvm.CapCoalescedMMIO) > 0
	must(t, h.Close())
	cfg.Accel = emu.AccelKVM
	got := start(t, cfg)
	<-got.ended
	if got.status != want.status || got.err != nil || want.err != nil {
		t.Errorf("status %d, %v; without KVM %d, %v", got.status, got.err, want.status, want.err)
	}
	// 3000 reads are exits, and 3000 writes would be.
	if n := c.runs.Load(); collects && n > 5000 {
		t.Errorf("%d runs", n)
	}
	t.Logf("status %d, %d runs", got.status, c.runs.Load())
}
