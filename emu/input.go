package emu

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"goemu/devices"
	"goemu/devices/i8042"
)

const (
	keyHold    = 100 * time.Millisecond // how long keys are down, of guest time, where nobody says otherwise
	keyUnread  = time.Second            // how long keys wait for a guest that does not read the keyboard
	maxStrokes = 4096                   // that may wait
)

// stroke is keys that go down together, and how long they stay down.
type stroke struct {
	keys []i8042.Key
	hold int64 // ns
}

// typist plays strokes on the keyboard, one after the other, in guest time.
type typist struct {
	mu     sync.Mutex
	queue  []stroke // not yet begun
	active bool     // somebody plays them

	timer devices.Timer
	down  *stroke
	since int64 // when the keys of down were pressed, or the next stroke was due
}

// SendKey presses keys together, holds them for a time of the guest's (0: 100 ms), and lets go. Names are joined by "-" and are
// those of QEMU's sendkey: "ctrl-alt-delete", "a", "0x1c". Strokes are played in the order of the calls; any goroutine may call it.
func (m *Machine) SendKey(keys string, hold time.Duration) error {
	s := stroke{hold: int64(hold)}
	if s.hold <= 0 {
		s.hold = int64(keyHold)
	}
	for _, name := range strings.Split(keys, "-") {
		k, ok := i8042.KeyByName(name)
		if !ok {
			return fmt.Errorf("key %q of %q is not known", name, keys)
		}
		s.keys = append(s.keys, k)
	}
	t := &m.typist
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) >= maxStrokes {
		return fmt.Errorf("key %q: %d strokes wait already", keys, maxStrokes)
	}
	t.queue = append(t.queue, s)
	if !t.active {
		t.active = true
		m.post(m.beginTyping)
	}
	return nil
}

func (m *Machine) beginTyping() {
	t := &m.typist
	if t.timer == nil {
		t.timer = m.clock.NewTimer(m.typing)
	}
	t.since = m.clock.Now()
	m.board.PressKey()
	m.typing()
}

// typing does what is due: keys go up after their hold, the next go down as long after that, when the guest has read the ones before.
func (m *Machine) typing() {
	t, k, now := &m.typist, m.board.KBC.Keyboard, m.clock.Now()
	if t.down != nil {
		for _, key := range slices.Backward(t.down.keys) {
			k.Key(key, false)
		}
		t.since = now + t.down.hold
		t.timer.At(t.since)
		t.down = nil
		return
	}
	if !k.Idle() && now < t.since+int64(keyUnread) {
		t.timer.At(now + int64(5*time.Millisecond))
		return
	}
	s, ok := t.next()
	if !ok {
		return
	}
	for _, key := range s.keys {
		k.Key(key, true)
	}
	t.down = &s
	t.timer.At(now + s.hold)
}

func (t *typist) next() (s stroke, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		t.active = false
		return s, false
	}
	s = t.queue[0]
	t.queue = t.queue[1:]
	return s, true
}

// KeyState presses a key or lets it go, by its name; any goroutine may call it.
func (m *Machine) KeyState(name string, down bool) error {
	k, ok := i8042.KeyByName(name)
	if !ok {
		return fmt.Errorf("key %q is not known", name)
	}
	m.post(func() { m.board.KBC.Keyboard.Key(k, down) })
	return nil
}

// MouseMove moves the mouse by dx to the right and dy downwards, and turns its wheel by dz towards the user; any goroutine may call it.
func (m *Machine) MouseMove(dx, dy, dz int) {
	m.post(func() { m.board.KBC.Mouse.Move(dx, -dy, dz) })
}

// MouseButtons sets which buttons are down: i8042.ButtonLeft and so on, together; any goroutine may call it.
func (m *Machine) MouseButtons(buttons uint8) {
	m.post(func() { m.board.KBC.Mouse.SetButtons(buttons) })
}
