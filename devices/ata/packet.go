package ata

import (
	"encoding/binary"

	"goemu/devices/block"
)

// cdSector is the size of a sector's user data in bytes.
const cdSector = 2048

// optical is the state of a packet device.
type optical struct {
	Packet [packetSize]byte
	DMA    bool // data of the command goes by DMA
	Limit  int  // bytes of a DRQ block, as the host asked for
	Sense  sense
	UA     sense // unit attention that is to be told; zero: none
	Event  uint8 // media event that GET EVENT STATUS NOTIFICATION tells next
	Locked bool
	Layout uint8 // what READ CD wants of each sector: its byte 9; 0: user data
}

// sense is what went wrong (SPC-3 4.5).
type sense struct {
	Key, ASC, ASCQ uint8
}

// Sense keys and codes.
var (
	senseNone        = sense{}
	senseNoMedium    = sense{2, 0x3a, 1} // tray closed
	senseTrayOpen    = sense{2, 0x3a, 2}
	senseReadError   = sense{3, 0x11, 0}
	senseOpcode      = sense{5, 0x20, 0}
	senseRange       = sense{5, 0x21, 0}
	senseField       = sense{5, 0x24, 0}
	senseParameter   = sense{5, 0x26, 0}
	senseMode        = sense{5, 0x64, 0} // illegal mode for this track
	senseLocked      = sense{5, 0x53, 2} // medium removal prevented
	senseSaving      = sense{5, 0x39, 0} // saving parameters not supported
	senseMediaChange = sense{6, 0x28, 0}
	senseReset       = sense{6, 0x29, 0}
)

// Media events (MMC-5 6.7.2.5).
const (
	eventNone    = 0
	eventRequest = 1
	eventNew     = 2
	eventRemoval = 3
)

// resetOptical is the packet device's part of a hardware reset.
func (d *Device) resetOptical() {
	d.cd = optical{UA: senseReset}
	if d.atapi {
		d.drive.Lock(false)
	}
}

// mediumChanged is told by the drive.
func (d *Device) mediumChanged() {
	if _, ok := d.drive.Medium(); ok {
		d.cd.UA, d.cd.Event = senseMediaChange, eventNew
		return
	}
	d.cd.Event = eventRemoval
}

// ejectRequested is told by the drive: the user wants the medium that the guest has locked.
func (d *Device) ejectRequested() { d.cd.Event = eventRequest }

// packetCommand is PACKET: it asks for the command packet.
func (d *Device) packetCommand() {
	if d.Features.Now&2 != 0 { // overlapped
		d.fail(ErrorABRT)
		return
	}
	d.cd.DMA = d.Features.Now&1 != 0
	d.cd.Limit = int(d.LBAHigh.Now)<<8 | int(d.LBAMid.Now)
	d.packet, d.blocks = true, packetSize
	d.transfer(packetSize, false, false, stepPacket)
}

// packetBlock sets the registers that describe a DRQ block of n bytes.
func (d *Device) packetBlock(n int) {
	if d.cmd != CmdPacket {
		return
	}
	switch {
	case d.packet:
		d.Count.Now = reasonCD
		return
	case d.in:
		d.Count.Now = reasonIO
	default:
		d.Count.Now = 0
	}
	if !d.dma {
		d.LBAMid.Now, d.LBAHigh.Now = uint8(n), uint8(n>>8)
	}
}

// How a packet command is checked before it runs.
const (
	ready     = 1 << iota // there must be a medium
	attention             // a unit attention does not keep it from running
)

// mmc is a packet command.
type mmc struct {
	run  func(d *Device, p []byte)
	need uint8
}

// mmcCommands are the packet commands, by operation code.
var mmcCommands map[uint8]mmc

func init() {
	mmcCommands = map[uint8]mmc{
		0x00: {(*Device).cdTestReady, ready},
		0x03: {(*Device).cdRequestSense, attention},
		0x12: {(*Device).cdInquiry, attention},
		0x15: {(*Device).cdModeSelect, 0},
		0x1a: {(*Device).cdModeSense, 0},
		0x1b: {(*Device).cdStartStop, 0},
		0x1e: {(*Device).cdPrevent, 0},
		0x25: {(*Device).cdCapacity, ready},
		0x28: {(*Device).cdRead, ready},
		0x2b: {(*Device).cdSeek, ready},
		0x2f: {(*Device).cdVerify, ready},
		0x42: {(*Device).cdSubchannel, ready},
		0x43: {(*Device).cdTOC, ready},
		0x46: {(*Device).cdConfiguration, attention},
		0x4a: {(*Device).cdEvent, attention},
		0x51: {(*Device).cdDiscInfo, ready},
		0x52: {(*Device).cdTrackInfo, ready},
		0x55: {(*Device).cdModeSelect, 0},
		0x5a: {(*Device).cdModeSense, 0},
		0xa8: {(*Device).cdRead, ready},
		0xad: {(*Device).cdDVDStructure, 0},
		0xbb: {(*Device).cdNothing, 0}, // SET CD SPEED
		0xbd: {(*Device).cdMechanism, 0},
		0xbe: {(*Device).cdReadCD, ready},
	}
}

// packetGot runs the command packet that has come.
func (d *Device) packetGot() {
	d.packet = false
	p := d.cd.Packet[:]
	copy(p, d.buf)
	d.dma = d.cd.DMA
	c, ok := mmcCommands[p[0]]
	if !ok {
		d.failPacket(senseOpcode)
		return
	}
	if ua := d.cd.UA; ua != senseNone && c.need&attention == 0 {
		d.cd.UA = senseNone
		d.failPacket(ua)
		return
	}
	if _, in := d.drive.Medium(); !in && c.need&ready != 0 {
		d.noMedium()
		return
	}
	if p[0] != 0x03 {
		d.cd.Sense = senseNone
	}
	c.run(d, p)
}

func (d *Device) noMedium() {
	if d.drive.TrayOpen() {
		d.failPacket(senseTrayOpen)
		return
	}
	d.failPacket(senseNoMedium)
}

// failPacket ends the command with CHECK CONDITION.
func (d *Device) failPacket(s sense) {
	d.cd.Sense = s
	d.Count.Now = reasonIO | reasonCD
	d.fail(s.Key << 4)
}

// finishPacket ends the command without error.
func (d *Device) finishPacket() {
	d.Count.Now = reasonIO | reasonCD
	d.finish(true)
}

func (d *Device) packetDone() { d.finishPacket() }

// reply sends the first n bytes of the buffer, but not more than the host has room for.
func (d *Device) reply(n, room int) { d.sendPacket(min(n, room), stepPacketDone) }

// sendPacket sends n bytes of the buffer.
func (d *Device) sendPacket(n int, next step) {
	if n == 0 {
		d.finishPacket()
		return
	}
	if d.setBlocks() {
		d.transfer(n, true, !d.dma, next)
	}
}

// setBlocks finds the size of DRQ blocks; false: the host gave none, and the command has failed.
func (d *Device) setBlocks() bool {
	if d.cd.Limit == 0 && !d.dma && !d.cfg.SATA {
		d.fail(ErrorABRT)
		return false
	}
	d.blocks = min(d.cd.Limit, 0xfffe)
	if d.blocks > 1 {
		d.blocks &^= 1
	}
	return true
}

// cdBlocks is the number of sectors of the medium; 0: there is none.
func (d *Device) cdBlocks() uint32 {
	m, ok := d.drive.Medium()
	if !ok {
		return 0
	}
	return uint32(min(m.Size/cdSector, 1<<32-1))
}

// clearBuf is the first n bytes of the buffer, all 0.
func (d *Device) clearBuf(n int) []byte {
	p := d.buf[:n]
	clear(p)
	return p
}

var be = binary.BigEndian

// cdRead is READ (10) and (12).
func (d *Device) cdRead(p []byte) {
	n := int64(be.Uint16(p[7:]))
	if p[0] == 0xa8 {
		n = int64(be.Uint32(p[6:]))
	}
	d.cd.Layout = 0
	d.cdStart(be.Uint32(p[2:]), n)
}

// cdStart begins to read n sectors.
func (d *Device) cdStart(lba uint32, n int64) {
	if total := d.cdBlocks(); lba > total || n > int64(total-lba) {
		d.failPacket(senseRange)
		return
	}
	if n == 0 {
		d.finishPacket()
		return
	}
	if !d.setBlocks() {
		return
	}
	d.lba, d.left = uint64(lba), n
	d.cdLoad()
}

// cdLoad has the drive read the next piece.
func (d *Device) cdLoad() {
	n := min(d.left, int64(chunk/max(d.cdFrame(), cdSector)))
	d.request(opRead, int64(d.lba)*cdSector, d.buf[:n*cdSector])
	d.submit(stepCDRead)
}

func (d *Device) cdReadDone() {
	if d.req.Err != nil {
		if d.req.Err == block.ErrNoMedium { // it was taken out meanwhile
			d.noMedium()
			return
		}
		d.failPacket(senseReadError)
		return
	}
	n := len(d.req.Data)
	if d.cd.Layout != 0 {
		n = d.layOut(n / cdSector)
	}
	d.transfer(n, true, !d.dma, stepCDMoved)
}

func (d *Device) cdMoved() {
	n := len(d.req.Data) / cdSector
	d.lba += uint64(n)
	if d.left -= int64(n); d.left > 0 {
		d.cdLoad()
		return
	}
	d.finishPacket()
}
