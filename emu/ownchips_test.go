package emu_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"goemu/emu"
	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"

	"github.com/google/go-cmp/cmp"
)

// tsegConfig is a machine whose guest can set up TSEG.
func tsegConfig(accel emu.Accel, chip emu.IRQChip, cpus int) emu.Config {
	return emu.Config{Accel: accel, IRQChip: chip, Machine: "q35", CPUs: cpus}
}

// A guest that sets up TSEG gets the SMIs that it sends by its local APIC, whoever had that before.
func TestOwnChips(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	for _, cpus := range []int{1, 2} {
		want := interrupts(t, "tseg.asm", tsegConfig(emu.AccelInterp, emu.IRQChipAuto, cpus), nil)
		if text := strings.Join(want, "\n"); !strings.Contains(text, "SMI to self\n") || strings.Contains(text, "NMI to the other\n") != (cpus == 2) {
			t.Errorf("%d vCPUs: the interpreter's guest says:\n%s", cpus, text)
		}
		for name, chip := range map[string]emu.IRQChip{"off": emu.IRQChipOff, "split": emu.IRQChipSplit, "on": emu.IRQChipOn} {
			for moves, engines := range map[string][]emu.Accel{"": nil, ", moving": {emu.AccelInterp, emu.AccelKVM}} {
				t.Run(fmt.Sprint(name, moves, ", ", cpus), func(t *testing.T) {
					if chip == emu.IRQChipOn {
						needInKernel(t)
					}
					if d := cmp.Diff(want, interrupts(t, "tseg.asm", tsegConfig(emu.AccelKVM, chip, cpus), nil, engines...)); d != "" {
						t.Errorf("%d vCPUs: (-interp +KVM)\n%s", cpus, d)
					}
				})
			}
		}
	}
}

// Where KVM refuses the virtual machine that is to be next, the other engine goes on; without one the machine ends.
func TestOwnChipsRefused(t *testing.T) {
	needKVM(t, kvm.ProbeReal, kvm.Probe32)
	real := kvm.System
	defer func() { kvm.System = real }()
	want := interrupts(t, "tseg.asm", tsegConfig(emu.AccelInterp, emu.IRQChipAuto, 2), nil)
	for request, errnos := range map[kvm.Request][]syscall.Errno{kvm.ReqCreateVM: {syscall.ENOMEM, syscall.ENOMEM}, kvm.ReqCreateVCPU: {0, 0, syscall.ENOMEM}, kvm.ReqGetMSRIndexList: {syscall.EINVAL}} {
		for _, accel := range []emu.Accel{emu.AccelKVMOrInterp, emu.AccelKVM} {
			faults := &kvmtest.Faults{Sys: real}
			kvm.System = faults
			cfg := tsegConfig(accel, emu.IRQChipSplit, 2)
			cfg.Kernel, cfg.CPU, cfg.Debugcon, cfg.Serial = assemble(t, "tseg.asm"), "pentium2,+tsc-deadline,+x2apic", "stdio", []string{"null", "null"}
			cfg.Devices = []string{"isa-debug-exit,iobase=0xf4,iosize=1"}
			out, errs, m := fallsBack(t, cfg, func(*started) { faults.Fail(request, errnos...) })
			if accel == emu.AccelKVM {
				if m.status != 1 || m.err == nil || !strings.Contains(m.err.Error(), "without KVM's local APICs") || !strings.Contains(m.err.Error(), request.String()) {
					t.Errorf("%v: %d, %v", request, m.status, m.err)
				}
			} else {
				if d := cmp.Diff(want, strings.Split(out, "\n")); d != "" || m.status != 1 || m.err != nil {
					t.Errorf("%v: %d, %v, (-interp +KVM)\n%s", request, m.status, m.err, d)
				}
				oneWarning(t, errs, request.String(), emu.AccelInterp)
			}
			must(t, m.Close())
		}
	}
}
