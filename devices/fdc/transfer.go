package fdc

// host waits for the host to take or give n bytes.
func (c *Controller) host(n int) {
	o := &c.s.Op
	o.Stage, o.Pos, o.Len = stageHost, 0, n
	if c.pio() {
		c.interrupt()
		return
	}
	c.request()
}

// request drives DREQ while the host is waited for.
func (c *Controller) request() {
	want := c.s.Phase == phaseExecute && c.s.Op.Stage == stageHost && !c.pio() && c.s.DOR&dorGate != 0
	c.dma.SetDREQ(DMAChannel, want)
	if want {
		c.serve()
	}
}

// window is the host's end of the transfer.
func (o *Operation) window() []uint8 {
	if o.scans() || o.Code == opFormat {
		return o.Host[:o.Len]
	}
	return o.Data[:o.Len]
}

// serve moves data by DMA as far as the channel goes.
func (c *Controller) serve() {
	o := &c.s.Op
	if c.s.Phase != phaseExecute || o.Stage != stageHost || c.pio() {
		return
	}
	var n int
	p := o.window()[o.Pos:]
	if o.toHost() {
		n, o.TC = c.dma.Write(DMAChannel, p)
	} else {
		n, o.TC = c.dma.Read(DMAChannel, p)
	}
	if o.Pos += n; o.Pos == o.Len || o.TC {
		c.dma.SetDREQ(DMAChannel, false)
		c.moved()
	}
}

// pioRead is a byte for the host.
func (c *Controller) pioRead() uint8 {
	o := &c.s.Op
	if o.Stage != stageHost || !c.pio() || !o.toHost() {
		return 0xff
	}
	v := o.window()[o.Pos]
	c.pioNext()
	return v
}

// pioWrite is a byte from the host.
func (c *Controller) pioWrite(v uint8) {
	o := &c.s.Op
	if o.Stage != stageHost || !c.pio() || o.toHost() {
		return
	}
	o.window()[o.Pos] = v
	c.pioNext()
}

// pioNext counts a byte. The interrupt comes anew for each byte, or each load of the FIFO.
func (c *Controller) pioNext() {
	o := &c.s.Op
	o.Pos++
	load := 1
	if c.s.Config&cfgNoFIFO == 0 {
		load = 16 - int(c.s.Config&cfgThresh)
	}
	if o.Pos%load == 0 || o.Pos == o.Len {
		c.s.IRQ = false
		c.drive()
	}
	if o.Pos == o.Len {
		c.moved()
	} else if !c.s.IRQ {
		c.interrupt()
	}
}

// moved goes on when the host has had its data, all of it or up to the terminal count.
func (c *Controller) moved() {
	o := &c.s.Op
	switch {
	case o.Code == opFormat:
		c.formatSector()
	case o.writes():
		clear(o.Data[o.Pos:]) // the rest of the sector is zeros
		o.Started = c.clock.Now()
		c.submit()
	case o.scans():
		c.scan()
	default:
		c.next()
	}
}

// passed goes on when a sector has been read or written.
func (c *Controller) passed() {
	o := &c.s.Op
	if o.OtherMark {
		o.ST2 |= st2Control
	}
	switch {
	case o.Code == opFormat:
		c.formatNext()
	case o.Code == opVerify, o.writes(), o.OtherMark && o.SK: // which is skipped
		c.next()
	default:
		c.host(SectorSize)
	}
}

// next goes to the next sector, or ends the command, with the sector that would be next in the result (data sheet, "Result Phase Table").
func (c *Controller) next() {
	o := &c.s.Op
	if o.OtherMark && !o.SK {
		c.finish(0, o.ST1, o.ST2)
		return
	}
	if o.Code == opReadTrack {
		c.nextOfTrack()
		return
	}
	last := o.R == o.EOT
	switch step := uint8(1); {
	case !last:
		if o.scans() && o.DTL == 2 { // STP
			step = 2
		}
		o.R += step
	case o.MT && o.H&1 == 0:
		o.H, o.Side, o.R, last = o.H^1, 1, 1, false
	default:
		o.C, o.R = o.C+1, 1
		if o.MT {
			o.H ^= 1
		}
	}
	if o.counted() {
		if o.Left--; o.Left == 0 {
			c.finish(0, o.ST1, o.ST2)
			return
		}
	}
	switch {
	case o.TC:
		c.finish(0, o.ST1, o.ST2)
	case last && o.Code == opVerify && o.Left == 0, last && o.scans():
		c.finish(0, o.ST1, o.ST2)
	case last:
		c.finish(st0Abnormal, o.ST1|st1EndCylinder, o.ST2)
	case o.Code == opWrite || o.Code == opWriteDeleted:
		if c.search() {
			c.host(SectorSize)
		}
	default:
		c.fetch()
	}
}

// nextOfTrack goes on with READ TRACK.
func (c *Controller) nextOfTrack() {
	o := &c.s.Op
	o.R++
	o.Left--
	switch {
	case o.TC:
		c.finish(0, o.ST1, o.ST2)
	case o.Left == 0:
		c.finish(st0Abnormal, o.ST1|st1EndCylinder, o.ST2)
	default:
		c.fetch()
	}
}

// scan compares the sector with the host's bytes, of which FFh fits anything.
func (c *Controller) scan() {
	o := &c.s.Op
	less, greater := false, false // of the disk's bytes
	for i, h := range o.Host[:o.Pos] {
		if d := o.Data[i]; h != 0xff && d != 0xff {
			less, greater = less || d < h, greater || d > h
		}
	}
	met := !less && !greater
	switch o.ST2 &^= st2ScanEqual | st2ScanFailed; {
	case met:
		o.ST2 |= st2ScanEqual
	case o.Code == opScanLow:
		met = !greater
	case o.Code == opScanHigh:
		met = !less
	}
	if met {
		c.finish(0, o.ST1, o.ST2)
		return
	}
	o.ST2 |= st2ScanFailed
	c.next()
}

// formatSector writes a sector with the ID that the host gave.
func (c *Controller) formatSector() {
	o := &c.s.Op
	if o.Pos < o.Len {
		c.finish(0, 0, 0)
		return
	}
	o.C, o.H, o.R, o.N = o.Host[0], o.Host[1], o.Host[2], o.Host[3]
	if c.search() {
		o.Started = c.clock.Now()
		c.submit()
	}
}

// formatNext asks for the next sector's ID.
func (c *Controller) formatNext() {
	o := &c.s.Op
	if o.Left--; o.Left <= 0 || o.TC {
		c.finish(0, 0, 0)
		return
	}
	c.host(4)
}
