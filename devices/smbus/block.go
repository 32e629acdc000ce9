package smbus

// block is the block protocol: a count in DATA0 and up to 32 bytes.
func (h *Host) block(s Slave, read bool) (ok bool) {
	n := &h.s.Regs[regData0]
	cmd := h.s.Regs[regCommand]
	if read {
		if !h.write(s, cmd) {
			return false
		}
		s.Read(h.s.Buf[:1])
		*n = h.s.Buf[0]
	}
	if *n == 0 || *n > blockSize {
		return false
	}
	h.s.Index = 0
	switch {
	case !h.buffered():
		h.stream(*n)
		return true
	case read:
		s.Read(h.s.Block[:*n])
		return true
	}
	h.s.Buf[0], h.s.Buf[1] = cmd, *n
	copy(h.s.Buf[2:], h.s.Block[:*n])
	return s.Write(h.s.Buf[:2+*n])
}

// stream begins a block that goes byte by byte: each waits for software to clear BYTE_DONE. n is its length, 0 until ctlLast says so.
func (h *Host) stream(n uint8) {
	h.s.Stream, h.s.Sent, h.s.Length, h.s.LastByte = true, 0, n, false
	h.in(byteTime)
}

// streamByte moves a byte, or ends the block after the last one.
func (h *Host) streamByte(slave Slave, read bool) {
	s := &h.s
	if s.Control&ctlProtocol == protoI2CRead {
		read = true
	}
	if s.LastByte {
		status := uint8(stsDone)
		if !read && !slave.Write(h.s.Buf[:2+s.Sent]) {
			status = stsDevErr
		}
		h.end(status)
		return
	}
	if read {
		slave.Read(s.Block[:1])
	} else {
		if s.Sent == 0 {
			h.s.Buf[0], h.s.Buf[1] = s.Regs[regCommand], s.Regs[regData0]
		}
		h.s.Buf[2+s.Sent] = s.Block[0]
	}
	if s.Sent++; s.Length == 0 {
		s.LastByte = s.Control&ctlLast != 0
		s.Sent = 0
	} else {
		s.LastByte = s.Sent >= s.Length
	}
	s.Status |= stsByteDone
	h.update()
}
