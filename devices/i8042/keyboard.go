package i8042

import "goemu/devices"

// Commands of the keyboard.
const (
	kbdLEDs     = 0xed
	kbdEcho     = 0xee
	kbdSet      = 0xf0
	kbdID       = 0xf2
	kbdRate     = 0xf3
	kbdOn       = 0xf4
	kbdOff      = 0xf5
	kbdDefaults = 0xf6
	kbdAllTypes = 0xf7 // to FAh: type of all keys, set 3 only
	kbdKeyTypes = 0xfb // to FDh: type of single keys, set 3 only
	kbdResend   = 0xfe
	kbdReset    = 0xff
)

// Answers of both devices.
const (
	ack        = 0xfa
	resend     = 0xfe
	testPassed = 0xaa
)

// Types of a key in set 3: what it sends beside the make code.
const (
	typeBreak  = 1 << 0
	typeRepeat = 1 << 1
)

const (
	queueSize   = 16
	defaultRate = 0x2b // 500 ms, 10.9 characters a second
)

// Queue is a device's output: answers to commands first, then what it has to tell.
type Queue struct {
	Answers  [8]uint8
	NAnswers int
	Data     [queueSize]uint8
	NData    int
	Last     uint8 // for resend
}

func (q *Queue) valid() bool {
	return q.NAnswers >= 0 && q.NAnswers <= len(q.Answers) && q.NData >= 0 && q.NData <= queueSize
}

func (q *Queue) ready() bool { return q.NAnswers+q.NData > 0 }

func (q *Queue) take() uint8 {
	if q.NAnswers > 0 {
		q.Last = q.Answers[0]
		copy(q.Answers[:], q.Answers[1:])
		q.NAnswers--
	} else {
		q.Last = q.Data[0]
		copy(q.Data[:], q.Data[1:])
		q.NData--
	}
	return q.Last
}

func (q *Queue) answer(p ...uint8) {
	n := copy(q.Answers[q.NAnswers:], p)
	q.NAnswers += n
}

// put queues a whole sequence; it reports false when there is no room.
func (q *Queue) put(p []uint8) bool {
	if q.NData+len(p) > queueSize {
		return false
	}
	q.NData += copy(q.Data[q.NData:], p)
	return true
}

// KeyboardState is the saved state of the keyboard.
type KeyboardState struct {
	Queue    Queue
	Set      uint8 // scan code set, 1 to 3
	Scanning bool
	LEDs     uint8 // bit 0 scroll, 1 num, 2 caps
	Rate     uint8 // typematic rate and delay
	Pending  uint8 // command that waits for its operand
	Down     [256]bool
	Types    [256]uint8 // set 3, by make code
	Repeat   Key        // the key that repeats, 0: none
	RepeatAt int64      // ns
}

func (s *KeyboardState) valid() bool { return s.Queue.valid() }

// Keyboard is a PS/2 keyboard.
type Keyboard struct {
	s      *KeyboardState
	clock  devices.Clock
	timer  devices.Timer
	notify func()

	// OnLEDs, if set, is called when the guest sets the lamps: bit 0 scroll lock, 1 num lock, 2 caps lock.
	OnLEDs func(leds uint8)
}

func newKeyboard(s *KeyboardState, clock devices.Clock, notify func()) *Keyboard {
	k := &Keyboard{s: s, clock: clock, notify: notify}
	k.timer = clock.NewTimer(k.repeat)
	return k
}

func (k *Keyboard) ready() bool { return k.s.Queue.ready() }
func (k *Keyboard) take() uint8 { return k.s.Queue.take() }

// Idle tells whether the controller has taken all that the keyboard had to say.
func (k *Keyboard) Idle() bool { return !k.ready() }

// LEDs are the lamps that are lit: bit 0 scroll lock, 1 num lock, 2 caps lock.
func (k *Keyboard) LEDs() uint8 { return k.s.LEDs }

// reset is power-on: defaults, scanning.
func (k *Keyboard) reset() {
	k.defaults()
	k.s.Queue = Queue{}
	k.s.Scanning = true
	k.s.LEDs, k.s.Pending = 0, 0
	k.s.Down = [256]bool{}
}

// defaults sets rate, key types and scan code set to those after power-on.
func (k *Keyboard) defaults() {
	k.s.Set, k.s.Rate = 2, defaultRate
	k.s.Queue.NData = 0
	k.stopRepeat()
	for i := range k.s.Types {
		k.s.Types[i] = typeRepeat
	}
	for _, code := range [...]uint8{0x11, 0x12, 0x14, 0x19, 0x59} { // Ctrl, Shift, CapsLock, Alt, Shift
		k.s.Types[code] = typeBreak
	}
}

// Key presses or releases a key. Pressing a key that is down does nothing: the keyboard repeats by itself.
func (k *Keyboard) Key(key Key, down bool) {
	if k.s.Down[key] == down {
		return
	}
	k.s.Down[key] = down
	if !k.s.Scanning {
		return
	}
	k.send(key, down)
	switch {
	case down && k.repeats(key):
		k.s.Repeat = key
		k.s.RepeatAt = k.clock.Now() + int64(1+k.s.Rate>>5&3)*250_000_000
		k.timer.At(k.s.RepeatAt)
	case down || key == k.s.Repeat:
		k.stopRepeat()
	}
	k.notify()
}

func (k *Keyboard) repeats(key Key) bool {
	if k.s.Set == 3 {
		return k.s.Types[set3[key]]&typeRepeat != 0
	}
	return key != KeyPause
}

func (k *Keyboard) stopRepeat() {
	k.s.Repeat = 0
	k.timer.Stop()
}

func (k *Keyboard) arm() {
	if k.s.Repeat != 0 {
		k.timer.At(k.s.RepeatAt)
	} else {
		k.timer.Stop()
	}
}

// repeat sends the key's make code again. The period is (8 + bits 2..0) * 2^(bits 4..3) * 4.17 ms.
func (k *Keyboard) repeat() {
	if k.s.Repeat == 0 {
		return
	}
	k.send(k.s.Repeat, true)
	period := int64(8+k.s.Rate&7) << (k.s.Rate >> 3 & 3) * 4_170_000
	k.s.RepeatAt = k.clock.Now() + period
	k.arm()
	k.notify()
}

// send queues a make or break code. What does not fit is replaced by the overrun code.
func (k *Keyboard) send(key Key, down bool) {
	var buf [3]uint8
	p := buf[:0]
	switch k.s.Set {
	case 3:
		code := set3[key]
		if code == 0 || !down && k.s.Types[code]&typeBreak == 0 {
			return
		}
		if !down {
			p = append(p, breakPrefix)
		}
		p = append(p, code)
	default:
		sys := key == KeyPrint && (k.s.Down[keyLAlt] || k.s.Down[keyRAlt])
		if seq, ok := special(key, k.s.Set, down); ok && !sys {
			k.put(seq)
			return
		}
		one := uint8(key) & 0x7f
		switch {
		case sys: // Alt+Print is SysRq
			one = 0x54
		case key >= 0x80:
			p = append(p, extendedPrefix)
		}
		switch {
		case k.s.Set == 1 && down:
			p = append(p, one)
		case k.s.Set == 1:
			p = append(p, one|0x80)
		case set2[one] == 0:
			return
		case down:
			p = append(p, set2[one])
		default:
			p = append(p, breakPrefix, set2[one])
		}
	}
	k.put(p)
}

func (k *Keyboard) put(p []uint8) {
	q := &k.s.Queue
	if len(p) == 0 || q.put(p) {
		return
	}
	overrun := uint8(0)
	if k.s.Set == 1 {
		overrun = 0xff
	}
	q.NData = min(q.NData, queueSize-1)
	q.Data[q.NData] = overrun
	q.NData++
}

// write takes a byte from the controller.
func (k *Keyboard) write(b uint8) {
	q := &k.s.Queue
	if p := k.s.Pending; p != 0 && b < kbdLEDs {
		k.s.Pending = 0
		k.operand(p, b)
		return
	}
	k.s.Pending = 0
	switch {
	case b == kbdLEDs, b == kbdSet, b == kbdRate:
		k.s.Pending = b
		q.answer(ack)
	case b == kbdEcho:
		q.answer(kbdEcho)
	case b == kbdID:
		q.answer(ack, 0xab, 0x83)
	case b == kbdOn:
		q.NData = 0
		k.s.Scanning = true
		q.answer(ack)
	case b == kbdOff, b == kbdDefaults:
		k.defaults()
		k.s.Scanning = b == kbdDefaults
		q.answer(ack)
	case b >= kbdAllTypes && b < kbdKeyTypes:
		for i := range k.s.Types {
			k.s.Types[i] = keyTypes[b-kbdAllTypes]
		}
		q.answer(ack)
	case b >= kbdKeyTypes && b < kbdResend:
		k.s.Pending = b
		q.answer(ack)
	case b == kbdResend:
		q.answer(q.Last)
	case b == kbdReset:
		k.reset()
		k.leds(0)
		q.answer(ack, testPassed)
	default:
		q.answer(resend)
	}
}

// keyTypes are the types that commands F7h to FAh give to all keys.
var keyTypes = [4]uint8{typeRepeat, typeBreak, 0, typeRepeat | typeBreak}

// operand is the byte after a command.
func (k *Keyboard) operand(cmd, b uint8) {
	q := &k.s.Queue
	switch cmd {
	case kbdLEDs:
		k.leds(b & 7)
	case kbdRate:
		k.s.Rate = b & 0x7f
	case kbdSet:
		if b > 3 {
			q.answer(resend)
			return
		}
		if b == 0 {
			q.answer(ack, k.s.Set)
			return
		}
		q.NData = 0
		k.stopRepeat()
		k.s.Set = b
	default:
		k.s.Types[b] = keyTypes[cmd-kbdKeyTypes]
		k.s.Pending = cmd // more keys may follow
	}
	q.answer(ack)
}

func (k *Keyboard) leds(v uint8) {
	if v != k.s.LEDs && k.OnLEDs != nil {
		k.OnLEDs(v)
	}
	k.s.LEDs = v
}
