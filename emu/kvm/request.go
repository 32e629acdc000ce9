package kvm

import "unsafe"

// Request is the number of an ioctl: direction, size of its argument, type and function, as the kernel's _IO macros put them together.
type Request uint32

// The parts of a Request. Directions are seen from the caller: write is what the kernel takes.
const (
	sizeShift = 16
	none      = 0xae << 8 // KVMIO
	write     = 1<<30 | none
	read      = 2<<30 | none
	readWrite = read | write
)

// Requests to the device.
const (
	ReqGetAPIVersion          Request = none
	ReqCreateVM               Request = none | 0x01
	ReqGetMSRIndexList        Request = readWrite | Request(unsafe.Sizeof(msrList{})-maxMSRs*4)<<sizeShift | 0x02
	ReqCheckExtension         Request = none | 0x03
	ReqGetVCPUMmapSize        Request = none | 0x04
	ReqGetSupportedCPUID      Request = readWrite | cpuidSize<<sizeShift | 0x05
	ReqGetEmulatedCPUID       Request = readWrite | cpuidSize<<sizeShift | 0x09
	ReqGetMSRFeatureIndexList Request = readWrite | Request(unsafe.Sizeof(msrList{})-maxMSRs*4)<<sizeShift | 0x0a
)

// Requests to a virtual machine.
const (
	ReqCreateVCPU              Request = none | 0x41
	ReqGetDirtyLog             Request = write | Request(unsafe.Sizeof(dirtyLog{}))<<sizeShift | 0x42
	ReqSetUserMemoryRegion     Request = write | Request(unsafe.Sizeof(memoryRegion{}))<<sizeShift | 0x46
	ReqSetTSSAddr              Request = none | 0x47
	ReqSetIdentityMapAddr      Request = write | 8<<sizeShift | 0x48
	ReqCreateIRQChip           Request = none | 0x60
	ReqIRQLine                 Request = write | Request(unsafe.Sizeof(irqLevel{}))<<sizeShift | 0x61
	ReqGetIRQChip              Request = readWrite | Request(unsafe.Sizeof(irqChip{}))<<sizeShift | 0x62
	ReqSetIRQChip              Request = read | Request(unsafe.Sizeof(irqChip{}))<<sizeShift | 0x63
	ReqRegisterCoalescedMMIO   Request = write | Request(unsafe.Sizeof(coalescedZone{}))<<sizeShift | 0x67
	ReqUnregisterCoalescedMMIO Request = write | Request(unsafe.Sizeof(coalescedZone{}))<<sizeShift | 0x68
	ReqSetGSIRouting           Request = write | Request(unsafe.Sizeof(routing{})-maxRoutes*unsafe.Sizeof(Route{}))<<sizeShift | 0x6a
	ReqIRQFD                   Request = write | Request(unsafe.Sizeof(irqFD{}))<<sizeShift | 0x76
	ReqCreatePIT2              Request = write | Request(unsafe.Sizeof(pitConfig{}))<<sizeShift | 0x77
	ReqSetBootCPUID            Request = none | 0x78
	ReqIOEventFD               Request = write | Request(unsafe.Sizeof(ioEventFD{}))<<sizeShift | 0x79
	ReqSetClock                Request = write | Request(unsafe.Sizeof(Clock{}))<<sizeShift | 0x7b
	ReqGetClock                Request = read | Request(unsafe.Sizeof(Clock{}))<<sizeShift | 0x7c
	ReqGetPIT2                 Request = read | Request(unsafe.Sizeof(PIT{}))<<sizeShift | 0x9f
	ReqSetPIT2                 Request = write | Request(unsafe.Sizeof(PIT{}))<<sizeShift | 0xa0
	ReqSetTSCKHz               Request = none | 0xa2
	ReqGetTSCKHz               Request = none | 0xa3
	ReqEnableCap               Request = write | Request(unsafe.Sizeof(enableCap{}))<<sizeShift | 0xa3
	ReqSignalMSI               Request = write | Request(unsafe.Sizeof(MSI{}))<<sizeShift | 0xa5
	ReqSetMSRFilter            Request = write | Request(unsafe.Sizeof(msrFilter{}))<<sizeShift | 0xc6
)

// Requests to a processor.
const (
	ReqRun           Request = none | 0x80
	ReqGetRegs       Request = read | Request(unsafe.Sizeof(Regs{}))<<sizeShift | 0x81
	ReqSetRegs       Request = write | Request(unsafe.Sizeof(Regs{}))<<sizeShift | 0x82
	ReqGetSregs      Request = read | Request(unsafe.Sizeof(Sregs{}))<<sizeShift | 0x83
	ReqSetSregs      Request = write | Request(unsafe.Sizeof(Sregs{}))<<sizeShift | 0x84
	ReqTranslate     Request = readWrite | Request(unsafe.Sizeof(Translation{}))<<sizeShift | 0x85
	ReqInterrupt     Request = write | Request(unsafe.Sizeof(interrupt{}))<<sizeShift | 0x86
	ReqGetMSRs       Request = readWrite | Request(unsafe.Sizeof(msrs{})-maxMSRs*unsafe.Sizeof(MSR{}))<<sizeShift | 0x88
	ReqSetMSRs       Request = write | Request(unsafe.Sizeof(msrs{})-maxMSRs*unsafe.Sizeof(MSR{}))<<sizeShift | 0x89
	ReqGetFPU        Request = read | Request(unsafe.Sizeof(FPU{}))<<sizeShift | 0x8c
	ReqSetFPU        Request = write | Request(unsafe.Sizeof(FPU{}))<<sizeShift | 0x8d
	ReqGetLAPIC      Request = read | Request(unsafe.Sizeof(LAPIC{}))<<sizeShift | 0x8e
	ReqSetLAPIC      Request = write | Request(unsafe.Sizeof(LAPIC{}))<<sizeShift | 0x8f
	ReqSetCPUID2     Request = write | cpuidSize<<sizeShift | 0x90
	ReqGetCPUID2     Request = readWrite | cpuidSize<<sizeShift | 0x91
	ReqGetMPState    Request = read | 4<<sizeShift | 0x98
	ReqSetMPState    Request = write | 4<<sizeShift | 0x99
	ReqNMI           Request = none | 0x9a
	ReqSetGuestDebug Request = write | Request(unsafe.Sizeof(GuestDebug{}))<<sizeShift | 0x9b
	ReqSetupMCE      Request = write | 8<<sizeShift | 0x9c
	ReqGetVCPUEvents Request = read | Request(unsafe.Sizeof(Events{}))<<sizeShift | 0x9f
	ReqSetVCPUEvents Request = write | Request(unsafe.Sizeof(Events{}))<<sizeShift | 0xa0
	ReqGetDebugRegs  Request = read | Request(unsafe.Sizeof(DebugRegs{}))<<sizeShift | 0xa1
	ReqSetDebugRegs  Request = write | Request(unsafe.Sizeof(DebugRegs{}))<<sizeShift | 0xa2
	ReqGetXSAVE      Request = read | Request(unsafe.Sizeof(XSAVE{}))<<sizeShift | 0xa4
	ReqSetXSAVE      Request = write | Request(unsafe.Sizeof(XSAVE{}))<<sizeShift | 0xa5
	ReqGetXCRs       Request = read | Request(unsafe.Sizeof(xcrs{}))<<sizeShift | 0xa6
	ReqSetXCRs       Request = write | Request(unsafe.Sizeof(xcrs{}))<<sizeShift | 0xa7
	ReqSMI           Request = none | 0xb7
)

const cpuidSize = Request(unsafe.Sizeof(cpuidList{}) - maxCPUID*unsafe.Sizeof(CPUIDEntry{}))

// String is the kernel's name.
func (r Request) String() string {
	for i := range requests {
		if requests[i].request == r {
			return requests[i].name
		}
	}
	return "an unknown KVM request"
}

// requests gives the kernel's name of each.
var requests = [...]struct {
	request Request
	name    string
}{
	{ReqGetAPIVersion, "KVM_GET_API_VERSION"}, {ReqCreateVM, "KVM_CREATE_VM"}, {ReqGetMSRIndexList, "KVM_GET_MSR_INDEX_LIST"},
	{ReqCheckExtension, "KVM_CHECK_EXTENSION"}, {ReqGetVCPUMmapSize, "KVM_GET_VCPU_MMAP_SIZE"}, {ReqGetSupportedCPUID, "KVM_GET_SUPPORTED_CPUID"},
	{ReqGetEmulatedCPUID, "KVM_GET_EMULATED_CPUID"}, {ReqGetMSRFeatureIndexList, "KVM_GET_MSR_FEATURE_INDEX_LIST"},

	{ReqCreateVCPU, "KVM_CREATE_VCPU"}, {ReqGetDirtyLog, "KVM_GET_DIRTY_LOG"}, {ReqSetUserMemoryRegion, "KVM_SET_USER_MEMORY_REGION"},
	{ReqSetTSSAddr, "KVM_SET_TSS_ADDR"}, {ReqSetIdentityMapAddr, "KVM_SET_IDENTITY_MAP_ADDR"}, {ReqCreateIRQChip, "KVM_CREATE_IRQCHIP"},
	{ReqIRQLine, "KVM_IRQ_LINE"}, {ReqGetIRQChip, "KVM_GET_IRQCHIP"}, {ReqSetIRQChip, "KVM_SET_IRQCHIP"},
	{ReqRegisterCoalescedMMIO, "KVM_REGISTER_COALESCED_MMIO"}, {ReqUnregisterCoalescedMMIO, "KVM_UNREGISTER_COALESCED_MMIO"},
	{ReqSetGSIRouting, "KVM_SET_GSI_ROUTING"}, {ReqIRQFD, "KVM_IRQFD"}, {ReqCreatePIT2, "KVM_CREATE_PIT2"},
	{ReqSetBootCPUID, "KVM_SET_BOOT_CPU_ID"}, {ReqIOEventFD, "KVM_IOEVENTFD"}, {ReqSetClock, "KVM_SET_CLOCK"}, {ReqGetClock, "KVM_GET_CLOCK"},
	{ReqGetPIT2, "KVM_GET_PIT2"}, {ReqSetPIT2, "KVM_SET_PIT2"}, {ReqSetTSCKHz, "KVM_SET_TSC_KHZ"}, {ReqGetTSCKHz, "KVM_GET_TSC_KHZ"},
	{ReqEnableCap, "KVM_ENABLE_CAP"}, {ReqSignalMSI, "KVM_SIGNAL_MSI"}, {ReqSetMSRFilter, "KVM_X86_SET_MSR_FILTER"},

	{ReqRun, "KVM_RUN"}, {ReqGetRegs, "KVM_GET_REGS"}, {ReqSetRegs, "KVM_SET_REGS"}, {ReqGetSregs, "KVM_GET_SREGS"}, {ReqSetSregs, "KVM_SET_SREGS"},
	{ReqTranslate, "KVM_TRANSLATE"}, {ReqInterrupt, "KVM_INTERRUPT"}, {ReqGetMSRs, "KVM_GET_MSRS"}, {ReqSetMSRs, "KVM_SET_MSRS"},
	{ReqGetFPU, "KVM_GET_FPU"}, {ReqSetFPU, "KVM_SET_FPU"}, {ReqGetLAPIC, "KVM_GET_LAPIC"}, {ReqSetLAPIC, "KVM_SET_LAPIC"},
	{ReqSetCPUID2, "KVM_SET_CPUID2"}, {ReqGetCPUID2, "KVM_GET_CPUID2"}, {ReqGetMPState, "KVM_GET_MP_STATE"}, {ReqSetMPState, "KVM_SET_MP_STATE"},
	{ReqNMI, "KVM_NMI"}, {ReqSetGuestDebug, "KVM_SET_GUEST_DEBUG"}, {ReqGetVCPUEvents, "KVM_GET_VCPU_EVENTS"}, {ReqSetVCPUEvents, "KVM_SET_VCPU_EVENTS"},
	{ReqGetDebugRegs, "KVM_GET_DEBUGREGS"}, {ReqSetDebugRegs, "KVM_SET_DEBUGREGS"}, {ReqGetXSAVE, "KVM_GET_XSAVE"}, {ReqSetXSAVE, "KVM_SET_XSAVE"},
	{ReqGetXCRs, "KVM_GET_XCRS"}, {ReqSetXCRs, "KVM_SET_XCRS"}, {ReqSetupMCE, "KVM_X86_SETUP_MCE"}, {ReqSMI, "KVM_SMI"},
}

// Requests lists all.
func Requests() []Request {
	l := make([]Request, len(requests))
	for i := range l {
		l[i] = requests[i].request
	}
	return l
}
