package ata

// Commands (ACS-2 chapter 7, ATA/ATAPI-7 volume 1 chapter 6).
const (
	CmdNOP             = 0x00
	CmdTrim            = 0x06 // DATA SET MANAGEMENT
	CmdDeviceReset     = 0x08
	CmdReadSectors     = 0x20
	CmdReadSectorsExt  = 0x24
	CmdReadDMAExt      = 0x25
	CmdReadMaxExt      = 0x27
	CmdReadMultipleExt = 0x29
	CmdReadLogExt      = 0x2f
	CmdWriteSectors    = 0x30
	CmdWriteSectorsExt = 0x34
	CmdWriteDMAExt     = 0x35
	CmdWriteMultiExt   = 0x39
	CmdWriteDMAFUAExt  = 0x3d
	CmdVerify          = 0x40
	CmdVerifyExt       = 0x42
	CmdReadLogDMAExt   = 0x47
	CmdReadFPDMA       = 0x60
	CmdWriteFPDMA      = 0x61
	CmdDiagnostic      = 0x90
	CmdInitParameters  = 0x91
	CmdPacket          = 0xa0
	CmdIdentifyPacket  = 0xa1
	CmdSMART           = 0xb0
	CmdReadMultiple    = 0xc4
	CmdWriteMultiple   = 0xc5
	CmdSetMultiple     = 0xc6
	CmdReadDMA         = 0xc8
	CmdWriteDMA        = 0xca
	CmdWriteMultiFUA   = 0xce
	CmdFlush           = 0xe7
	CmdFlushExt        = 0xea
	CmdIdentify        = 0xec
	CmdSetFeatures     = 0xef
	CmdReadMax         = 0xf8
)

// form says how a media command takes its data and its address.
type form uint8

const (
	fExt   form = 1 << iota // 48-bit address
	fDMA                    // by DMA, else PIO
	fMulti                  // in blocks of SET MULTIPLE MODE
	fWrite                  // to the medium
	fFUA                    // on the medium when it ends
	fNone                   // no data: VERIFY
)

// mediaCommands move sectors.
var mediaCommands = map[uint8]form{
	CmdReadSectors:     0,
	0x21:               0, // without retries
	CmdReadSectorsExt:  fExt,
	CmdReadDMAExt:      fExt | fDMA,
	CmdReadMultipleExt: fExt | fMulti,
	CmdWriteSectors:    fWrite,
	0x31:               fWrite,
	CmdWriteSectorsExt: fWrite | fExt,
	CmdWriteDMAExt:     fWrite | fExt | fDMA,
	CmdWriteMultiExt:   fWrite | fExt | fMulti,
	CmdWriteDMAFUAExt:  fWrite | fExt | fDMA | fFUA,
	CmdVerify:          fNone,
	0x41:               fNone,
	CmdVerifyExt:       fNone | fExt,
	CmdReadMultiple:    fMulti,
	CmdWriteMultiple:   fWrite | fMulti,
	CmdReadDMA:         fDMA,
	0xc9:               fDMA,
	CmdWriteDMA:        fWrite | fDMA,
	0xcb:               fWrite | fDMA,
	CmdWriteMultiFUA:   fWrite | fExt | fMulti | fFUA,
}

// commands are the others, of disks.
var commands [256]func(*Device)

// packetCommands are those of packet devices. Others are aborted.
var packetCommands [256]func(*Device)

func init() {
	commands = [256]func(*Device){
		CmdNOP:            (*Device).abort,
		CmdTrim:           (*Device).trim,
		0x10:              (*Device).recalibrate,
		0x70:              (*Device).seek,
		CmdReadMax:        (*Device).readMax,
		CmdReadMaxExt:     (*Device).readMax,
		CmdReadLogExt:     (*Device).readLog,
		CmdReadLogDMAExt:  (*Device).readLog,
		CmdReadFPDMA:      (*Device).queued,
		CmdWriteFPDMA:     (*Device).queued,
		CmdDiagnostic:     (*Device).diagnostic,
		CmdInitParameters: (*Device).initParameters,
		CmdIdentifyPacket: (*Device).abort,
		CmdPacket:         (*Device).abort,
		CmdSMART:          (*Device).smart,
		CmdSetMultiple:    (*Device).setMultiple,
		CmdFlush:          (*Device).flush,
		CmdFlushExt:       (*Device).flush,
		CmdIdentify:       (*Device).identify,
		CmdSetFeatures:    (*Device).setFeatures,
	}
	packetCommands = [256]func(*Device){
		CmdNOP:            (*Device).abort,
		CmdDiagnostic:     (*Device).diagnostic,
		CmdPacket:         (*Device).packetCommand,
		CmdIdentifyPacket: (*Device).identify,
		CmdIdentify:       (*Device).notATA,
		CmdReadSectors:    (*Device).notATA,
		CmdSetFeatures:    (*Device).setFeatures,
		CmdFlush:          (*Device).flush,
	}
	// Each power command has an old code, too.
	for code, f := range map[uint8]func(*Device){
		0xe0: (*Device).standby, 0xe1: (*Device).idle, 0xe2: (*Device).standby, 0xe3: (*Device).idle, 0xe5: (*Device).checkPower, 0xe6: (*Device).sleep,
	} {
		old := 0x94 + code - 0xe0
		if code >= 0xe5 {
			old = 0x98 + code - 0xe5
		}
		commands[code], commands[old] = f, f
		packetCommands[code], packetCommands[old] = f, f
	}
}

// Command is a write of the Command register. The registers of the command block have been written. While the device is busy
// it takes DEVICE RESET only, and that only if it is a packet device.
func (d *Device) Command(code uint8) {
	if !d.Idle() && !(d.atapi && code == CmdDeviceReset) {
		return
	}
	if code == CmdDeviceReset && d.atapi {
		d.deviceReset()
		return
	}
	if d.settings.Asleep {
		return // a reset is needed
	}
	d.cmd, d.Error = code, 0
	d.Status = d.ready() | StatusBSY
	if d.drain > 0 {
		d.held = heldCommand
		return
	}
	d.run()
}

// run begins the command in d.cmd.
func (d *Device) run() {
	code := d.cmd
	d.blocks, d.dma = logSector, false
	if d.queue != nil && !d.queue.allows(code) {
		d.fail(ErrorABRT)
		return
	}
	table := &commands
	if d.atapi {
		table = &packetCommands
	} else if f, ok := mediaCommands[code]; ok {
		d.media(f)
		return
	}
	if run := table[code]; run != nil {
		run(d)
		return
	}
	d.fail(ErrorABRT)
}

func (d *Device) abort() { d.fail(ErrorABRT) }

// notATA is the answer of a packet device to commands that tell it from a disk.
func (d *Device) notATA() {
	d.Signature()
	d.Status, d.Error = 0, 0
	d.fail(ErrorABRT)
}

func (d *Device) deviceReset() {
	d.SoftReset()
	d.t.Complete(d, false)
}

// diagnostic is EXECUTE DEVICE DIAGNOSTIC. A parallel channel gives it to both devices.
func (d *Device) diagnostic() {
	d.SoftReset()
	d.Device = 0
	d.t.Complete(d, true)
}

func (d *Device) recalibrate() { d.finish(true) }

func (d *Device) seek() {
	if _, ok := d.address(0); !ok {
		d.fail(ErrorIDNF)
		return
	}
	d.finish(true)
}

// Power modes as CHECK POWER MODE tells them.
const (
	powerActive  = 0xff
	powerStandby = 0x00
)

func (d *Device) standby() {
	d.settings.Standby = 1
	d.finish(true)
}

func (d *Device) idle() {
	d.settings.Standby = 0
	d.finish(true)
}

func (d *Device) checkPower() {
	d.Count.Now = powerActive
	if d.settings.Standby != 0 {
		d.Count.Now = powerStandby
	}
	d.finish(true)
}

func (d *Device) sleep() {
	d.finish(true)
	d.settings.Asleep = true
}

func (d *Device) flush() {
	if _, ok := d.drive.Medium(); !ok {
		d.finish(true)
		return
	}
	d.request(opFlush, 0, nil)
	d.submit(stepFlushed)
}

func (d *Device) flushed() {
	if d.req.Err != nil {
		d.fail(ErrorABRT)
		return
	}
	d.finish(true)
}

// setMultiple is SET MULTIPLE MODE.
func (d *Device) setMultiple() {
	n := int(d.Count.Now)
	if n > maxMultiple || n&(n-1) != 0 {
		d.fail(ErrorABRT)
		return
	}
	d.settings.Multiple = n
	d.finish(true)
}

// initParameters is INITIALIZE DEVICE PARAMETERS.
func (d *Device) initParameters() {
	heads, sectors := int(d.Device&0xf)+1, int(d.Count.Now)
	if sectors == 0 {
		d.fail(ErrorABRT)
		return
	}
	d.settings.Heads, d.settings.Sectors = heads, sectors
	d.settings.Cylinders = int(min(d.total()/uint64(heads*sectors), 65535))
	d.finish(true)
}

// readMax is READ NATIVE MAX ADDRESS (EXT).
func (d *Device) readMax() {
	last := max(d.total(), 1) - 1
	if d.cmd == CmdReadMax {
		last = min(last, 1<<28-1)
	}
	d.setLBA(last, d.cmd == CmdReadMaxExt)
	d.finish(true)
}

// Subcommands of SET FEATURES.
const (
	featWriteCacheOn  = 0x02
	featTransferMode  = 0x03
	featAPMOn         = 0x05
	featReadAheadOff  = 0x55
	featKeepOn        = 0x66
	featWriteCacheOff = 0x82
	featAPMOff        = 0x85
	featReadAheadOn   = 0xaa
	featKeepOff       = 0xcc
)

// Transfer modes: the upper five bits.
const (
	modePIO      = 0x00
	modePIOFlow  = 0x08
	modeMultiDMA = 0x20
	modeUDMA     = 0x40
)

func (d *Device) setFeatures() {
	s := &d.settings
	switch d.Features.Now {
	case featWriteCacheOn:
		s.WriteCache = true
	case featWriteCacheOff: // what is in the cache goes to the medium
		s.WriteCache = false
		d.flush()
		return
	case featReadAheadOn:
		s.ReadAhead = true
	case featReadAheadOff:
		s.ReadAhead = false
	case featAPMOn:
		s.APM = d.Count.Now
	case featAPMOff:
		s.APM = 0
	case featKeepOn, featKeepOff:
	case featTransferMode:
		m := d.Count.Now
		switch {
		case m&^1 == modePIO, m&^7 == modePIOFlow && m&7 <= 4: // no register tells
		case m&^7 == modeMultiDMA && m&7 <= 2, m&^7 == modeUDMA && m&7 <= 5:
			s.DMAMode = m
		default:
			d.fail(ErrorABRT)
			return
		}
	default:
		d.fail(ErrorABRT)
		return
	}
	d.finish(true)
}
