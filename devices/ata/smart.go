package ata

// Subcommands of SMART, in Features, and the signature in LBA mid and high.
const (
	smartReadData       = 0xd0
	smartReadThresholds = 0xd1
	smartAutosave       = 0xd2
	smartReadLog        = 0xd5
	smartEnable         = 0xd8
	smartDisable        = 0xd9
	smartStatus         = 0xda
	smartMid            = 0x4f
	smartHigh           = 0xc2
)

// Addresses of logs.
const (
	logDirectory  = 0x00
	logSummary    = 0x01 // of errors, by SMART READ LOG
	logSelfTest   = 0x06
	logQueueError = 0x10 // by READ LOG EXT
)

// smart is SMART: the disk is well, and has no attributes.
func (d *Device) smart() {
	sub := d.Features.Now
	if d.LBAMid.Now != smartMid || d.LBAHigh.Now != smartHigh || d.settings.SMARTOff && sub != smartEnable {
		d.fail(ErrorABRT)
		return
	}
	switch sub {
	case smartEnable, smartDisable:
		d.settings.SMARTOff = sub == smartDisable
		d.finish(true)
	case smartAutosave:
		d.finish(true)
	case smartStatus: // the signature as it is: no threshold is exceeded
		d.finish(true)
	case smartReadData, smartReadThresholds:
		p := d.clean()
		p[0] = 0x10 // revision of the structure
		d.sendSum(p)
	case smartReadLog:
		if d.Count.Now != 1 {
			d.fail(ErrorABRT)
			return
		}
		p := d.clean()
		switch d.LBALow.Now {
		case logDirectory:
			p[0] = 1
			p[2*logSummary], p[2*logSelfTest] = 1, 1
			d.send(p)
		case logSummary, logSelfTest:
			p[0] = 1
			d.sendSum(p)
		default:
			d.fail(ErrorABRT)
		}
	default:
		d.fail(ErrorABRT)
	}
}

// clean is the first 512 bytes of the buffer, all 0.
func (d *Device) clean() []byte {
	p := d.buf[:logSector]
	clear(p)
	return p
}

// send transfers a structure in the buffer.
func (d *Device) send(p []byte) {
	d.blocks = logSector
	d.transfer(len(p), true, !d.dma, stepDone)
}

// sendSum transfers one whose last byte makes the sum of all bytes 0.
func (d *Device) sendSum(p []byte) {
	sum := byte(0)
	for _, b := range p[:len(p)-1] {
		sum += b
	}
	p[len(p)-1] = -sum
	d.send(p)
}

// readLog is READ LOG EXT and READ LOG DMA EXT. Reading the log of queued errors ends the state that the error left.
func (d *Device) readLog() {
	count := int(d.Count.Now) | int(d.Count.Prev)<<8
	page := int(d.LBAMid.Now) | int(d.LBAMid.Prev)<<8
	d.dma = d.cmd == CmdReadLogDMAExt
	if count != 1 || page != 0 {
		d.fail(ErrorABRT)
		return
	}
	switch log := d.LBALow.Now; {
	case log == logDirectory:
		p := d.clean()
		p[0] = 1
		if d.queue != nil {
			p[2*logQueueError] = 1
		}
		d.send(p)
	case log == logQueueError && d.queue != nil:
		p := d.clean()
		d.queue.log(p)
		d.sendSum(p)
	default:
		d.fail(ErrorABRT)
	}
}
