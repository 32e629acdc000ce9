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

// TestProbeMSRExits: a KVM that answers WRMSR right behind the guest's exit, as Intel's does, has no exits for IA32_TSC_DEADLINE, whatever its filter says. It is asked once.
func TestProbeMSRExits(t *testing.T) {
	defer kvm.ProbesHangAfter(time.Hour)()
	const tscDeadline = 0x6e0
	for name, c := range map[string]struct {
		index uint32 // of the exit; 0: there is none
		caps  []kvm.Cap
		want  string
	}{
		"exits":     {tscDeadline, []kvm.Cap{kvm.CapUserSpaceMSR, kvm.CapMSRFilter}, ""},
		"none":      {0, []kvm.Cap{kvm.CapUserSpaceMSR, kvm.CapMSRFilter}, "KVM_EXIT_IO in place of one for WRMSR"},
		"another":   {0x10, []kvm.Cap{kvm.CapUserSpaceMSR, kvm.CapMSRFilter}, "KVM_EXIT_X86_WRMSR in place of one for WRMSR"},
		"no filter": {tscDeadline, []kvm.Cap{kvm.CapUserSpaceMSR}, "KVM_CAP_X86_MSR_FILTER"},
	} {
		fake := kvmtest.NewFake()
		for _, x := range c.caps {
			fake.Caps[x] = 1
		}
		told := 0
		fake.Run = func(cpu *kvmtest.CPU) syscall.Errno {
			if told++; told == 1 && c.index != 0 {
				return cpu.ExitMSR(true, c.index, 0)
			}
			if _, fail := cpu.MSRAnswer(); fail {
				t.Errorf("%s: #GP", name)
			}
			return cpu.ExitIO(true, 0x80, 1, 1, []byte{1})
		}
		h, err := kvm.OpenSys(fake)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := h.ProbeMSRExits(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := fake.Files(); n != 1 || told > 2 {
			t.Errorf("%s: %d files are open, %d runs", name, n, told)
		}
	}
}

// TestProbeMSRExitsFaults: requests that fail are told.
func TestProbeMSRExitsFaults(t *testing.T) {
	for _, r := range []kvm.Request{kvm.ReqCreateVM, kvm.ReqEnableCap, kvm.ReqSetMSRFilter, kvm.ReqRun} {
		fake := kvmtest.NewFake()
		fake.Caps[kvm.CapUserSpaceMSR], fake.Caps[kvm.CapMSRFilter] = 1, 1
		faults := &kvmtest.Faults{Sys: fake}
		h, err := kvm.OpenSys(faults)
		if err != nil {
			t.Fatal(err)
		}
		faults.Fail(r, syscall.ENOMEM)
		if err := h.ProbeMSRExits(); !errors.Is(err, syscall.ENOMEM) || fake.Files() != 1 {
			t.Errorf("%v: %v, %d files are open", r, err, fake.Files())
		}
	}
}
