// Package fwcfg is the firmware configuration device of QEMU's machines: numbered items and named files that the
// machine hands to firmware and guest, read through ports or by DMA.
//
// It follows QEMU's fw_cfg specification (docs/specs/fw_cfg): selector and data ports, file directory, DMA interface. Files
// are written by DMA, where the machine allows it. Not done: writing through the data port, which QEMU dropped in version 2.4.
package fwcfg

import (
	"encoding/binary"
	"fmt"
	"strings"

	"goemu/devices"
)

// Ports.
const (
	SelectorPort = 0x510
	DataPort     = 0x511
	DMAPort      = 0x514 // address of the DMA request, big-endian, high half first
)

// Well-known items.
const (
	Signature  = 0x0000
	ID         = 0x0001
	UUID       = 0x0002
	RAMSize    = 0x0003
	NoGraphic  = 0x0004
	NumCPUs    = 0x0005
	BootDevice = 0x000c // letter of the device to boot first
	BootMenu   = 0x000e
	MaxCPUs    = 0x000f
	FileDir    = 0x0019
	FirstFile  = 0x0020
)

// FileNameMax is the length of a file name with its terminating zero.
const FileNameMax = 56

const (
	stateVersion = 2
	maxFiles     = 0x1000
	dirEntry     = 64

	idTraditional = 1 << 0
	idDMA         = 1 << 1

	dmaError  = 1 << 0
	dmaRead   = 1 << 1
	dmaSkip   = 1 << 2
	dmaSelect = 1 << 3
	dmaWrite  = 1 << 4

	// dmaSignature is what the DMA port reads as: "QEMU CFG".
	dmaSignature = 0x51454d5520434647
	// writeBit of a selector asks for writing.
	writeBit = 0x4000
)

// State is the saved state.
type State struct {
	Version int
	Select  uint16
	Offset  uint32
	DMAHigh uint32            // high half of the address of the next DMA request
	Written map[uint16][]byte // files that the guest can write
}

// item is one item or file.
type item struct {
	data     []byte
	fill     func(data []byte) // called when the item is selected; nil: data stays
	writable bool
}

// Device is the configuration device.
type Device struct {
	s     State
	mem   devices.Memory
	items map[uint16]*item
	files int
	names map[string]bool
	none  item
	cur   *item      // the selected one, never nil
	chunk [4096]byte // zeros
}

// New returns a device with signature and ID; mem is what DMA reaches.
func New(mem devices.Memory) *Device {
	d := &Device{mem: mem, items: map[uint16]*item{}, names: map[string]bool{}}
	d.cur = &d.none
	d.Add(Signature, []byte("QEMU"))
	d.AddUint(ID, 4, idTraditional|idDMA)
	d.Add(FileDir, make([]byte, 4))
	return d
}

// MapInto claims the ports.
func (d *Device) MapInto(b devices.PortBus) {
	b.MapPorts(SelectorPort, 2, d)
	b.MapPorts(DMAPort, 8, d)
}

// Name implements devices.Device.
func (d *Device) Name() string { return "fw_cfg" }

// Reset implements devices.Device; items stay.
func (d *Device) Reset() {
	d.s = State{}
	d.choose(Signature)
}

// Files lists the names of the files and their sizes in bytes, as the guest finds them in the directory.
func (d *Device) Files(f func(name string, size int)) {
	dir := d.items[FileDir].data
	for e := dir[4:]; len(e) >= dirEntry; e = e[dirEntry:] {
		name, _, _ := strings.Cut(string(e[8:dirEntry]), "\x00")
		f(name, int(binary.BigEndian.Uint32(e)))
	}
}

// Add sets an item.
func (d *Device) Add(key uint16, data []byte) { d.items[key] = &item{data: data} }

// AddUint sets an item to a little-endian number of size bytes.
func (d *Device) AddUint(key uint16, size int, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	d.Add(key, b[:size])
}

// AddFile adds a named file.
func (d *Device) AddFile(name string, data []byte) error { return d.addFile(name, item{data: data}) }

// AddWritable adds a file whose contents the guest can change, but not its size. data is changed in place and is the caller's to look at.
func (d *Device) AddWritable(name string, data []byte) error {
	return d.addFile(name, item{data: data, writable: true})
}

// AddMade adds a file of size bytes whose contents fill makes each time that the guest selects it.
func (d *Device) AddMade(name string, size int, fill func(data []byte)) error {
	return d.addFile(name, item{data: make([]byte, size), fill: fill})
}

func (d *Device) addFile(name string, it item) error {
	if len(name) == 0 || len(name) >= FileNameMax {
		return fmt.Errorf("fw_cfg file %q: name must have 1 to %d bytes", name, FileNameMax-1)
	}
	if d.names[name] {
		return fmt.Errorf("fw_cfg file %q is there already", name)
	}
	if d.files == maxFiles {
		return fmt.Errorf("fw_cfg file %q: more than %d files", name, maxFiles)
	}
	d.names[name] = true
	key := uint16(FirstFile + d.files)
	d.files++
	d.items[key] = &it
	dir := d.items[FileDir]
	binary.BigEndian.PutUint32(dir.data, uint32(d.files))
	var e [dirEntry]byte
	binary.BigEndian.PutUint32(e[0:], uint32(len(it.data)))
	binary.BigEndian.PutUint16(e[4:], key)
	copy(e[8:], name)
	dir.data = append(dir.data, e[:]...)
	return nil
}

// SaveState returns a copy of the state.
func (d *Device) SaveState() State {
	s := d.s
	s.Version = stateVersion
	s.Written = map[uint16][]byte{}
	for key, it := range d.items {
		if it.writable {
			s.Written[key] = append([]byte(nil), it.data...)
		}
	}
	return s
}

// RestoreState takes over a saved state; the items must be the same.
func (d *Device) RestoreState(s State) error {
	if s.Version != stateVersion {
		return fmt.Errorf("fw_cfg state has version %d, want %d", s.Version, stateVersion)
	}
	for key, data := range s.Written {
		if it := d.items[key]; it == nil || !it.writable || len(it.data) != len(data) {
			return fmt.Errorf("fw_cfg state: item %#x is not one of %d bytes that can be written", key, len(data))
		}
	}
	for key, data := range s.Written {
		copy(d.items[key].data, data)
	}
	d.choose(s.Select)
	d.s = s
	d.s.Written = nil
	return nil
}

func (d *Device) choose(key uint16) {
	d.s.Select, d.s.Offset = key, 0
	if d.cur = d.items[key&^writeBit]; d.cur == nil {
		d.cur = &d.none
	}
	if d.cur.fill != nil {
		d.cur.fill(d.cur.data)
	}
}

// rest is what is left of the selected item.
func (d *Device) rest() []byte {
	return d.cur.data[min(int(d.s.Offset), len(d.cur.data)):]
}

func (d *Device) skip(n uint32) {
	d.s.Offset = uint32(min(uint64(d.s.Offset)+uint64(n), uint64(len(d.cur.data))))
}

// In reads data bytes, one for each byte of the access, or the DMA signature.
func (d *Device) In(port uint16, size int) uint32 {
	if port >= DMAPort {
		off := int(port - DMAPort)
		var v uint32
		for i := range size {
			v |= uint32(byte(uint64(dmaSignature)>>(8*(7-(off+i)&7)))) << (8 * i)
		}
		return v
	}
	if port != DataPort || size != 1 {
		return ^uint32(0)
	}
	if p := d.rest(); len(p) > 0 {
		d.s.Offset++
		return uint32(p[0])
	}
	return 0
}

// Out selects an item or starts a DMA request.
func (d *Device) Out(port uint16, size int, v uint32) {
	switch {
	case port == SelectorPort && size == 2:
		d.choose(uint16(v))
	case port == DMAPort && size == 4:
		d.s.DMAHigh = swap(v)
	case port == DMAPort+4 && size == 4:
		addr := uint64(d.s.DMAHigh)<<32 | uint64(swap(v))
		d.s.DMAHigh = 0
		d.dma(addr)
	}
}

// swap turns a big-endian register value into a number.
func swap(v uint32) uint32 { return v>>24 | v>>8&0xff00 | v<<8&0xff0000 | v<<24 }

// dma carries out the request at addr: control, length (32 bits each) and address (64 bits), all big-endian. The control word is
// written back: 0, or the error bit.
func (d *Device) dma(addr uint64) {
	var req [16]byte
	if d.mem.ReadPhys(addr, req[:]) != nil {
		return
	}
	control := binary.BigEndian.Uint32(req[0:])
	length := binary.BigEndian.Uint32(req[4:])
	to := binary.BigEndian.Uint64(req[8:])
	if control&dmaSelect != 0 {
		d.choose(uint16(control >> 16))
	}
	result := uint32(0)
	switch {
	case control&dmaRead != 0:
		if !d.copyOut(to, length) {
			result = dmaError
		}
	case control&dmaWrite != 0:
		if !d.copyIn(to, length) {
			result = dmaError
		}
	case control&dmaSkip != 0:
		d.skip(length)
	}
	binary.BigEndian.PutUint32(req[0:], result)
	// Where the request could be read the answer can be written, but for ROM: then the guest sees no answer.
	_ = d.mem.WritePhys(addr, req[:4])
}

// copyOut copies n bytes of the item to memory; past its end there are zeros.
func (d *Device) copyOut(to uint64, n uint32) bool {
	p := d.rest()
	if uint64(len(p)) > uint64(n) {
		p = p[:n]
	}
	if d.mem.WritePhys(to, p) != nil {
		return false
	}
	d.skip(n)
	to += uint64(len(p))
	for left := uint64(n) - uint64(len(p)); left > 0; {
		k := min(left, uint64(len(d.chunk)))
		if d.mem.WritePhys(to, d.chunk[:k]) != nil {
			return false
		}
		to, left = to+k, left-k
	}
	return true
}

// copyIn changes n bytes of the item, if it can be written and has as many left.
func (d *Device) copyIn(from uint64, n uint32) bool {
	p := d.rest()
	if !d.cur.writable || uint64(n) > uint64(len(p)) || d.mem.ReadPhys(from, p[:n]) != nil {
		return false
	}
	d.skip(n)
	return true
}
