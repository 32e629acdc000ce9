package i8042

// Commands of the mouse.
const (
	mouseScale11  = 0xe6
	mouseScale21  = 0xe7
	mouseRes      = 0xe8
	mouseStatus   = 0xe9
	mouseStream   = 0xea
	mouseRead     = 0xeb
	mouseUnwrap   = 0xec
	mouseWrap     = 0xee
	mouseRemote   = 0xf0
	mouseID       = 0xf2
	mouseRate     = 0xf3
	mouseOn       = 0xf4
	mouseOff      = 0xf5
	mouseDefaults = 0xf6
)

// Buttons of a mouse.
const (
	ButtonLeft = 1 << iota
	ButtonRight
	ButtonMiddle
	Button4
	Button5
)

// MouseState is the saved state of the mouse.
type MouseState struct {
	Queue      Queue
	ID         uint8 // 0, 3 with a wheel, 4 with five buttons too
	On         bool
	Remote     bool
	Wrap       bool
	Scale21    bool
	Resolution uint8
	Rate       uint8 // samples a second; stored
	Rates      [3]uint8
	Pending    uint8
	Buttons    uint8
	DX, DY, DZ int32 // movement not yet told; Y grows upwards
	Changed    bool  // something is to be told
}

// scale21 is the 2:1 scaling of stream mode.
func scale21(v int32) int32 {
	small := [6]int32{0, 1, 1, 3, 6, 9}
	switch {
	case v < 0:
		return -scale21(-v)
	case int(v) < len(small):
		return small[v]
	}
	return 2 * v
}

func (s *MouseState) valid() bool { return s.Queue.valid() }

// Mouse is a PS/2 mouse with the wheel and five-button extensions.
type Mouse struct {
	s      *MouseState
	notify func()
}

func newMouse(s *MouseState, notify func()) *Mouse { return &Mouse{s, notify} }

// ready tells whether there is a byte to take; packets are made when they can be sent.
func (m *Mouse) ready() bool {
	if !m.s.Queue.ready() && m.s.On && !m.s.Remote && m.s.Changed {
		m.packet(m.s.Scale21)
	}
	return m.s.Queue.ready()
}

// Idle tells whether the controller has taken all that the mouse had to say; what a mouse has that is off is nothing.
func (m *Mouse) Idle() bool { return !m.s.On || m.s.Remote || !m.ready() }

func (m *Mouse) take() uint8 { return m.s.Queue.take() }

func (m *Mouse) reset() {
	*m.s = MouseState{Buttons: m.s.Buttons}
	m.defaults()
}

func (m *Mouse) defaults() {
	s := m.s
	s.On, s.Remote, s.Wrap, s.Scale21 = false, false, false, false
	s.Resolution, s.Rate = 2, 100
	s.DX, s.DY, s.DZ, s.Changed = 0, 0, 0, false
	s.Queue.NData = 0
}

// Move moves the mouse by dx to the right, dy upwards, and its wheel by dz towards the user.
func (m *Mouse) Move(dx, dy, dz int) {
	const limit = 1 << 20 // what is more than that nobody can follow
	s := m.s
	s.DX = clamp(s.DX+clamp(int32(dx), limit), limit)
	s.DY = clamp(s.DY+clamp(int32(dy), limit), limit)
	s.DZ = clamp(s.DZ+clamp(int32(dz), limit), limit)
	s.Changed = true
	m.notify()
}

// SetButtons sets the state of all buttons.
func (m *Mouse) SetButtons(buttons uint8) {
	if m.s.Buttons != buttons {
		m.s.Buttons = buttons
		m.s.Changed = true
		m.notify()
	}
}

func clamp(v, limit int32) int32 { return max(min(v, limit), -limit) }

// packet queues one report of at most 255 steps; the rest stays for the next.
func (m *Mouse) packet(scaled bool) {
	s := m.s
	limit := int32(255)
	if scaled {
		limit /= 2
	}
	dx, dy, dz := clamp(s.DX, limit), clamp(s.DY, limit), clamp(s.DZ, 7)
	s.DX, s.DY, s.DZ = s.DX-dx, s.DY-dy, s.DZ-dz
	if scaled {
		dx, dy = scale21(dx), scale21(dy)
	}
	p := [4]uint8{s.Buttons&7 | 8, uint8(dx), uint8(dy)}
	if dx < 0 {
		p[0] |= 0x10
	}
	if dy < 0 {
		p[0] |= 0x20
	}
	n := 3
	switch s.ID {
	case 3:
		p[3], n = uint8(dz), 4
	case 4:
		p[3], n = uint8(dz)&0xf|s.Buttons&(Button4|Button5)<<1, 4
	default:
		s.DZ = 0
	}
	s.Queue.put(p[:n])
	s.Changed = s.DX|s.DY|s.DZ != 0
}

// status is the answer to the status request.
func (m *Mouse) status() uint8 {
	s := m.s
	v := s.Buttons&ButtonRight>>1 | s.Buttons&ButtonMiddle>>1 | s.Buttons&ButtonLeft<<2 // bits 0 right, 1 middle, 2 left
	if s.Scale21 {
		v |= 0x10
	}
	if s.On {
		v |= 0x20
	}
	if s.Remote {
		v |= 0x40
	}
	return v
}

// write takes a byte from the controller.
func (m *Mouse) write(b uint8) {
	s := m.s
	q := &s.Queue
	if s.Wrap && b != kbdReset && b != mouseUnwrap {
		q.answer(b)
		return
	}
	p := s.Pending
	s.Pending = 0
	if p != 0 && b < mouseScale11 {
		m.operand(p, b)
		return
	}
	switch b {
	case mouseScale11, mouseScale21:
		s.Scale21 = b == mouseScale21
		q.answer(ack)
	case mouseRes, mouseRate:
		s.Pending = b
		q.answer(ack)
	case mouseStatus:
		q.answer(ack, m.status(), s.Resolution, s.Rate)
	case mouseStream, mouseUnwrap:
		s.Remote, s.Wrap = s.Remote && b != mouseStream, false
		q.answer(ack)
	case mouseRead:
		q.NData = 0
		q.answer(ack)
		m.packet(false)
	case mouseWrap:
		s.Wrap = true
		q.answer(ack)
	case mouseRemote:
		s.Remote = true
		q.answer(ack)
	case mouseID:
		q.answer(ack, s.ID)
	case mouseOn, mouseOff:
		s.On = b == mouseOn
		q.NData = 0
		q.answer(ack)
	case mouseDefaults:
		m.defaults()
		q.answer(ack)
	case kbdResend:
		q.answer(q.Last)
	case kbdReset:
		m.reset()
		q.answer(ack, testPassed, 0)
	default:
		q.answer(resend)
	}
}

// operand is the byte after a command. Certain sequences of rates turn on the extensions.
func (m *Mouse) operand(cmd, b uint8) {
	s := m.s
	if cmd == mouseRes {
		s.Resolution = b & 3
		s.Queue.answer(ack)
		return
	}
	s.Rate = b
	s.Rates = [3]uint8{s.Rates[1], s.Rates[2], b}
	switch {
	case s.Rates == [3]uint8{200, 100, 80}:
		s.ID = 3
	case s.Rates == [3]uint8{200, 200, 80} && s.ID == 3:
		s.ID = 4
	}
	s.Queue.answer(ack)
}
