package main

import (
	"errors"
	"fmt"
	"strings"

	"goemu/emu/cpumodel"
	"goemu/emu/kvm"
	"goemu/emu/kvmcpu"
)

// checkKVM looks at the host's KVM: what it has, what its processors lack of goemu's, and how small guests fare. It is good if these all run.
func checkKVM(sys kvm.Sys) (l []finding, good bool) {
	host, err := kvm.OpenSys(sys)
	var refused *kvm.Error
	switch {
	case errors.As(err, &refused):
		return []finding{{false, fmt.Sprintf("KVM: %s: %v", refused.Doing, refused.Err), refused.Advice}}, false
	case err != nil:
		return []finding{{false, err.Error(), ""}}, false
	}
	defer host.Close()
	l = []finding{{true, fmt.Sprintf("KVM: API version %d, %d memory slots, up to %d vCPUs, %d recommended",
		kvm.APIVersion, host.Check(kvm.CapNrMemSlots), host.Check(kvm.CapMaxVCPUs), host.Check(kvm.CapNrVCPUs)), ""}}
	l = append(l, capabilities(host)...)
	l = append(l, offered(host))
	probes := host.Probe()
	bad := -1
	for _, p := range probes {
		f := finding{p.Err == nil && !p.Slow(), "KVM: " + p.String(), ""}
		if !f.good {
			bad = len(l)
		}
		l = append(l, f)
	}
	l = append(l, localAPIC(host), controllers(host))
	if bad >= 0 {
		l[bad].advice = kvm.Advice(probes)
	}
	return l, bad < 0
}

// capabilities lists those that there are, with numbers where these tell something, and those that there are not, with what is missing for it.
func capabilities(host *kvm.Host) []finding {
	var have, lack []string
	for _, c := range kvm.Caps {
		switch n := host.Check(c.Cap); {
		case n <= 0:
			lack = append(lack, fmt.Sprintf("%s (%s)", c.Name, c.Gives))
		case n == 1:
			have = append(have, c.Name)
		default:
			have = append(have, fmt.Sprintf("%s=%d", c.Name, n))
		}
	}
	l := []finding{{true, "KVM has " + strings.Join(have, " "), ""}}
	if lack != nil {
		l = append(l, finding{false, "KVM lacks " + strings.Join(lack, ", "), ""})
	}
	return l
}

// localAPIC tells whether machines have their local APIC in KVM where nobody says.
func localAPIC(host *kvm.Host) finding {
	err := kvmcpu.CheckSplit(host)
	if err == nil {
		err = host.ProbeLocalAPIC()
	}
	if err != nil {
		return finding{false, "KVM: " + kvm.ProbeAPIC + " fails: " + err.Error(), "goemu's own is taken in its place (-accel kvm,kernel-irqchip=off)"}
	}
	if err := host.ProbeStartUp(); err != nil {
		return finding{false, "KVM: " + kvm.ProbeAP + " fails: " + err.Error(), "with -smp goemu's own local APICs are taken (-accel kvm,kernel-irqchip=off)"}
	}
	return finding{true, "KVM: " + kvm.ProbeAPIC + " works (-accel kvm,kernel-irqchip=split)", ""}
}

// controllers tells whether KVM can have all interrupt controllers of a machine.
func controllers(host *kvm.Host) finding {
	if err := kvmcpu.CheckInKernel(host); err != nil {
		return finding{false, "KVM cannot have I/O APIC and 8259As: " + err.Error(), "goemu's own are taken always"}
	}
	return finding{true, "KVM can have I/O APIC and 8259As too (-accel kvm,kernel-irqchip=on)", ""}
}

// offered compares the features of KVM's processors with all that goemu does.
func offered(host *kvm.Host) finding {
	list, err := host.SupportedCPUID()
	if err != nil {
		return finding{false, err.Error(), ""}
	}
	have := cpumodel.FeaturesOf(func(leaf, sub uint32) (a, b, c, d uint32) { return kvm.Answer(list, leaf, sub) })
	all, _, err := cpumodel.Parse("max", nil)
	if err != nil {
		return finding{false, err.Error(), ""}
	}
	_, lost := all.Cut(have)
	if lost == (cpumodel.Set{}) {
		return finding{true, "KVM's processors have all features that goemu's have", ""}
	}
	return finding{false, "KVM's processors lack these features of -cpu max: " + lost.String(), "guests that need them run with -accel tcg"}
}
