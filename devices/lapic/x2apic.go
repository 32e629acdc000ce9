package lapic

// The registers as MSRs in x2APIC mode (11.12.1.2), and IA32_TSC_DEADLINE.

// Model-specific registers.
const (
	MSRTSCDeadline = 0x6e0
	MSRFirst       = 0x800 // that of register offset 0; one for each multiple of 16
	MSRLast        = 0x8ff
)

// msr says what may be written to a register by WRMSR. Registers that are not listed do not exist in x2APIC mode.
type msr struct {
	read, write bool
	valid       uint64 // bits that may be set
}

// x2Registers is table 11-6, by register offset divided by 16.
var x2Registers = func() map[int]msr {
	t := map[int]msr{
		regID:      {read: true},
		regVersion: {read: true},
		regTPR:     {true, true, 0xff},
		regPPR:     {read: true},
		regEOI:     {write: true},
		regLDR:     {read: true},
		regSVR:     {true, true, svrMask},
		regESR:     {true, true, 0},
		regICRLow:  {true, true, 0xffff_ffff_0000_0000 | icrMask},
		regICT:     {true, true, 0xffff_ffff},
		regCCT:     {read: true},
		regDCR:     {true, true, 0xb},
		regSelfIPI: {write: true, valid: 0xff},
	}
	for i := range 8 {
		t[regISR+i], t[regTMR+i], t[regIRR+i] = msr{read: true}, msr{read: true}, msr{read: true}
	}
	for i, writable := range lvtWritable {
		t[regLVT+i] = msr{true, true, uint64(writable) | lvtStatus | lvtRemote}
	}
	return t
}()

// ReadMSR is RDMSR; false means #GP.
func (l *LAPIC) ReadMSR(n uint32) (uint64, bool) {
	l.Recall()
	if n == MSRTSCDeadline {
		return l.deadline(), true
	}
	reg := int(n - MSRFirst)
	if !l.x2() || !x2Registers[reg].read {
		return 0, false
	}
	switch reg {
	case regID:
		return uint64(l.s.ID), true
	case regICRLow:
		return uint64(l.s.ICRHigh)<<32 | uint64(l.s.ICRLow), true
	}
	return uint64(l.read(reg)), true
}

// WriteMSR is WRMSR; false means #GP.
func (l *LAPIC) WriteMSR(n uint32, v uint64) bool {
	l.Recall()
	if n == MSRTSCDeadline {
		l.setDeadline(v)
		return true
	}
	reg := int(n - MSRFirst)
	r := x2Registers[reg]
	if !l.x2() || !r.write || v&^r.valid != 0 {
		return false
	}
	switch reg {
	case regICRLow:
		l.s.ICRLow, l.s.ICRHigh = uint32(v), uint32(v>>32)
		l.send(l.s.ICRLow, l.s.ICRHigh)
	case regSelfIPI:
		if v < 16 {
			l.fail(esrSendIllegal)
			break
		}
		l.fixed(uint8(v), false)
	default:
		l.write(reg, uint32(v))
	}
	return true
}
