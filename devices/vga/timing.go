package vga

// Bits of input status 1.
const (
	statusBlank   = 1 << 0 // no display: horizontal or vertical blanking or retrace
	statusRetrace = 1 << 3 // vertical retrace
)

// timing says how guest time relates to the beam: a frame begins at each multiple of its duration.
type timing struct {
	frame        int64 // duration, ns
	lines        int64 // of a frame
	shown        int64 // lines of these that are displayed
	sync, synced int64 // vertical retrace is from line sync to line synced
	visible      int64 // part of a line that is displayed, of 1024
}

// defaults are 640x400 at 70 Hz: for registers that describe no frame.
var defaults = timing{frame: 14_268_000, lines: 449, shown: 400, sync: 412, synced: 414, visible: 819}

// dotClocks are the adapter's two crystals, in Hz.
var dotClocks = [4]int64{25_175_000, 28_322_000, 25_175_000, 25_175_000}

const second = 1_000_000_000

// vertical puts a 10-bit number of the CRT controller together: its register and the places of bits 8 and 9 in crtcOverflow.
func (v *VGA) vertical(reg int, bit8, bit9 uint) int {
	o := int(v.s.CRTC[crtcOverflow])
	return int(v.s.CRTC[reg]) | o>>bit8&1<<8 | o>>bit9&1<<9
}

// retime works the timing out of the registers.
func (v *VGA) retime() {
	s := &v.s
	if v.dispiOn() { // no timing is programmed: 60 Hz with the blanking that monitors like
		h := int64(s.Dispi[dispiYRes])
		v.timing = timing{frame: second / 60, lines: h + h/20 + 4, shown: h, sync: h + 1, synced: h + 4, visible: 819}
		return
	}
	dots := int64(8)
	if s.Seq[seqClock]&seqClock8 == 0 {
		dots = 9
	}
	clock := dotClocks[s.Misc&miscClock>>2]
	if s.Seq[seqClock]&seqClockHalf != 0 {
		clock /= 2
	}
	chars := int64(s.CRTC[crtcTotal]) + 5
	t := timing{lines: int64(v.vertical(crtcVTotal, 0, 5)) + 2, shown: int64(v.vertical(crtcVDisplay, 1, 6)) + 1}
	t.sync = int64(v.vertical(crtcVRetrace, 2, 7))
	t.synced = t.sync + max((int64(s.CRTC[crtcVRetEnd])-t.sync)&15, 1)
	t.frame = chars * dots * t.lines * second / clock
	t.visible = (int64(s.CRTC[crtcDisplayEnd]) + 1) * 1024 / chars
	if t.frame < second/1000 || t.shown >= t.lines || t.sync >= t.lines || t.visible >= 1024 {
		t = defaults
	}
	v.timing = t
}

// status1 is input status 1 at this moment.
func (v *VGA) status1() uint8 {
	at := v.clock.Now() % v.frame * v.lines
	line, x := at/v.frame, at%v.frame*1024/v.frame
	var b uint8
	if line >= v.shown || x >= v.visible {
		b |= statusBlank
	}
	if line >= v.sync && line < v.synced {
		b |= statusRetrace
	}
	return b
}
