package kvm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// layouts pairs Go's structures with the kernel's: field names of each.
var layouts = []struct {
	c      string
	t      reflect.Type
	room   uintptr // bytes of ours that the kernel's flexible array does not have
	fields string
}{
	{"kvm_userspace_memory_region", reflect.TypeFor[memoryRegion](), 0, "slot slot flags flags guest guest_phys_addr size memory_size user userspace_addr"},
	{"kvm_dirty_log", reflect.TypeFor[dirtyLog](), 0, "slot slot bitmap dirty_bitmap"},
	{"kvm_enable_cap", reflect.TypeFor[enableCap](), 0, "cap cap flags flags args args"},
	{"kvm_clock_data", reflect.TypeFor[Clock](), 0, "Nanoseconds clock Flags flags RealTime realtime HostTSC host_tsc"},
	{"kvm_irq_level", reflect.TypeFor[irqLevel](), 0, "irq irq level level"},
	{"kvm_irqchip", reflect.TypeFor[irqChip](), 0, "chip chip_id data chip"},
	{"kvm_pic_state", reflect.TypeFor[PIC](), 0, "LastIRR last_irr IRR irr IMR imr ISR isr PriorityAdd priority_add Base irq_base ReadISR read_reg_select Poll poll " +
		"SpecialMask special_mask InitState init_state AutoEOI auto_eoi RotateOnAutoEOI rotate_on_auto_eoi SpecialFullyNested special_fully_nested_mode " +
		"Init4 init4 ELCR elcr ELCRMask elcr_mask"},
	{"kvm_ioapic_state", reflect.TypeFor[IOAPIC](), 0, "Base base_address Select ioregsel ID id IRR irr Redirections redirtbl"},
	{"kvm_lapic_state", reflect.TypeFor[LAPIC](), 0, ""},
	{"kvm_pit_config", reflect.TypeFor[pitConfig](), 0, "flags flags"},
	{"kvm_pit_channel_state", reflect.TypeFor[PITChannel](), 0, "Count count Latched latched_count CountLatched count_latched StatusLatched status_latched Status status " +
		"ReadState read_state WriteState write_state WriteLatch write_latch RWMode rw_mode Mode mode BCD bcd Gate gate LoadTime count_load_time"},
	{"kvm_pit_state2", reflect.TypeFor[PIT](), 0, "Channels channels Flags flags"},
	{"kvm_msi", reflect.TypeFor[MSI](), 0, "AddressLow address_lo AddressHigh address_hi Data data Flags flags DeviceID devid"},
	{"kvm_irq_routing_entry", reflect.TypeFor[Route](), 0, "GSI gsi Type type Flags flags U u"},
	{"kvm_irq_routing", reflect.TypeFor[routing](), unsafe.Sizeof(routing{}.entries), "n nr flags flags entries entries"},
	{"kvm_irqfd", reflect.TypeFor[irqFD](), 0, "fd fd gsi gsi flags flags resample resamplefd"},
	{"kvm_ioeventfd", reflect.TypeFor[ioEventFD](), 0, "match datamatch addr addr length len fd fd flags flags"},
	{"kvm_coalesced_mmio_zone", reflect.TypeFor[coalescedZone](), 0, "addr addr size size pio pio"},
	{"kvm_coalesced_mmio", reflect.TypeFor[coalescedWrite](), 0, "addr phys_addr length len pio pio data data"},
	{"kvm_coalesced_mmio_ring", reflect.TypeFor[coalescedRing](), unsafe.Sizeof(coalescedRing{}.writes), "first first last last writes coalesced_mmio"},
	{"kvm_interrupt", reflect.TypeFor[interrupt](), 0, "vector irq"},
	{"kvm_regs", reflect.TypeFor[Regs](), 0, "RAX rax RBX rbx RCX rcx RDX rdx RSI rsi RDI rdi RSP rsp RBP rbp R8 r8 R15 r15 RIP rip RFLAGS rflags"},
	{"kvm_segment", reflect.TypeFor[Segment](), 0, "Base base Limit limit Selector selector Type type Present present DPL dpl DB db S s L l G g AVL avl Unusable unusable"},
	{"kvm_dtable", reflect.TypeFor[DTable](), 0, "Base base Limit limit"},
	{"kvm_sregs", reflect.TypeFor[Sregs](), 0, "CS cs DS ds ES es FS fs GS gs SS ss TR tr LDT ldt GDT gdt IDT idt CR0 cr0 CR2 cr2 CR3 cr3 CR4 cr4 CR8 cr8 EFER efer " +
		"APICBase apic_base InterruptBitmap interrupt_bitmap"},
	{"kvm_translation", reflect.TypeFor[Translation](), 0, "Linear linear_address Physical physical_address Valid valid Writeable writeable User usermode"},
	{"kvm_fpu", reflect.TypeFor[FPU](), 0, "FPR fpr FCW fcw FSW fsw FTWX ftwx LastOpcode last_opcode LastIP last_ip LastDP last_dp XMM xmm MXCSR mxcsr"},
	{"kvm_xsave", reflect.TypeFor[XSAVE](), 0, ""},
	{"kvm_xcrs", reflect.TypeFor[xcrs](), 0, "n nr_xcrs flags flags xcr xcrs"},
	{"kvm_msr_entry", reflect.TypeFor[MSR](), 0, "Index index Data data"},
	{"kvm_msrs", reflect.TypeFor[msrs](), unsafe.Sizeof(msrs{}.entries), "n nmsrs entries entries"},
	{"kvm_msr_filter_range", reflect.TypeFor[msrRange](), 0, "flags flags n nmsrs base base bitmap bitmap"},
	{"kvm_msr_filter", reflect.TypeFor[msrFilter](), 0, "flags flags ranges ranges"},
	{"kvm_msr_list", reflect.TypeFor[msrList](), unsafe.Sizeof(msrList{}.indices), "n nmsrs indices indices"},
	{"kvm_cpuid_entry2", reflect.TypeFor[CPUIDEntry](), 0, "Leaf function Sub index Flags flags EAX eax EBX ebx ECX ecx EDX edx"},
	{"kvm_cpuid2", reflect.TypeFor[cpuidList](), unsafe.Sizeof(cpuidList{}.entries), "n nent entries entries"},
	{"kvm_vcpu_events", reflect.TypeFor[Events](), 0, "Exception exception Exception.Injected exception.injected Exception.Vector exception.nr " +
		"Exception.HasErrorCode exception.has_error_code Exception.Pending exception.pending Exception.ErrorCode exception.error_code " +
		"Interrupt.Injected interrupt.injected Interrupt.Vector interrupt.nr Interrupt.Soft interrupt.soft Interrupt.Shadow interrupt.shadow " +
		"NMI.Injected nmi.injected NMI.Pending nmi.pending NMI.Masked nmi.masked SIPIVector sipi_vector Flags flags " +
		"SMI.SMM smi.smm SMI.Pending smi.pending SMI.InsideNMI smi.smm_inside_nmi SMI.LatchedINIT smi.latched_init TripleFault triple_fault " +
		"ExceptionHasPayload exception_has_payload ExceptionPayload exception_payload"},
	{"kvm_debugregs", reflect.TypeFor[DebugRegs](), 0, "DB db DR6 dr6 DR7 dr7 Flags flags"},
	{"kvm_guest_debug", reflect.TypeFor[GuestDebug](), 0, "Control control DR arch"},
	{"kvm_debug_exit_arch", reflect.TypeFor[DebugExit](), 0, "Exception exception PC pc DR6 dr6 DR7 dr7"},
	{"kvm_sync_regs", reflect.TypeFor[SyncedRegs](), 0, "Regs regs Sregs sregs Events events"},
	{"kvm_run", reflect.TypeFor[runPage](), 0, "control request_interrupt_window exitReason exit_reason readyForInterrupt ready_for_interrupt_injection ifFlag if_flag flags flags cr8 cr8 " +
		"apicBase apic_base exit hw validRegs kvm_valid_regs dirtyRegs kvm_dirty_regs sync s"},
}

// members pairs the members of kvm_run's union.
var members = []struct {
	t      reflect.Type
	fields string
}{
	{reflect.TypeFor[exitIO](), "direction io.direction size io.size port io.port count io.count offset io.data_offset"},
	{reflect.TypeFor[exitMMIO](), "addr mmio.phys_addr data mmio.data length mmio.len isWrite mmio.is_write"},
	{reflect.TypeFor[exitFailEntry](), "reason fail_entry.hardware_entry_failure_reason cpu fail_entry.cpu"},
	{reflect.TypeFor[exitInternal](), "suberror internal.suberror n internal.ndata data internal.data"},
	{reflect.TypeFor[exitMSR](), "fail msr.error reason msr.reason index msr.index data msr.data"},
	{reflect.TypeFor[DebugExit](), "Exception debug.arch.exception PC debug.arch.pc"},
}

// constants are those that are neither requests, capabilities nor exits.
var constants = map[string]uint64{
	"KVM_API_VERSION": APIVersion, "KVM_MEM_LOG_DIRTY_PAGES": LogDirty, "KVM_MEM_READONLY": ReadOnly,
	"KVM_MP_STATE_RUNNABLE": uint64(Runnable), "KVM_MP_STATE_UNINITIALIZED": uint64(Uninitialized), "KVM_MP_STATE_INIT_RECEIVED": uint64(InitReceived),
	"KVM_MP_STATE_HALTED": uint64(Halted), "KVM_MP_STATE_SIPI_RECEIVED": uint64(SIPIReceived),
	"KVM_GUESTDBG_ENABLE": DebugEnable, "KVM_GUESTDBG_SINGLESTEP": DebugSingleStep, "KVM_GUESTDBG_USE_SW_BP": DebugSoftware,
	"KVM_GUESTDBG_USE_HW_BP": DebugHardware, "KVM_GUESTDBG_INJECT_DB": DebugInjectDB, "KVM_GUESTDBG_INJECT_BP": DebugInjectBP, "KVM_GUESTDBG_BLOCKIRQ": DebugBlockIRQ,
	"KVM_VCPUEVENT_VALID_NMI_PENDING": ValidNMIPending, "KVM_VCPUEVENT_VALID_SIPI_VECTOR": ValidSIPIVector, "KVM_VCPUEVENT_VALID_SHADOW": ValidShadow,
	"KVM_VCPUEVENT_VALID_SMM": ValidSMM, "KVM_VCPUEVENT_VALID_PAYLOAD": ValidPayload, "KVM_VCPUEVENT_VALID_TRIPLE_FAULT": ValidTripleFault,
	"KVM_X86_SHADOW_INT_MOV_SS": ShadowMOVSS, "KVM_X86_SHADOW_INT_STI": ShadowSTI,
	"KVM_SYNC_X86_REGS": SyncRegs, "KVM_SYNC_X86_SREGS": SyncSregs, "KVM_SYNC_X86_EVENTS": SyncEvents,
	"KVM_MSR_EXIT_REASON_INVAL": MSRInvalid, "KVM_MSR_EXIT_REASON_UNKNOWN": MSRUnknown, "KVM_MSR_EXIT_REASON_FILTER": MSRFiltered,
	"KVM_CPUID_FLAG_SIGNIFCANT_INDEX": SignificantIndex, "KVM_RUN_X86_SMM": runSMM,
	"KVM_IRQCHIP_PIC_MASTER": uint64(ChipMaster), "KVM_IRQCHIP_PIC_SLAVE": uint64(ChipSlave), "KVM_IRQCHIP_IOAPIC": uint64(ChipIOAPIC),
	"KVM_IRQ_ROUTING_IRQCHIP": routeChip, "KVM_IRQ_ROUTING_MSI": routeMSI, "KVM_PIT_SPEAKER_DUMMY": PITSpeakerDummy,
	"KVM_IRQFD_FLAG_DEASSIGN": irqFDDeassign, "KVM_IRQFD_FLAG_RESAMPLE": irqFDResample,
	"KVM_IOEVENTFD_FLAG_DATAMATCH": ioEventMatch, "KVM_IOEVENTFD_FLAG_PIO": ioEventPIO, "KVM_IOEVENTFD_FLAG_DEASSIGN": ioEventDeassign,
	"KVM_INTERNAL_ERROR_EMULATION": 1, "KVM_INTERNAL_ERROR_SIMUL_EX": 2, "KVM_INTERNAL_ERROR_DELIVERY_EV": 3, "KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON": 4,
	"KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES": 1,
	"offsetof(struct kvm_run, immediate_exit)":            1, "offsetof(struct kvm_run, emulation_failure.flags) - offsetof(struct kvm_run, hw)": 8,
	"offsetof(struct kvm_run, emulation_failure.insn_size) - offsetof(struct kvm_run, hw)": 16,
}

// offset of a field by its path, such as "SMI.SMM".
func offset(t *testing.T, s reflect.Type, path string) (off uintptr) {
	for _, name := range strings.Split(path, ".") {
		f, ok := s.FieldByName(name)
		if !ok {
			t.Fatalf("%v has no field %s", s, name)
		}
		off += f.Offset
		s = f.Type
	}
	return off
}

// TestHeaders compares structures, requests and constants with the kernel's headers, by a C program that prints the latter.
func TestHeaders(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("NOT RUN: the kernel's headers are read by gcc, which is not installed")
	}
	if _, err := os.Stat("/usr/include/linux/kvm.h"); err != nil || unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("NOT RUN: there are no headers of Linux for a 64-bit host (package linux-libc-dev)")
	}
	type check struct {
		expr string
		want uint64
	}
	var checks []check
	add := func(want uint64, format string, args ...any) {
		checks = append(checks, check{fmt.Sprintf(format, args...), want})
	}
	pairs := func(s string) (p [][2]string) {
		w := strings.Fields(s)
		for i := 0; i+1 < len(w); i += 2 {
			p = append(p, [2]string{w[i], w[i+1]})
		}
		return p
	}
	for _, l := range layouts {
		add(uint64(l.t.Size()-l.room), "sizeof(struct %s)", l.c)
		for _, p := range pairs(l.fields) {
			add(uint64(offset(t, l.t, p[0])), "offsetof(struct %s, %s)", l.c, p[1])
		}
	}
	for _, m := range members {
		for _, p := range pairs(m.fields) {
			add(uint64(offset(t, m.t, p[0])), "offsetof(struct kvm_run, %s) - offsetof(struct kvm_run, hw)", p[1])
		}
	}
	for expr, want := range constants {
		add(want, "%s", expr)
	}
	for _, r := range requests {
		add(uint64(r.request), "%s", r.name)
	}
	for _, c := range Caps {
		add(uint64(c.Cap), "KVM_CAP_%s", c.Name)
	}
	for r, name := range exitNames {
		add(uint64(r), "KVM_EXIT_%s", name)
	}

	var src strings.Builder
	src.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include <linux/kvm.h>\nint main(void) {\n")
	for _, c := range checks {
		// Headers older than a macro have nothing to compare.
		if isMacro := strings.HasPrefix(c.expr, "KVM_"); isMacro {
			fmt.Fprintf(&src, "#ifndef %s\n#define %s -1\n#endif\n", c.expr, c.expr)
		}
		fmt.Fprintf(&src, "printf(\"%%lld\\n\", (long long)(%s));\n", c.expr)
	}
	src.WriteString("return 0; }\n")
	dir := t.TempDir()
	file, prog := filepath.Join(dir, "headers.c"), filepath.Join(dir, "headers")
	if err := os.WriteFile(file, []byte(src.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-o", prog, file).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(out))
	if len(lines) != len(checks) {
		t.Fatalf("%d numbers, not %d", len(lines), len(checks))
	}
	unknown := 0
	for i, c := range checks {
		got, err := strconv.ParseInt(lines[i], 10, 64)
		switch {
		case err != nil:
			t.Fatal(err)
		case got == -1:
			unknown++
			t.Logf("the host's headers are too old for %s", c.expr)
		case uint64(got) != c.want:
			t.Errorf("%s is %#x in the kernel's headers, %#x here", c.expr, got, c.want)
		}
	}
	t.Logf("%d numbers compared, %d unknown to the headers", len(checks)-unknown, unknown)
}

// TestNames keeps the tables complete: each request and capability has its name.
func TestNames(t *testing.T) {
	seen := map[Request]bool{}
	for _, r := range requests {
		if seen[r.request] {
			t.Errorf("%s twice", r.name)
		}
		seen[r.request] = true
		if got := r.request.String(); got != r.name {
			t.Errorf("%s: %s", r.name, got)
		}
	}
	named := map[Cap]bool{}
	for _, c := range Caps {
		named[c.Cap] = true
		if got := c.Cap.String(); got != "KVM_CAP_"+c.Name {
			t.Errorf("%s: %s", c.Name, got)
		}
	}
	for file, re := range map[string]string{"request.go": `(?m)^\tReq\w+ +Request =`, "cap.go": `(?m)^\tCap\w+ +Cap = +\d+`} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := len(seen)
		if file == "cap.go" {
			n = len(named)
		}
		if got := len(regexp.MustCompile(re).FindAll(src, -1)); got != n {
			t.Errorf("%s has %d constants, and %d names", file, got, n)
		}
	}
	for want, got := range map[string]fmt.Stringer{
		"an unknown KVM request": Request(1), "capability 9999": Cap(9999), "KVM_EXIT_HLT": ExitHLT, "exit 77": ExitReason(77),
	} {
		if got.String() != want {
			t.Errorf("%q, not %q", got.String(), want)
		}
	}
}
