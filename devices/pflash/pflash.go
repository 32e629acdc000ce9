// Package pflash is a NOR flash memory with the command set of Intel's chips, as boards have it for their firmware.
//
// It follows the data sheet of the Intel StrataFlash 28F128J3 (command set 0001h, 8-bit bus) and the Common Flash Interface (JEP137):
// read array, identifier, query and status, clear status, byte program, write to buffer, block erase with suspend and resume. Wide accesses program as many
// bytes as they have; of a command only the low byte counts. Operations take no time. Blocks have 4 KiB, so that any image of whole pages fits.
//
// Two things are QEMU's and not the chip's, as OVMF relies on them: manufacturer and device are 0, and the status register reads 0, not
// 80h, between Clear Status and the next operation. Not done: block locks (the commands are taken and lock nothing), protection register, STS pin.
package pflash

import (
	"fmt"

	"goemu/devices"
	"goemu/devices/block"
)

// BlockSize is what one erase command erases, in bytes.
const BlockSize = 4 << 10

// MaxSize is the largest flash, in bytes.
const MaxSize = 16 << 20

// bufferSize is how much one Write to Buffer takes, in bytes.
const bufferSize = 32

// Commands (28F128J3 data sheet, table 11).
const (
	cmdReadArray   = 0xff
	cmdReadID      = 0x90
	cmdReadQuery   = 0x98
	cmdReadStatus  = 0x70
	cmdClearStatus = 0x50
	cmdWriteBuffer = 0xe8
	cmdProgram     = 0x40
	cmdProgramAlt  = 0x10
	cmdErase       = 0x20
	cmdConfirm     = 0xd0 // also resume
	cmdSuspend     = 0xb0
	cmdConfigure   = 0xb8
	cmdLock        = 0x60
	cmdLockSet     = 0x01
	cmdProtection  = 0xc0
)

// Bits of the status register.
const (
	statusReady        = 1 << 7
	statusEraseError   = 1 << 5
	statusProgramError = 1 << 4
	statusLocked       = 1 << 1
	statusSequence     = statusEraseError | statusProgramError // a wrong sequence of commands
)

// What reads give.
const (
	readArray = iota
	readStatus
	readID
	readQuery
)

const (
	stateVersion = 1
	noStart      = ^uint32(0) // State.Start before the first byte
)

// Bus is where a flash lies: as memory that is read directly while it is in array mode, as MMIO else.
type Bus interface {
	MapROM(base uint64, p []byte, w devices.MMIODevice)
	MapMMIO(base, size uint64, d devices.MMIODevice)
	UnmapMMIO(base, size uint64)
}

// State is the saved state.
type State struct {
	Version  int
	Mode     uint8  // what reads give
	Command  uint8  // the first of several bytes; 0: none
	Status   uint8  // status register
	Count    int    // Write to Buffer: bytes to come; -1: their number is to come
	Start    uint32 // Write to Buffer: offset of the first byte
	Buffer   [bufferSize]byte
	Contents []byte
}

// buffering tells whether Start has been given.
func (s *State) buffering() bool {
	return s.Command == cmdWriteBuffer && s.Count >= 0 && (s.Count == 0 || s.Start != noStart)
}

// Flash is one chip.
type Flash struct {
	s     State
	name  string
	data  []byte
	query [querySize]byte
	bus   Bus
	base  uint64
	store store
}

// New returns a flash with data in it, page-aligned memory of whole blocks. What the guest changes is written to drive, which has data in
// it; without one it is lost. The flash is read-only where the drive's medium is.
func New(name string, data []byte, drive block.Drive) (*Flash, error) {
	if n := len(data); n == 0 || n > MaxSize || n%BlockSize != 0 {
		return nil, fmt.Errorf("%s of %d bytes: want whole blocks of 4 KiB, from 4 KiB to 16 MiB", name, n)
	}
	f := &Flash{name: name, data: data, query: query(len(data))}
	f.store.init(f, drive)
	f.idle()
	return f, nil
}

// MapInto puts the flash on a bus.
func (f *Flash) MapInto(b Bus, base uint64) {
	f.bus, f.base = b, base
	b.MapROM(base, f.data, f)
}

// Name implements devices.Device.
func (f *Flash) Name() string { return f.name }

// Reset implements devices.Device. The contents stay.
func (f *Flash) Reset() {
	f.setMode(readArray)
	f.idle()
	f.s.Status = 0
}

// idle forgets the command of which a part has come.
func (f *Flash) idle() { f.s.Command, f.s.Count, f.s.Start = 0, 0, 0 }

// setMode chooses what reads give.
func (f *Flash) setMode(mode uint8) {
	direct := f.s.Mode == readArray
	f.s.Mode = mode
	if now := mode == readArray; now != direct && f.bus != nil {
		f.bus.UnmapMMIO(f.base, uint64(len(f.data)))
		if now {
			f.bus.MapROM(f.base, f.data, f)
		} else {
			f.bus.MapMMIO(f.base, uint64(len(f.data)), f)
		}
	}
}

// ReadMMIO reads what the mode says. Wide reads of anything but the array give the byte in each place.
func (f *Flash) ReadMMIO(off uint64, size int) uint64 {
	var v uint64
	for i := range size {
		at := off + uint64(i)
		b := f.s.Status
		switch {
		case f.s.Mode == readArray:
			b = 0xff
			if at < uint64(len(f.data)) {
				b = f.data[at]
			}
		case f.s.Mode == readID:
			b = 0 // manufacturer, device, and the block is not locked
		case f.s.Mode == readQuery:
			if b = 0; at%BlockSize < querySize {
				b = f.query[at%BlockSize]
			}
		}
		v |= uint64(b) << (8 * i)
	}
	return v
}

// WriteMMIO takes commands and data.
func (f *Flash) WriteMMIO(off uint64, size int, v uint64) {
	switch f.s.Command {
	case cmdProgram:
		f.idle()
		f.program(off, size, v)
	case cmdErase:
		f.idle()
		if uint8(v) != cmdConfirm {
			f.fail(statusSequence)
			return
		}
		f.erase(off)
	case cmdWriteBuffer:
		f.buffer(off, size, v)
	case cmdLock:
		f.idle()
		if b := uint8(v); b == cmdLockSet || b == cmdConfirm {
			f.s.Status |= statusReady
		} else {
			f.fail(statusSequence)
		}
	case cmdConfigure, cmdProtection: // what follows changes nothing
		f.idle()
		f.s.Status |= statusReady
	default:
		f.command(off, uint8(v))
	}
}

// command takes the first byte of a command.
func (f *Flash) command(off uint64, b uint8) {
	f.idle()
	switch b {
	case cmdReadStatus, cmdSuspend, cmdConfirm: // nothing is ever left to suspend or resume
		f.setMode(readStatus)
	case cmdReadID:
		f.setMode(readID)
	case cmdReadQuery:
		f.setMode(readQuery)
	case cmdClearStatus:
		f.s.Status = 0
	case cmdProgram, cmdProgramAlt:
		f.begin(cmdProgram)
	case cmdErase, cmdLock, cmdConfigure, cmdProtection:
		f.begin(b)
	case cmdWriteBuffer:
		f.begin(b)
		f.s.Count, f.s.Start = -1, uint32(off)
		f.s.Status |= statusReady // the buffer is free
	default: // Read Array, and what is no command
		f.setMode(readArray)
	}
}

// begin waits for the rest of a command. Reads give the status from now on.
func (f *Flash) begin(b uint8) {
	f.s.Command = b
	f.setMode(readStatus)
}

// fail ends an operation with an error.
func (f *Flash) fail(bits uint8) {
	f.idle()
	f.s.Status |= statusReady | bits
}

// writable tells whether the contents can be changed; if not, the operation fails with bit.
func (f *Flash) writable(bit uint8) bool {
	switch {
	case f.store.readOnly:
		f.fail(bit | statusLocked)
		return false
	case f.store.err != nil:
		f.fail(bit)
		return false
	}
	return true
}

// program clears bits: those that are 0 in v.
func (f *Flash) program(off uint64, size int, v uint64) {
	if !f.writable(statusProgramError) {
		return
	}
	end := min(off+uint64(size), uint64(len(f.data)))
	for i := off; i < end; i++ {
		f.data[i] &= byte(v >> (8 * (i - off)))
	}
	f.s.Status |= statusReady
	f.store.changed(int(off), int(end-off))
}

// erase sets all bits of the block at off.
func (f *Flash) erase(off uint64) {
	if !f.writable(statusEraseError) {
		return
	}
	start := min(int(off), len(f.data)-1) &^ (BlockSize - 1)
	for i := range f.data[start : start+BlockSize] {
		f.data[start+i] = 0xff
	}
	f.s.Status |= statusReady
	f.store.changed(start, BlockSize)
}

// buffer takes what follows Write to Buffer: the number of bytes less 1, the bytes, all within bufferSize from the first one's offset, and
// the confirmation.
func (f *Flash) buffer(off uint64, size int, v uint64) {
	switch {
	case f.s.Count < 0:
		if uint8(v) >= bufferSize {
			f.fail(statusSequence)
			return
		}
		f.s.Count = int(uint8(v)) + 1
		f.s.Start = noStart
		for i := range f.s.Buffer {
			f.s.Buffer[i] = 0xff // programs nothing
		}
	case f.s.Count > 0:
		if f.s.Start == noStart {
			f.s.Start = uint32(off)
		}
		at := off - uint64(f.s.Start)
		if at > bufferSize-uint64(size) { // also where off is before the first
			f.fail(statusSequence)
			return
		}
		for i := range uint64(size) {
			f.s.Buffer[at+i] = byte(v >> (8 * i))
		}
		f.s.Count = max(f.s.Count-size, 0)
	case uint8(v) != cmdConfirm:
		f.fail(statusSequence)
	default:
		start := int(f.s.Start)
		f.idle()
		if !f.writable(statusProgramError) {
			return
		}
		n := min(bufferSize, len(f.data)-start)
		for i, b := range f.s.Buffer[:n] {
			f.data[start+i] &= b
		}
		f.s.Status |= statusReady
		f.store.changed(start, n)
	}
}

// SaveState returns a copy of the state.
func (f *Flash) SaveState() State {
	s := f.s
	s.Version = stateVersion
	s.Contents = append([]byte(nil), f.data...)
	return s
}

// RestoreState takes over a saved state and writes the contents to the drive where they differ.
func (f *Flash) RestoreState(s State) error {
	switch {
	case s.Version != stateVersion:
		return fmt.Errorf("%s state has version %d, want %d", f.name, s.Version, stateVersion)
	case len(s.Contents) != len(f.data):
		return fmt.Errorf("%s state has %d bytes of contents, want %d", f.name, len(s.Contents), len(f.data))
	case s.Mode > readQuery || s.Count < -1 || s.Count > bufferSize || s.buffering() && int(s.Start) >= len(f.data):
		return fmt.Errorf("%s state is not one of such a flash", f.name)
	}
	f.setMode(s.Mode)
	for at := 0; at < len(f.data); at += BlockSize {
		if block, want := f.data[at:at+BlockSize], s.Contents[at:at+BlockSize]; string(block) != string(want) {
			copy(block, want)
			f.store.changed(at, BlockSize)
		}
	}
	f.s = s
	f.s.Contents = nil
	return nil
}
