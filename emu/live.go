package emu

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"goemu/devices"
	"goemu/devices/i8042"
	"goemu/devices/vga"
	"goemu/emu/inspect"
)

const (
	maxLiveKeys  = 256 // that go down and wait; each may come up too
	maxLiveMoves = 64  // states of the mouse that wait
	livePace     = int64(time.Millisecond)
)

type liveKey struct {
	key  i8042.Key
	down bool
}

type liveMove struct {
	dx, dy, dz int
	buttons    uint8
}

// live plays keys and the mouse as they happen elsewhere, not faster than the guest reads: nothing is lost of what a program types at once.
type live struct {
	mu      sync.Mutex
	keys    []liveKey
	downs   int       // of keys, those that go down
	held    [256]bool // as it will be when all of keys is played
	moves   []liveMove
	buttons uint8 // as they will be
	active  bool  // somebody plays

	timer         devices.Timer
	keyAt, moveAt int64 // when the last were played

	remote atomic.Pointer[RemoteDisplay]
}

// Press presses a key or lets it go. The guest gets keys in the order of the calls, as fast as it reads them; if it does not, those beyond 256 are lost.
// Any goroutine may call it.
func (m *Machine) Press(k i8042.Key, down bool) {
	l := &m.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[k] == down || down && l.downs >= maxLiveKeys {
		return
	}
	l.held[k] = down
	if down {
		l.downs++
	}
	l.keys = append(l.keys, liveKey{k, down})
	m.beginLive()
}

// Point moves the mouse as MouseMove does, and then sets its buttons as MouseButtons does. Clicks that the guest has not read wait;
// beyond 64 the last state of the buttons counts. Any goroutine may call it.
func (m *Machine) Point(dx, dy, dz int, buttons uint8) {
	l := &m.live
	l.mu.Lock()
	defer l.mu.Unlock()
	if dx|dy|dz == 0 && buttons == l.buttons {
		return
	}
	n := len(l.moves)
	if n > 0 && (l.moves[n-1].buttons == buttons || n >= maxLiveMoves) {
		last := &l.moves[n-1]
		*last = liveMove{bounded(last.dx + dx), bounded(last.dy + dy), bounded(last.dz + dz), buttons}
	} else {
		l.moves = append(l.moves, liveMove{dx, dy, dz, buttons})
	}
	l.buttons = buttons
	m.beginLive()
}

// bounded keeps a sum of movements from running over.
func bounded(v int) int { return max(-1<<20, min(v, 1<<20)) }

// beginLive has what waits played; l.mu is held.
func (m *Machine) beginLive() {
	if l := &m.live; !l.active {
		l.active = true
		m.post(func() {
			if l.timer == nil {
				l.timer = m.clock.NewTimer(m.playLive)
			}
			m.board.PressKey()
			m.playLive()
		})
	}
}

// playLive plays what the guest has room for.
func (m *Machine) playLive() {
	l, now := &m.live, m.clock.Now()
	keyboard, mouse := m.board.KBC.Keyboard, m.board.KBC.Mouse
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.keys) > 0 && (keyboard.Idle() || now >= l.keyAt+int64(keyUnread)) {
		k := l.keys[0]
		l.keys = slices.Delete(l.keys, 0, 1)
		if k.down {
			l.downs--
		}
		keyboard.Key(k.key, k.down)
		l.keyAt = now
	}
	for len(l.moves) > 0 && (mouse.Idle() || now >= l.moveAt+int64(keyUnread)) {
		v := l.moves[0]
		l.moves = slices.Delete(l.moves, 0, 1)
		mouse.Move(v.dx, -v.dy, v.dz)
		mouse.SetButtons(v.buttons)
		l.moveAt = now
	}
	if l.active = len(l.keys)+len(l.moves) > 0; l.active {
		l.timer.At(now + livePace)
	}
}

// LookFrame brings a picture of the screen up to date, text too, and tells which lamps of the keyboard are lit: bit 0 scroll lock, 1 num lock,
// 2 caps lock. Any goroutine may call it.
func (m *Machine) LookFrame(f *vga.Frame) (changed bool, lamps uint8, err error) {
	v := m.board.VGA
	if v == nil {
		return false, 0, errNoDisplay
	}
	err = m.see(func() error {
		changed, lamps = v.Look(f), m.board.KBC.Keyboard.LEDs()
		return nil
	})
	return changed, lamps, err
}

// RemoteDisplay is a display over the network.
type RemoteDisplay interface {
	SetPassword(password string) error
	Info() inspect.VNC
}

// SetRemoteDisplay tells what SetDisplayPassword and Displays are about.
func (m *Machine) SetRemoteDisplay(d RemoteDisplay) { m.live.remote.Store(&d) }

// Displays are those over the network: one, or none. Any goroutine may call it.
func (m *Machine) Displays() []inspect.VNC {
	if d := m.live.remote.Load(); d != nil {
		return []inspect.VNC{(*d).Info()}
	}
	return nil
}

// SetDisplayPassword sets the password of the display over the network for viewers to come. It is an error if there is none. Any goroutine may call it.
func (m *Machine) SetDisplayPassword(password string) error {
	d := m.live.remote.Load()
	if d == nil {
		return errors.New("there is no display over the network (-vnc)")
	}
	return (*d).SetPassword(password)
}
