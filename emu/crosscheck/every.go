package crosscheck

import (
	"errors"
	"strconv"
	"strings"

	"goemu/emu/accel"
)

// Every says when the two machines are compared. All registers and memory are compared at points besides, Interval instructions apart.
type Every struct {
	kind everyKind
	n    int64  // everyCount
	addr uint64 // everyPort, everyMMIO, everyRIP
}

type everyKind uint8

const (
	everyBlock everyKind = iota // after every block: general registers, RIP and flags
	everyInsn                   // after every instruction: all registers
	everyCount                  // after n instructions each: all registers
	everyExit                   // after each access to a device
	everyPort                   // after each write to a port
	everyRIP                    // before an instruction
)

// fewInsns is up to which everyCount has blocks of one instruction; beyond it, its multiples are points.
const fewInsns = 4096

// What is wrong with a text; whoever has it names it.
var (
	errEvery   = errors.New("want insn, block, exit, a number of instructions (with suffix k, M or G), port=N or rip=ADDRESS")
	errAddress = errors.New("want an address, as 0x100000")
	errCount   = errors.New("want a number of instructions (with suffix k, M or G)")
)

// ParseEvery reads insn, block, exit, a number of instructions, port=N or rip=ADDR.
func ParseEvery(s string) (e Every, err error) {
	switch s {
	case "block":
		return Every{kind: everyBlock}, nil
	case "insn":
		return Every{kind: everyInsn}, nil
	case "exit":
		return Every{kind: everyExit}, nil
	}
	what, v, marked := strings.Cut(s, "=")
	if !marked {
		n, err := ParseCount(s)
		if err != nil || n < 1 {
			return e, errEvery
		}
		return Every{kind: everyCount, n: n}, nil
	}
	switch what {
	case "port":
		n, err := strconv.ParseUint(v, 0, 16)
		if err != nil {
			return e, errors.New("want a port, 0 to 0xffff")
		}
		return Every{kind: everyPort, addr: n}, nil
	case "rip":
		n, err := strconv.ParseUint(v, 0, 64)
		if err != nil {
			return e, errAddress
		}
		return Every{kind: everyRIP, addr: n}, nil
	}
	return e, errEvery
}

// ParseCount reads a count of instructions, with an optional suffix k, M or G (powers of 1000).
func ParseCount(s string) (int64, error) {
	mul := int64(1)
	for suffix, m := range map[string]int64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9} {
		if t, ok := strings.CutSuffix(s, suffix); ok {
			s, mul = t, m
			break
		}
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < 0 || n > 1<<60/mul {
		return 0, errCount
	}
	return n * mul, nil
}

// onAccess tells whether it must know of accesses to devices.
func (e *Every) onAccess() bool { return e.kind == everyExit || e.kind == everyPort }

// blocks tells whether it compares at blocks.
func (e *Every) blocks() bool { return e.kind != everyCount || e.n <= fewInsns }

// most is the most instructions of a block.
func (e *Every) most() int {
	switch e.kind {
	case everyInsn, everyRIP:
		return 1
	case everyCount:
		if e.n <= fewInsns {
			return 1
		}
	}
	return accel.MaxInsns
}

// interval is how many instructions are between points.
func (e *Every) interval() int64 {
	if e.kind == everyCount && e.n > fewInsns {
		return e.n
	}
	return Interval
}

// meets tells whether an access to a device is one that it waits for.
func (e *Every) meets(mmio bool, addr uint64, write bool) bool {
	return e.kind == everyExit || e.kind == everyPort && !mmio && write && addr == e.addr
}

// wants tells whether to compare before the block that a side is about to run.
func (e *Every) wants(s *side, n int64) bool {
	switch e.kind {
	case everyCount:
		return n%e.n == 0
	case everyExit, everyPort:
		was := s.marked
		s.marked = false
		return was
	case everyRIP:
		return s.w.LinearRIP() == e.addr
	}
	return true
}

// From says where the comparison begins.
type From struct {
	kind fromKind
	n    int64
	addr uint64
}

type fromKind uint8

const (
	fromInsn  fromKind = iota // when n instructions have been executed
	fromRIP                   // when the instruction at a linear address is reached for the first time
	fromExits                 // after n accesses to devices
)

// ParseFrom reads rip=ADDRESS, insn=N or after-exits=N.
func ParseFrom(s string) (f From, err error) {
	what, v, _ := strings.Cut(s, "=")
	switch what {
	case "insn":
		f.n, err = ParseCount(v)
	case "after-exits":
		f.kind = fromExits
		if f.n, err = ParseCount(v); err != nil {
			err = errors.New("want a number of accesses to devices (with suffix k, M or G)")
		}
	case "rip":
		f.kind = fromRIP
		if f.addr, err = strconv.ParseUint(v, 0, 64); err != nil {
			err = errAddress
		}
	default:
		err = errors.New("want rip=ADDRESS, insn=N or after-exits=N")
	}
	return f, err
}
