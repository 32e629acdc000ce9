package ahci

import (
	"bytes"
	"errors"
	"testing"

	"goemu/devices"
	"goemu/devices/ata"
	"goemu/devices/block"
	"goemu/devices/devtest"
	"goemu/devices/pci"
	"goemu/devices/portmap"
)

// The driver's structures in memory.
const (
	listAt  = 0x1000
	fisAt   = 0x2000
	tableAt = 0x4000 // and 4 KiB for each slot
	dataAt  = 0x40000
	disk    = 1 // port of the disk; port 4 has the CD drive
	cd      = 4
)

type nowhere struct{}

func (nowhere) MapMMIO(uint64, uint64, devices.MMIODevice) {}
func (nowhere) MapRAM(uint64, []byte, bool)                {}
func (nowhere) UnmapMMIO(uint64, uint64)                   {}

type bench struct {
	t     testing.TB
	mem   devtest.Memory
	bus   *pci.Bus
	drive *devtest.Drive
	cd    *devtest.Drive
	c     *Controller
	line  devtest.Line
	msi   []uint32
}

func newBench(t testing.TB) *bench {
	b := &bench{t: t, mem: make(devtest.Memory, 1<<20), drive: devtest.NewDrive(1<<20, block.Disk), cd: devtest.NewDrive(1<<20, block.CD)}
	b.bus = pci.NewBus(portmap.New(), nowhere{})
	b.bus.OnPIRQ = func(_ int, level bool) { b.line.Set(level) }
	b.bus.OnMSI = func(_ uint64, data uint32) { b.msi = append(b.msi, data) }
	b.c = New(b.mem, [NumPorts]block.Drive{disk: b.drive, cd: b.cd}, 0)
	if err := b.bus.Add(31, 2, b.c.Function); err != nil {
		t.Fatal(err)
	}
	b.c.Reset()
	b.c.WriteConfig(pci.Command, 2, pci.CommandMemory|pci.CommandBusMaster)
	return b
}

func (b *bench) r(off uint64) uint32            { return uint32(b.c.ReadMMIO(off, 4)) }
func (b *bench) w(off uint64, v uint32)         { b.c.WriteMMIO(off, 4, uint64(v)) }
func portReg(n int, reg uint64) uint64          { return firstPort + uint64(n)*portSize + reg }
func (b *bench) pr(n int, reg uint64) uint32    { return b.r(portReg(n, reg)) }
func (b *bench) pw(n int, reg uint64, v uint32) { b.w(portReg(n, reg), v) }
func (b *bench) want(what string, got, want uint32) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %#x, want %#x", what, got, want)
	}
}

// start has a port ready for commands, all its interrupts enabled.
func (b *bench) start(n int) {
	b.w(regGHC, ghcAE|ghcIE)
	b.pw(n, regCLB, listAt)
	b.pw(n, regFB, fisAt)
	b.pw(n, regCMD, cmdFRE)
	b.pw(n, regSERR, ^uint32(0))
	b.pw(n, regPIS, ^uint32(0))
	b.w(regIS, ^uint32(0))
	b.pw(n, regPIE, ^uint32(0))
	b.pw(n, regCMD, cmdFRE|cmdST)
	b.line.Edges()
}

// fis is a command's frame.
type fis struct {
	command, features, device uint8
	count                     uint16
	lba                       uint64
}

// prepare fills in a slot. regions are addresses and sizes.
func (b *bench) prepare(slot int, f fis, regions ...uint32) {
	table := b.mem[tableAt+slot*0x1000:]
	clear(table[:prdtAt])
	copy(table, []byte{fisHostToDevice, fisCommand, f.command, f.features,
		byte(f.lba), byte(f.lba >> 8), byte(f.lba >> 16), f.device, byte(f.lba >> 24), byte(f.lba >> 32), byte(f.lba >> 40), 0,
		byte(f.count), byte(f.count >> 8)})
	for i := 0; i < len(regions); i += 2 {
		e := table[prdtAt+8*i:]
		le.PutUint64(e, uint64(regions[i]))
		le.PutUint32(e[12:], regions[i+1]-1)
	}
	h := b.mem[listAt+slot*headerSize:]
	le.PutUint32(h, uint32(len(regions)/2)<<16|5)
	le.PutUint32(h[4:], 0)
	le.PutUint64(h[8:], uint64(tableAt+slot*0x1000))
}

// run runs the command in a slot.
func (b *bench) run(n, slot int) {
	b.pw(n, regCI, 1<<slot)
	b.drive.Work()
	b.cd.Work()
}

func TestIdentity(t *testing.T) {
	b := newBench(t)
	b.want("ID", b.c.ReadConfig(0, 4), 0x2922_8086)
	b.want("class", b.c.ReadConfig(8, 4), 0x010601_02)
	b.want("CAP", b.r(regCAP), 0xc1241f05)
	b.want("PI", b.r(regPI), 0x3f)
	b.want("VS", b.r(regVS), 0x10300)
	b.want("GHC", b.r(regGHC), ghcAE)
	b.want("word 1 of CAP", uint32(b.c.ReadMMIO(2, 2)), 0xc124)
	b.want("PxSSTS without a drive", b.pr(0, regSSTS), 0)
	b.want("PxSIG without a drive", b.pr(0, regSIG), 0xffffffff)
	b.want("PxSSTS", b.pr(disk, regSSTS), 0x123)
	b.want("PxSIG of a disk", b.pr(disk, regSIG), 0x101)
	b.want("PxSIG of a CD drive", b.pr(cd, regSIG), 0xeb140101)
	b.want("PxTFD of a disk", b.pr(disk, regTFD), 0x150)
	b.want("PxSERR", b.pr(disk, regSERR), serrX)
	b.want("PxIS", b.pr(disk, regPIS), isPCS)
	b.pw(disk, regSERR, serrX)
	b.want("PxIS when SERR is clear", b.pr(disk, regPIS), 0)
}

// The first frame of a device is put into memory when FRE is set.
func TestGreeting(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	if got := b.mem[fisAt+rfisRegister:][:16]; !bytes.Equal(got, []byte{0x34, 0x40, 0x50, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}) {
		t.Errorf("frame % x", got)
	}
}

func TestDMAReadAndWrite(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	b.prepare(3, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 4, lba: 100}, dataAt, 512, dataAt+0x1000, 1536)
	b.run(disk, 3)
	b.want("PxCI", b.pr(disk, regCI), 0)
	b.want("PxIS", b.pr(disk, regPIS), isDHRS)
	b.want("IS", b.r(regIS), 1<<disk)
	b.want("PxTFD", b.pr(disk, regTFD), 0x50)
	b.want("PRDBC", le.Uint32(b.mem[listAt+3*headerSize+4:]), 2048)
	if !b.line.Level {
		t.Error("no interrupt")
	}
	b.pw(disk, regPIS, isDHRS)
	b.w(regIS, 1<<disk)
	if b.line.Level {
		t.Error("the interrupt stays")
	}
	src := b.drive.Image[100*512:]
	if !bytes.Equal(b.mem[dataAt:dataAt+512], src[:512]) || !bytes.Equal(b.mem[dataAt+0x1000:dataAt+0x1600], src[512:2048]) {
		t.Error("wrong data in memory")
	}
	b.prepare(0, fis{command: ata.CmdWriteDMAExt, device: 0x40, count: 1025, lba: 300}, dataAt, 1025*512)
	copy(b.mem[dataAt:], bytes.Repeat([]byte{1, 2, 3, 4, 5}, 120_000))
	b.run(disk, 0)
	b.want("PxTFD", b.pr(disk, regTFD), 0x50)
	if !bytes.Equal(b.drive.Image[300*512:][:1025*512], b.mem[dataAt:dataAt+1025*512]) {
		t.Error("wrong data on the disk")
	}
}

// PIO commands tell of their data by PIO setup frames, and end with the data.
func TestPIO(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	b.prepare(0, fis{command: ata.CmdIdentify}, dataAt, 512)
	b.run(disk, 0)
	b.want("PxIS", b.pr(disk, regPIS), isPSS)
	b.want("PxCI", b.pr(disk, regCI), 0)
	f := b.mem[fisAt+rfisPIO:]
	if f[0] != 0x5f || f[1] != 0x60 || f[2] != 0x58 || f[15] != 0x50 || le.Uint16(f[16:]) != 512 {
		t.Errorf("PIO setup frame % x", f[:20])
	}
	if w76 := le.Uint16(b.mem[dataAt+152:]); w76&0x100 == 0 || le.Uint16(b.mem[dataAt+150:]) != 31 {
		t.Errorf("word 76 of IDENTIFY %#x", w76)
	}
	b.prepare(0, fis{command: ata.CmdWriteSectors, device: 0x40, count: 2, lba: 9}, dataAt, 1024)
	b.run(disk, 0)
	if !bytes.Equal(b.drive.Image[9*512:][:1024], b.mem[dataAt:dataAt+1024]) {
		t.Error("wrong data on the disk")
	}
}

// queuedFIS is READ or WRITE FPDMA QUEUED.
func queuedFIS(command uint8, tag int, lba uint64, sectors uint8) fis {
	return fis{command: command, features: sectors, device: 0x40, count: uint16(tag << 3), lba: lba}
}

func TestQueued(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	for tag := range 32 {
		command := uint8(ata.CmdReadFPDMA)
		if tag%2 == 1 {
			command = ata.CmdWriteFPDMA
			copy(b.mem[dataAt+tag*0x1000:][:1024], bytes.Repeat([]byte{byte(0x80 | tag)}, 1024))
		}
		b.prepare(tag, queuedFIS(command, tag, uint64(tag*10), 2), uint32(dataAt+tag*0x1000), 1024)
		b.pw(disk, regSACT, 1<<tag)
		b.pw(disk, regCI, 1<<tag)
	}
	b.want("PxCI when all are accepted", b.pr(disk, regCI), 0)
	b.want("PxSACT", b.pr(disk, regSACT), 0xffffffff)
	b.want("PxTFD", b.pr(disk, regTFD), 0x50)
	b.drive.Step()
	b.want("PxSACT after one", b.pr(disk, regSACT), 0xfffffffe)
	b.want("PxIS", b.pr(disk, regPIS), isSDBS)
	if f := b.mem[fisAt+rfisSetBits:]; f[0] != 0xa1 || f[1] != 0x40 || le.Uint32(f[4:]) != 1 {
		t.Errorf("set device bits frame % x", f[:8])
	}
	b.drive.Work()
	b.want("PxSACT at the end", b.pr(disk, regSACT), 0)
	for tag := range 32 {
		if !bytes.Equal(b.drive.Image[tag*10*512:][:1024], b.mem[dataAt+tag*0x1000:][:1024]) {
			t.Errorf("command %d: wrong data", tag)
		}
	}
}

// An error of a queued command ends all. Recovery is by the log of queued errors, as drivers do it.
func TestQueuedError(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	for tag := range 3 {
		b.prepare(tag, queuedFIS(ata.CmdReadFPDMA, tag, uint64(50+tag), 1), dataAt, 512)
	}
	b.pw(disk, regSACT, 7)
	b.pw(disk, regCI, 7)
	b.drive.Step()
	b.drive.Err = errors.New("EIO")
	b.drive.Step()
	b.want("PxSACT", b.pr(disk, regSACT), 6)
	b.want("PxIS", b.pr(disk, regPIS), isSDBS|isTFES)
	b.want("PxTFD", b.pr(disk, regTFD), 0x4051)
	b.pw(disk, regCMD, cmdFRE)
	b.want("PxSACT when stopped", b.pr(disk, regSACT), 0)
	b.pw(disk, regPIS, ^uint32(0))
	b.pw(disk, regCMD, cmdFRE|cmdST)
	b.prepare(0, fis{command: ata.CmdReadDMA, device: 0x40, count: 1}, dataAt, 512)
	b.run(disk, 0)
	b.want("another command before the log is read", b.pr(disk, regTFD), 0x451)
	b.pw(disk, regCMD, cmdFRE)
	b.pw(disk, regCMD, cmdFRE|cmdST)
	b.prepare(0, fis{command: ata.CmdReadLogExt, count: 1, lba: 0x10}, dataAt, 512)
	b.run(disk, 0)
	b.want("READ LOG EXT", b.pr(disk, regTFD), 0x50)
	if p := b.mem[dataAt:]; p[0] != 1 || p[2] != 0x51 || p[3] != 0x40 || p[4] != 51 {
		t.Errorf("log % x", p[:16])
	}
	b.prepare(5, queuedFIS(ata.CmdReadFPDMA, 5, 77, 1), dataAt, 512)
	b.pw(disk, regSACT, 1<<5)
	b.run(disk, 5)
	b.want("PxSACT after recovery", b.pr(disk, regSACT), 0)
	if b.mem[dataAt] != 77 {
		t.Error("wrong data after recovery")
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		f       fis
		regions []uint32
		is, tfd uint32
	}{
		{"beyond the end", fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1, lba: 2048}, []uint32{dataAt, 512}, isTFES | isDHRS, 0x1051},
		{"unknown", fis{command: 0x11}, nil, isTFES | isDHRS, 0x451},
		{"no room", fis{command: ata.CmdReadDMAExt, device: 0x40, count: 2}, []uint32{dataAt, 512}, isTFES | isDHRS | isOFS, 0x451},
		{"no table", fis{command: ata.CmdReadDMAExt, device: 0x40, count: 2}, nil, isTFES | isDHRS | isOFS, 0x451},
		{"no memory", fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1}, []uint32{0xf0000000, 512}, isTFES | isDHRS | isHBFS, 0x451},
	} {
		b := newBench(t)
		b.start(disk)
		b.prepare(2, c.f, c.regions...)
		b.run(disk, 2)
		b.want(c.name+": PxIS", b.pr(disk, regPIS), c.is)
		b.want(c.name+": PxTFD", b.pr(disk, regTFD), c.tfd)
		b.want(c.name+": PxCI", b.pr(disk, regCI), 1<<2)
		b.want(c.name+": PxCMD.CCS", b.pr(disk, regCMD)>>8&31, 2)
		b.pw(disk, regCI, 1<<3)
		b.want(c.name+": a stopped port takes commands", b.pr(disk, regCI), 3<<2)
		b.pw(disk, regCMD, cmdFRE)
		b.pw(disk, regCMD, cmdFRE|cmdST)
		b.prepare(0, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1, lba: 3}, dataAt, 512)
		b.run(disk, 0)
		b.want(c.name+": PxTFD afterwards", b.pr(disk, regTFD), 0x50)
	}
	b := newBench(t)
	b.start(disk)
	b.pw(disk, regCMD, cmdFRE)
	b.pw(disk, regCLB, 0xff000000)
	b.pw(disk, regCMD, cmdFRE|cmdST)
	b.run(disk, 0)
	b.want("a command list that is not in memory", b.pr(disk, regPIS), isHBFS)
}

// COMRESET, software reset by two frames, and the reset of the controller: the signature is back, also while the drive works.
func TestResets(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	b.prepare(0, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1, lba: 0x777 & 0x3ff}, dataAt, 512)
	b.pw(disk, regCI, 1)
	b.want("PxTFD while the drive works", b.pr(disk, regTFD)&0x80, 0x80)
	b.pw(disk, regCMD, cmdFRE)
	b.pw(disk, regSCTL, 1)
	b.want("PxSSTS in COMRESET", b.pr(disk, regSSTS), 0)
	b.pw(disk, regSCTL, 0)
	b.want("PxSSTS", b.pr(disk, regSSTS), linkUp)
	b.want("PxTFD in reset", b.pr(disk, regTFD), 0x80)
	b.drive.Work()
	b.want("PxTFD after COMRESET", b.pr(disk, regTFD), 0x150)
	b.want("PxSIG", b.pr(disk, regSIG), 0x101)
	b.want("PxSERR", b.pr(disk, regSERR), serrX|serrN)
	if b.mem[dataAt] != 0 {
		t.Error("data of a command from before the reset")
	}
	b.start(disk)
	for slot, control := range []byte{controlSRST, 0} {
		b.prepare(slot, fis{})
		f := b.mem[tableAt+slot*0x1000:]
		f[1], f[15] = 0, control
		if control != 0 {
			b.mem[listAt+1] |= headClear >> 8
		}
		b.run(disk, slot)
		b.want("PxCI", b.pr(disk, regCI), 0)
	}
	b.want("PxTFD after the software reset", b.pr(disk, regTFD), 0x150)
	b.w(regGHC, ghcHR)
	b.want("GHC", b.r(regGHC), ghcAE)
	b.want("PxCMD", b.pr(disk, regCMD), cmdSUD|cmdPOD)
	b.want("PxCLB is kept", b.pr(disk, regCLB), listAt)
	b.pw(disk, regSCTL, offline)
	b.want("PxSSTS offline", b.pr(disk, regSSTS), 4)
}

// A command that is stopped by ST does not spoil what comes after it.
func TestStop(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	b.prepare(0, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1, lba: 5}, dataAt, 512)
	b.pw(disk, regCI, 1)
	b.pw(disk, regCMD, cmdFRE)
	b.want("PxCI", b.pr(disk, regCI), 0)
	b.drive.Work()
	b.want("PxSIG", b.pr(disk, regSIG), 0x101)
	if b.mem[dataAt] != 0 {
		t.Error("a stopped command writes to memory")
	}
	b.pw(disk, regCMD, cmdFRE|cmdST)
	b.drive.Work()
	if b.mem[dataAt] != 0 {
		t.Error("PxCI survived the stop")
	}
	if b.run(disk, 0); b.mem[dataAt] != 5 {
		t.Error("the next command does not run")
	}
}

func TestATAPI(t *testing.T) {
	b := newBench(t)
	b.start(cd)
	packet := func(features uint8, size uint32, cdb ...byte) {
		b.prepare(0, fis{command: ata.CmdPacket, features: features}, dataAt, size)
		copy(b.mem[tableAt+acmdAt:], cdb)
		b.mem[listAt] |= headATAPI
		b.run(cd, 0)
	}
	packet(0, 8, 0)
	b.want("unit attention", b.pr(cd, regTFD), 0x6051)
	b.pw(cd, regCMD, cmdFRE)
	b.pw(cd, regCMD, cmdFRE|cmdST)
	packet(1, 3*2048, 0x28, 0, 0, 0, 0, 7, 0, 0, 3, 0)
	b.want("READ (10) by DMA", b.pr(cd, regTFD), 0x50)
	if !bytes.Equal(b.mem[dataAt:dataAt+3*2048], b.cd.Image[7*2048:10*2048]) {
		t.Error("wrong data")
	}
	packet(0, 8, 0x25)
	if got := b.mem[dataAt : dataAt+8]; !bytes.Equal(got, []byte{0, 0, 1, 0xff, 0, 0, 8, 0}) {
		t.Errorf("READ CAPACITY by PIO: % x", got)
	}
	b.want("PRDBC", le.Uint32(b.mem[listAt+4:]), 8)
}

func TestMSI(t *testing.T) {
	b := newBench(t)
	b.c.WriteConfig(msiAt+pci.MSIAddress, 4, 0xfee00000)
	b.c.WriteConfig(msiAt+pci.MSIData, 2, 0x41)
	b.c.WriteConfig(msiAt+pci.MSIControl, 2, 1)
	b.start(disk)
	b.msi = nil
	for range 2 {
		b.prepare(0, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1}, dataAt, 512)
		b.run(disk, 0)
		b.pw(disk, regPIS, isDHRS)
		b.w(regIS, 1<<disk)
	}
	if len(b.msi) != 2 || b.msi[0] != 0x41 || b.line.Rises != 0 {
		t.Errorf("messages %x, %d interrupts on the line", b.msi, b.line.Rises)
	}
	// What comes before the driver has cleared IS is a message of its own.
	b.msi = nil
	b.run(disk, 0)
	b.pw(disk, regPIS, isDHRS)
	b.run(disk, 0)
	b.w(regIS, 1<<disk)
	if len(b.msi) != 2 {
		t.Errorf("%d messages, want 2", len(b.msi))
	}
}

func TestState(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	for tag := range 4 {
		b.prepare(tag, queuedFIS(ata.CmdReadFPDMA, tag, uint64(20+tag), 1), uint32(dataAt+tag*512), 512)
		b.pw(disk, regSACT, 1<<tag)
		b.pw(disk, regCI, 1<<tag)
	}
	b.drive.Step()
	other := newBench(t)
	copy(other.mem, b.mem)
	if err := other.c.RestoreState(b.c.SaveState()); err != nil {
		t.Fatal(err)
	}
	other.drive.Work()
	other.want("PxSACT", other.pr(disk, regSACT), 0)
	for tag := range 4 {
		if other.mem[dataAt+tag*512] != byte(20+tag) {
			t.Errorf("command %d is lost", tag)
		}
	}
	s := b.c.SaveState()
	s.Version++
	if b.c.RestoreState(s) == nil {
		t.Error("a state of another version was taken")
	}
}

func TestDataPathAllocations(t *testing.T) {
	b := newBench(t)
	b.start(disk)
	b.prepare(0, queuedFIS(ata.CmdReadFPDMA, 0, 5, 8), dataAt, 4096)
	n := testing.AllocsPerRun(20, func() {
		b.pw(disk, regSACT, 1)
		b.pw(disk, regCI, 1)
		for _, r := range b.drive.Pending() {
			r.Done(r)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations a command", n)
	}
	b.want("PxSACT", b.pr(disk, regSACT), 0)
}
