package emu

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"

	"goemu/devices/vga"
	"goemu/emu/board"
)

// videoROM is the image that stock firmware expects in the display adapter's ROM.
const videoROM = "vgabios-stdvga.bin"

// ParseVGA reads the value of -vga and tells whether there is to be a display adapter.
func ParseVGA(s string) (none bool, err error) {
	switch s {
	case "std":
		return false, nil
	case "none":
		return true, nil
	}
	return false, fmt.Errorf("-vga %s: goemu has std (VGA with linear frame buffer) and none", s)
}

// addDisplay puts the display adapter among the board's devices, unless the user has left it out or described it.
func (m *Machine) addDisplay(cfg *board.Config) {
	cfg.LoadROM = m.loadROM
	if m.cfg.Firmware != "" {
		if path, err := m.cfg.findFirmware(videoROM); err == nil {
			cfg.VideoROM = path
		}
	}
	described := slices.ContainsFunc(cfg.Devices, func(s string) bool {
		name, props, _ := strings.Cut(strings.TrimPrefix(s, "driver="), ",")
		if name == board.DisplayDriver && strings.Contains(","+props, ",romfile=") && m.runsBuiltin() {
			m.warnings = append(m.warnings, fmt.Sprintf("-device %s: the built-in firmware uses its own video BIOS: romfile= is for others", s))
		}
		return name == board.DisplayDriver
	})
	if !m.cfg.NoDefaults && !m.cfg.NoVGA && !described {
		cfg.Devices = append([]string{board.DisplayDriver}, cfg.Devices...)
	}
}

var errNoDisplay = errors.New("the machine has no display adapter")

// picture is the screen. What blinks is shown.
func (m *Machine) picture() (*image.RGBA, error) {
	v := m.board.VGA
	if v == nil {
		return nil, errNoDisplay
	}
	var f vga.Frame
	if err := m.see(func() error { v.Look(&f); return nil }); err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, f.Width, f.Height))
	for i, c := range f.Pix {
		p := img.Pix[4*i : 4*i+4]
		p[0], p[1], p[2], p[3] = uint8(c>>16), uint8(c>>8), uint8(c), 255
	}
	return img, nil
}

// Screendump writes a picture of the screen as PNG. A still screen is always the same bytes: what blinks is shown. Any goroutine may call it.
func (m *Machine) Screendump(w io.Writer) error {
	return m.screendump(w, func(w io.Writer, img *image.RGBA) error { return png.Encode(w, img) })
}

// ScreendumpPPM is Screendump as a portable pixmap (PPM, binary).
func (m *Machine) ScreendumpPPM(w io.Writer) error {
	return m.screendump(w, func(w io.Writer, img *image.RGBA) error {
		b := fmt.Appendf(nil, "P6\n%d %d\n255\n", img.Rect.Dx(), img.Rect.Dy())
		for i := 0; i < len(img.Pix); i += 4 {
			b = append(b, img.Pix[i:i+3]...)
		}
		_, err := w.Write(b)
		return err
	})
}

func (m *Machine) screendump(w io.Writer, encode func(w io.Writer, img *image.RGBA) error) error {
	img, err := m.picture()
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	if err := encode(b, img); err != nil {
		return fmt.Errorf("screendump: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("screendump: %w", err)
	}
	return nil
}

// ScreenText returns the rows of the text screen in UTF-8, without the spaces at their ends. Any goroutine may call it.
func (m *Machine) ScreenText() ([]string, error) {
	v := m.board.VGA
	if v == nil {
		return nil, errNoDisplay
	}
	var s vga.Screen
	if err := m.see(func() error { return v.Text(&s) }); err != nil {
		return nil, err
	}
	return s.Lines(), nil
}

// see has fn look at the machine under its lock, or after its end.
func (m *Machine) see(fn func() error) error {
	err := m.do(fn)
	if errors.Is(err, errEnded) {
		m.life.mu.Lock()
		defer m.life.mu.Unlock()
		if !m.life.closed {
			err = fn()
		}
	}
	return err
}

// Look is what a display keeps of the screen from one look to the next.
type Look struct {
	Text   bool       // the screen shows text: see Screen
	Screen vga.Screen // while Text
	Frame  vga.Frame  // while not
	last   vga.Screen
}

// Watch says that somebody looks at the screen again and again from now on, or does so no more. Any goroutine may call it.
func (m *Machine) Watch(on bool) error {
	v := m.board.VGA
	if v == nil {
		return errNoDisplay
	}
	return m.see(func() error {
		if on {
			v.Watch()
		} else {
			v.Unwatch()
		}
		return nil
	})
}

// Look brings l up to date and tells whether that changed it. Any goroutine may call it.
func (m *Machine) Look(l *Look) (changed bool, err error) {
	v := m.board.VGA
	if v == nil {
		return false, errNoDisplay
	}
	was := l.Text
	err = m.see(func() error {
		l.Screen, l.last = l.last, l.Screen
		if l.Text = v.Text(&l.Screen) == nil; !l.Text {
			l.Frame.Live = true
			changed = v.Look(&l.Frame)
		}
		return nil
	})
	if l.Text {
		changed = !l.Screen.Equal(&l.last)
	}
	return changed || was != l.Text, err
}
