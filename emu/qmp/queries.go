package qmp

import (
	"slices"
	"strconv"

	"goemu/emu/inspect"
)

// queries are the commands that only look.
var queries = []command{
	{"query-accelerators", nil, "AcceleratorInfo", query(func(m Machine) object { return object{{"enabled", m.Engine()}, {"present", m.Engines()}} })},
	{"query-block", nil, "[BlockInfo]", query(blocks)},
	{"query-chardev", nil, "[ChardevInfo]", query(func(m Machine) []object {
		return list(m.Chardevs(), func(c inspect.Chardev) object {
			return object{{"frontend-open", c.Open}, {"filename", c.Filename}, {"label", c.Label}}
		})
	})},
	{"query-cpu-definitions", nil, "[CpuDefinitionInfo]", query(func(m Machine) []object {
		return list(m.Processors(), func(p inspect.Model) object {
			return object{{"name", p.Name}, {"typename", p.Name + "-x86_64-cpu"}, {"static", false}, {"deprecated", false}, {"unavailable-features", []string{}}}
		})
	})},
	{"query-cpus-fast", nil, "[CpuInfoFast]", query(cpus)},
	{"query-current-machine", nil, "CurrentMachineParams", query(func(Machine) object { return object{{"wakeup-suspend-support", true}} })},
	{"query-dump-guest-memory-capability", nil, "DumpGuestMemoryCapability", query(func(Machine) object { return object{{"formats", []string{"elf"}}} })},
	{"query-kvm", nil, "KvmInfo", query(func(m Machine) object {
		return object{{"enabled", m.Engine() == "kvm"}, {"present", slices.Contains(m.Engines(), "kvm")}}
	})},
	{"query-machines", nil, "[MachineInfo]", query(machines)},
	{"query-memory-size-summary", nil, "MemoryInfo", query(func(m Machine) object {
		return object{{"base-memory", m.MemorySize()}, {"plugged-memory", 0}}
	})},
	{"query-mice", nil, "[MouseInfo]", query(func(Machine) []object {
		return []object{{{"index", 0}, {"name", "PS/2 mouse"}, {"current", true}, {"absolute", false}}}
	})},
	{"query-name", nil, "NameInfo", query(func(m Machine) object {
		if n := m.Name(); n != "" {
			return object{{"name", n}}
		}
		return object{}
	})},
	{"query-pci", nil, "[PciInfo]", query(func(m Machine) []object {
		return []object{{{"bus", 0}, {"devices", list(m.PCIFunctions(), pciFunction)}}}
	})},
	{"query-status", nil, "StatusInfo", query(func(m Machine) object {
		st := m.Status()
		return object{{"status", st.String()}, {"singlestep", false}, {"running", st.Running()}}
	})},
	{"query-target", nil, "TargetInfo", query(func(Machine) object { return object{{"arch", "x86_64"}} })},
	{"query-uuid", nil, "UuidInfo", query(func(m Machine) object { return object{{"UUID", m.UUID()}} })},
	{"query-vnc", nil, "VncInfo", query(queryVNC)},
	{"query-vnc-servers", nil, "[VncInfo2]", query(queryVNCServers)},
	{"query-version", nil, "VersionInfo", query(version)},
}

// query is a command that only looks.
func query[T any](f func(m Machine) T) func(s *Session, _ arguments) (any, error) {
	return func(s *Session, _ arguments) (any, error) { return f(s.m), nil }
}

func list[T any](in []T, f func(T) object) []object {
	out := []object{}
	for _, x := range in {
		out = append(out, f(x))
	}
	return out
}

// version says which QEMU's commands these are, and what does them.
func version(m Machine) object {
	return object{{"qemu", object{{"micro", 0}, {"minor", 2}, {"major", 7}}}, {"package", "goemu " + m.Version()}}
}

func cpus(m Machine) []object {
	cores, threads := m.Topology()
	out := []object{}
	for i := range m.CPUs() {
		props := object{{"core-id", i / threads % cores}, {"thread-id", i % threads}, {"socket-id", i / threads / cores}}
		// All vCPUs run on one thread of the host's; no program can pin them one by one.
		out = append(out, object{{"thread-id", 0}, {"props", props}, {"qom-path", "/machine/cpu[" + strconv.Itoa(i) + "]"}, {"cpu-index", i}, {"target", "x86_64"}})
	}
	return out
}

func machines(m Machine) []object {
	return list(m.Boards(), func(b inspect.Model) object {
		o := object{{"name", b.Name}, {"cpu-max", 254}, {"hotpluggable-cpus", false}, {"numa-mem-supported", false}, {"deprecated", false},
			{"default-cpu-type", "max-x86_64-cpu"}}
		if b.Default {
			o = append(o, field{"is-default", true})
		}
		return o
	})
}

func blocks(m Machine) []object {
	return list(m.Blocks(), func(d inspect.Drive) object {
		o := object{{"device", d.Drive}, {"locked", d.Locked}, {"removable", d.Removable}, {"type", "unknown"}}
		if d.Device != "" {
			o = append(o, field{"qdev", d.Device})
		}
		if !d.Removable || d.CD {
			status := "ok"
			if d.Failed {
				status = "failed"
			}
			o = append(o, field{"io-status", status})
		}
		if d.CD {
			o = append(o, field{"tray_open", d.TrayOpen})
		}
		if d.File != "" {
			o = append(o, field{"inserted", medium(&d)})
		}
		return o
	})
}

// medium describes what is in a drive. Nothing limits its speed.
func medium(d *inspect.Drive) object {
	o := object{{"file", d.File}, {"ro", d.ReadOnly}, {"drv", "raw"}, {"backing_file_depth", 0}, {"encrypted", false}, {"detect_zeroes", "off"},
		{"image", object{{"filename", d.File}, {"format", "raw"}, {"virtual-size", d.Size}}},
		{"cache", object{{"writeback", true}, {"direct", false}, {"no-flush", false}}}, {"write_threshold", 0}}
	for _, limit := range []string{"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"} {
		o = append(o, field{limit, 0})
	}
	return o
}

func pciFunction(p inspect.PCI) object {
	regions := list(p.BARs, func(b inspect.BAR) object {
		address := int64(-1) // not mapped
		if b.Mapped {
			address = int64(b.Addr)
		}
		o := object{{"bar", b.Number}, {"size", b.Size}, {"address", address}}
		if b.IO {
			return append(o, field{"type", "io"})
		}
		return append(o, field{"type", "memory"}, field{"prefetch", b.Prefetch}, field{"mem_type_64", b.Bits64})
	})
	o := object{{"bus", p.Bus}, {"slot", p.Slot}, {"function", p.Func}, {"irq_pin", p.Pin}, {"qdev_id", ""}, {"class_info", object{{"class", int(p.Class)}}},
		{"id", object{{"device", int(p.Device)}, {"vendor", int(p.Vendor)}, {"subsystem", int(p.Sub)}, {"subsystem-vendor", int(p.SubVendor)}}}, {"regions", regions}}
	if p.Pin != 0 {
		o = append(o, field{"irq", p.Line})
	}
	return o
}
