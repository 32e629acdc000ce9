package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"goemu/emu/kvm"
	"goemu/emu/kvm/kvmtest"
)

// TestDoctorKVM looks at false KVMs: each must be told in words, with what to do.
func TestDoctorKVM(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kvmtest.Fake)
		want   []string
	}{
		"none":      {func(f *kvmtest.Fake) { f.OpenErr = syscall.ENOENT }, []string{"-- KVM: opening /dev/kvm: no such file", "      load the module (modprobe"}},
		"forbidden": {func(f *kvmtest.Fake) { f.OpenErr = syscall.EACCES }, []string{"-- KVM: opening /dev/kvm: permission denied", "usermod -aG kvm"}},
		"weak":      {func(f *kvmtest.Fake) { f.Caps[kvm.CapImmediateExit] = 0 }, []string{"-- KVM: this host's KVM lacks KVM_CAP_IMMEDIATE_EXIT", "use a newer kernel"}},
		"fails": {func(f *kvmtest.Fake) {
			f.MSRs[0xc000_0081], f.MSRs[0xc000_0082] = 0, 0
			f.CPUID = []kvm.CPUIDEntry{{Leaf: 0, EAX: 1}, {Leaf: 1, EDX: 1 << 26}}
			f.Run = func(c *kvmtest.CPU) syscall.Errno { return c.Exit(kvm.ExitShutdown) }
		}, []string{
			"ok  KVM: API version 12, 32 memory slots, up to 8 vCPUs, 4 recommended", "ok  KVM has USER_MEMORY ", "-- KVM lacks ", "X86_SMM (SMI and system management mode)",
			"-- KVM's processors lack these features of -cpu max: ", " avx2 ", "-- KVM: real mode fails: KVM_EXIT_SHUTDOWN", "-accel tcg runs them", "-- KVM: the in-kernel local APIC fails: KVM: this host's KVM lacks KVM_CAP_SPLIT_IRQCHIP", "kernel-irqchip=off",
			"-- KVM cannot have I/O APIC and 8259As: KVM: this host's KVM lacks KVM_CAP_IRQCHIP",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := kvmtest.NewFake()
			c.change(fake)
			var out bytes.Buffer
			found, good := checkKVM(fake)
			for _, f := range found {
				f.write(&out)
			}
			if good {
				t.Error("it is good")
			}
			// The marks of findings are three characters and a blank.
			got := strings.ReplaceAll(out.String(), "--  ", "-- ")
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q:\n%s", want, got)
				}
			}
			if n := fake.Files(); n != 0 {
				t.Errorf("%d files stay open", n)
			}
		})
	}
}
