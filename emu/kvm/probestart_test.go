package kvm_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// TestProbeStartUp: both processors say that all is well, or which does not.
func TestProbeStartUp(t *testing.T) {
	defer kvm.ProbesHangAfter(time.Hour)()
	for _, c := range []struct {
		says [2]byte // of each processor
		want string
	}{
		{[2]byte{1, 1}, ""},
		{[2]byte{0, 1}, "computes something else"},
		{[2]byte{1, 0}, "the second processor: it computes something else"},
	} {
		fake := kvmtest.NewFake()
		fake.Caps[kvm.CapSplitIRQChip] = 1
		fake.Run = func(cpu *kvmtest.CPU) syscall.Errno {
			if cpu.Runs == 0 && cpu.ID == 1 {
				return syscall.EAGAIN // it has not been started yet
			}
			return cpu.ExitIO(true, 0x80, 1, 1, c.says[cpu.ID:][:1])
		}
		h, err := kvm.OpenSys(fake)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.ProbeStartUp(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.says, err)
		}
		if n := fake.Files(); n != 1 {
			t.Errorf("%v: %d files are open", c.says, n)
		}
	}
}

// TestProbeStartUpFaults: requests that fail for either processor are told, and leave nothing open.
func TestProbeStartUpFaults(t *testing.T) {
	for _, c := range []struct {
		r      kvm.Request
		passed int // before
	}{{kvm.ReqCreateVCPU, 0}, {kvm.ReqCreateVCPU, 1}, {kvm.ReqSetCPUID2, 0}, {kvm.ReqSetCPUID2, 1}, {kvm.ReqRun, 0}, {kvm.ReqRun, 2}} {
		fake := kvmtest.NewFake()
		fake.Caps[kvm.CapSplitIRQChip] = 1
		fake.Run = func(cpu *kvmtest.CPU) syscall.Errno { return cpu.ExitIO(true, 0x80, 1, 1, []byte{1}) }
		faults := &kvmtest.Faults{Sys: fake}
		h, err := kvm.OpenSys(faults)
		if err != nil {
			t.Fatal(err)
		}
		faults.Fail(c.r, append(make([]syscall.Errno, c.passed), syscall.ENOMEM)...)
		if err := h.ProbeStartUp(); !errors.Is(err, syscall.ENOMEM) || !strings.Contains(err.Error(), c.r.String()) {
			t.Errorf("%v after %d: %v", c.r, c.passed, err)
		}
		if n := fake.Files(); n != 1 {
			t.Errorf("%v after %d: %d files are open", c.r, c.passed, n)
		}
	}
}

// TestProbeStartUpHost only says what this host's KVM does.
func TestProbeStartUpHost(t *testing.T) {
	h, err := kvm.Open()
	if err != nil {
		t.Skip("NO KVM HERE: ", err)
	}
	defer h.Close()
	if err := h.ProbeStartUp(); err != nil {
		t.Skip("THIS HOST'S KVM CANNOT: ", kvm.ProbeAP, ": ", err)
	}
}
