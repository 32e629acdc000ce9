package kvm

import "strconv"

// Cap is a capability, as CheckExtension asks for (KVM API 4.4).
type Cap int

// The capabilities that goemu asks for. Each says what its number is where it is not just yes or no.
const (
	CapIRQChip             Cap = 0
	CapUserMemory          Cap = 3
	CapSetTSSAddr          Cap = 4
	CapExtCPUID            Cap = 7
	CapNrVCPUs             Cap = 9  // recommended most processors of a machine
	CapNrMemSlots          Cap = 10 // most memory slots
	CapMPState             Cap = 14
	CapCoalescedMMIO       Cap = 15 // page of the ring in a processor's shared memory
	CapSyncMMU             Cap = 16
	CapDestroyMemoryRegion Cap = 21
	CapUserNMI             Cap = 22
	CapSetGuestDebug       Cap = 23
	CapIRQRouting          Cap = 25
	CapIRQInjectStatus     Cap = 26
	CapJoinMemoryRegions   Cap = 30
	CapMCE                 Cap = 31 // number of banks
	CapIRQFD               Cap = 32
	CapPIT2                Cap = 33
	CapPITState2           Cap = 35
	CapIOEventFD           Cap = 36
	CapSetIdentityMapAddr  Cap = 37
	CapAdjustClock         Cap = 39
	CapInternalErrorData   Cap = 40
	CapVCPUEvents          Cap = 41
	CapDebugRegs           Cap = 50
	CapRobustSingleStep    Cap = 51
	CapXSAVE               Cap = 55
	CapXCRs                Cap = 56
	CapTSCControl          Cap = 60
	CapGetTSCKHz           Cap = 61
	CapMaxVCPUs            Cap = 66
	CapTSCDeadlineTimer    Cap = 72
	CapSyncRegs            Cap = 74 // mask of the sets of registers
	CapSignalMSI           Cap = 77
	CapReadonlyMem         Cap = 81
	CapIRQFDResample       Cap = 82
	CapDisableQuirks       Cap = 116
	CapX86SMM              Cap = 117
	CapSplitIRQChip        Cap = 121
	CapMaxVCPUID           Cap = 128
	CapX2APICAPI           Cap = 129
	CapImmediateExit       Cap = 136
	CapDisableExits        Cap = 143 // mask of the exits
	CapGetMSRFeatures      Cap = 153
	CapCoalescedPIO        Cap = 162
	CapExceptionPayload    Cap = 164
	CapUserSpaceMSR        Cap = 188
	CapMSRFilter           Cap = 189
	CapSetGuestDebug2      Cap = 195 // mask of GuestDebug.Control
	CapSREGS2              Cap = 200
	CapXSAVE2              Cap = 208 // bytes of an XSAVE area
	CapTripleFaultEvent    Cap = 218
)

// Caps lists the capabilities that goemu uses or tells of, with the kernel's names without KVM_CAP_.
var Caps = [...]struct {
	Cap   Cap
	Name  string
	Gives string // what is missing without it
}{
	{CapUserMemory, "USER_MEMORY", "guest memory of the program's own"},
	{CapImmediateExit, "IMMEDIATE_EXIT", "ending the guest's run from outside without a lost request"},
	{CapExtCPUID, "EXT_CPUID", "a CPU model"},
	{CapDestroyMemoryRegion, "DESTROY_MEMORY_REGION_WORKS", "memory that changes its place"},
	{CapJoinMemoryRegions, "JOIN_MEMORY_REGIONS_WORKS", "memory that changes its place"},
	{CapSetTSSAddr, "SET_TSS_ADDR", "real mode on Intel's processors"},
	{CapSetIdentityMapAddr, "SET_IDENTITY_MAP_ADDR", "real mode on Intel's processors beside firmware of 16 MiB"},
	{CapReadonlyMem, "READONLY_MEM", "ROM that is run without exits"},
	{CapSyncMMU, "SYNC_MMU", "guest memory that the host can page out"},
	{CapNrMemSlots, "NR_MEMSLOTS", "the number of memory slots"},
	{CapNrVCPUs, "NR_VCPUS", "the recommended number of processors"},
	{CapMaxVCPUs, "MAX_VCPUS", "the greatest number of processors"},
	{CapMaxVCPUID, "MAX_VCPU_ID", "the greatest APIC id"},
	{CapVCPUEvents, "VCPU_EVENTS", "pending exceptions, NMI blocking and interrupt shadow"},
	{CapExceptionPayload, "EXCEPTION_PAYLOAD", "pending exceptions before CR2 and DR6 have changed"},
	{CapTripleFaultEvent, "X86_TRIPLE_FAULT_EVENT", "a pending triple fault"},
	{CapMPState, "MP_STATE", "HLT and start-up IPIs with the in-kernel APIC"},
	{CapDebugRegs, "DEBUGREGS", "DR0 to DR7"},
	{CapSetGuestDebug, "SET_GUEST_DEBUG", "breakpoints and single steps"},
	{CapSetGuestDebug2, "SET_GUEST_DEBUG2", "single steps that no interrupt of the in-kernel APIC comes between"},
	{CapRobustSingleStep, "X86_ROBUST_SINGLESTEP", "single steps over POPF and IRET"},
	{CapXSAVE, "XSAVE", "AVX state"},
	{CapXSAVE2, "XSAVE2", "AMX state"},
	{CapXCRs, "XCRS", "XCR0"},
	{CapSyncRegs, "SYNC_REGS", "registers without calls of their own"},
	{CapUserNMI, "USER_NMI", "NMI"},
	{CapX86SMM, "X86_SMM", "SMI and system management mode"},
	{CapInternalErrorData, "INTERNAL_ERROR_DATA", "what KVM failed at"},
	{CapGetTSCKHz, "GET_TSC_KHZ", "the TSC's rate"},
	{CapTSCControl, "TSC_CONTROL", "a TSC of another rate than the host's"},
	{CapAdjustClock, "ADJUST_CLOCK", "KVM's clock after a stop"},
	{CapGetMSRFeatures, "GET_MSR_FEATURES", "MSRs that tell of features"},
	{CapUserSpaceMSR, "X86_USER_SPACE_MSR", "exits for unknown MSRs"},
	{CapMSRFilter, "X86_MSR_FILTER", "exits for chosen MSRs"},
	{CapIRQChip, "IRQCHIP", "in-kernel interrupt controllers"},
	{CapSplitIRQChip, "SPLIT_IRQCHIP", "an in-kernel local APIC alone"},
	{CapX2APICAPI, "X2APIC_API", "APIC ids above 255"},
	{CapTSCDeadlineTimer, "TSC_DEADLINE_TIMER", "the in-kernel APIC's deadline timer"},
	{CapPIT2, "PIT2", "an in-kernel 8254"},
	{CapPITState2, "PIT_STATE2", "its state"},
	{CapIRQRouting, "IRQ_ROUTING", "in-kernel interrupt routes"},
	{CapIRQInjectStatus, "IRQ_INJECT_STATUS", "knowing of lost ticks"},
	{CapSignalMSI, "SIGNAL_MSI", "message-signalled interrupts to the in-kernel APIC"},
	{CapIRQFD, "IRQFD", "interrupts by eventfd"},
	{CapIRQFDResample, "IRQFD_RESAMPLE", "level-triggered interrupts by eventfd"},
	{CapIOEventFD, "IOEVENTFD", "writes that signal an eventfd"},
	{CapCoalescedMMIO, "COALESCED_MMIO", "MMIO writes collected without exits"},
	{CapCoalescedPIO, "COALESCED_PIO", "port writes collected without exits"},
	{CapDisableExits, "X86_DISABLE_EXITS", "HLT and PAUSE without exits"},
	{CapDisableQuirks, "DISABLE_QUIRKS", "hardware's behaviour where KVM had another"},
	{CapMCE, "MCE", "machine checks"},
	{CapSREGS2, "SREGS2", "PAE's page directory pointers as loaded"},
}

// String is the kernel's name.
func (c Cap) String() string {
	for i := range Caps {
		if Caps[i].Cap == c {
			return "KVM_CAP_" + Caps[i].Name
		}
	}
	return "capability " + strconv.Itoa(int(c))
}
