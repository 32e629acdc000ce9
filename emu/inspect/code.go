package inspect

import "fmt"

// Line is a disassembled instruction.
type Line struct {
	Addr  uint64 // linear or physical, as was asked for
	RIP   uint64 // offset in CS, if linear
	Bytes []byte
	Text  string // Intel's syntax; "(bad)" for what is no instruction
	Op    string // mnemonic

	Target    uint64 // linear address to which it jumps or calls, if HasTarget
	HasTarget bool
	Flow      Flow
	Repeat    bool // a string instruction with repeat prefix
}

// Flow is what an instruction does to the flow of control.
type Flow uint8

// Flows.
const (
	FlowNone   Flow = iota // the next instruction follows
	FlowBranch             // or another: Jcc, LOOP
	FlowJump               // another
	FlowCall               // another, which comes back: CALL, INT, SYSCALL
	FlowReturn             // another: RET, IRET, SYSRET, RSM
)

// String is the line as the monitor shows it.
func (l *Line) String() string { return fmt.Sprintf("0x%08x:  %-24x %s", l.Addr, l.Bytes, l.Text) }

// Block is a translation block: what the translator has made of the code at RIP.
type Block struct {
	RIP, Phys  uint64
	Mode       string // "64-bit, CPL 0"
	Translated bool   // it is in the cache of native code or of the interpreter; else it has been translated for this look only
	Native     bool
	Guest      []Line
	Code       []byte // bytes of Guest
	IR         string // micro-ops as translated
	Optimised  string // and after optimisation
	Host       string // listing of the host code; "": none
	GuestBytes int
	HostBytes  int
	Insns      int
	Runs       uint64   // since Machine.CountRuns
	Counted    bool     // runs are counted
	Chained    []uint64 // RIPs of blocks that it jumps to directly
}

// JIT is statistics of the translator, over all CPUs.
type JIT struct {
	Engine        string // tcg, interp
	Live          int    // blocks in the cache
	Blocks        uint64 // translated since power-on
	GuestBytes    uint64 // of these
	HostBytes     uint64
	Flushes       uint64 // times the cache was dropped as it was full
	Invalidations uint64 // blocks dropped as their code was written to
	Lookups       uint64
	Links         uint64
	TLBFills      uint64
	Bails         uint64 // instructions that generated code left to the interpreter
	Sys           uint64 // instructions run in Go as a whole
	CodeUsed      uint64 // bytes of code memory
	CodeSize      uint64
}

// String is the text of `info jit`.
func (j *JIT) String() string {
	return fmt.Sprintf(`Translation buffer state (%s):
gen code size       %d/%d
TB count            %d
TBs translated      %d
TB guest bytes      %d
TB host bytes       %d
TB flush count      %d
TB invalidate count %d
TB links            %d
lookups             %d
TLB fills           %d
bails               %d
sys instructions    %d
`, j.Engine, j.CodeUsed, j.CodeSize, j.Live, j.Blocks, j.GuestBytes, j.HostBytes, j.Flushes, j.Invalidations, j.Links, j.Lookups, j.TLBFills, j.Bails, j.Sys)
}
