package tui

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
)

// TUI is a display on a terminal.
type TUI struct {
	screen  tcell.Screen
	done    chan struct{}
	over    chan struct{} // the view has ended; nil: it never began
	cancel  func()        // of notices
	closing sync.Once
	host    *Host
}

// Capable says why this terminal cannot show the display (TERM is dumb or not known); nil: it can.
func Capable() error {
	if runtime.GOOS == "windows" {
		return nil // its console is not described by TERM
	}
	if _, err := tcell.LookupTerminfo(os.Getenv("TERM")); err != nil {
		return fmt.Errorf("the display on the terminal: TERM=%s: %w; use -nographic", os.Getenv("TERM"), err)
	}
	return nil
}

// Open takes the terminal over. host is the one that the machine was given.
func Open(host *Host) (*TUI, error) {
	if err := Capable(); err != nil {
		return nil, err
	}
	s, err := tcell.NewScreen()
	if err != nil {
		return nil, fmt.Errorf("the display on the terminal: %w", err)
	}
	return OpenOn(s, host)
}

// OpenOn takes a screen over that need be no terminal: a picture of one.
func OpenOn(s tcell.Screen, host *Host) (*TUI, error) {
	if err := s.Init(); err != nil {
		return nil, fmt.Errorf("the display on the terminal: %w", err)
	}
	s.EnablePaste()
	return &TUI{screen: s, done: make(chan struct{}), host: host}, nil
}

// Start begins to show a machine, which is about to run.
func (t *TUI) Start(m Machine) {
	// A machine without a display adapter has consoles.
	_ = m.Watch(true)
	notices, cancel := m.Notify(256)
	t.cancel = cancel
	md := newModel(m)
	md.done = t.done
	go md.run(notices)
	v := &view{s: t.screen, m: m, md: md, host: t.host, escape: t.host.escape(), redraw: true}
	events := make(chan tcell.Event, 16)
	go t.screen.ChannelEvents(events, t.done)
	t.over = make(chan struct{})
	go func() {
		defer close(t.over)
		v.run(events, t.done)
	}()
}

// patience is how long Close waits for a terminal that takes nothing. Guard, or the shell, gives such a one back.
const patience = 3 * time.Second

// Close gives the terminal back as it was. It may be called without Start, and again.
func (t *TUI) Close() {
	t.closing.Do(func() {
		close(t.done)
		if t.cancel != nil {
			t.cancel()
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if t.over != nil {
				<-t.over
			}
			t.screen.Fini()
		}()
		select {
		case <-done:
		case <-time.After(patience):
		}
	})
}
