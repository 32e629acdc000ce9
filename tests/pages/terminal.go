package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"goemu/bios/font"
	"goemu/emu"
	"goemu/emu/tui"
)

// A scene is a picture of the terminal display: keys that are pressed when a text is there, the last of which, without keys, completes it.
type scene struct {
	file          string
	width, height int // of the terminal, in characters
	steps         []sceneStep
}

type sceneStep struct {
	when, keys string // when is a regular expression
	not, again string // if there is what this one matches instead, these keys are pressed
}

// waits is what is seen of the built-in guest when it is stopped behind the HLT in which it waits for keys.
const waits = `stopped: pause[^▶]*▶\S+ \S+ +jmp`

// scenes show the built-in guest, and beside it the machine's inside. They say how fast the host is, and so are never twice the same.
var scenes = []scene{
	{"inside.png", 164, 44, []sceneStep{
		{when: "type help", keys: "\x01i"}, {when: "CPL 0, halted", keys: "p"},
		{when: waits, keys: "\t\r", not: "stopped: pause", again: "pp"},
		{when: "● ▶", keys: "c"}, {when: "stopped: breakpoint", keys: "s"},
		{when: `▶\S+ \S+ +cli`, keys: "s"}, {when: `▶\S+ \S+ +mov ecx`, keys: "s"}, {when: `▶\S+ \S+ +cmp ecx`},
	}},
	{"block.png", 164, 32, []sceneStep{
		{when: "type help", keys: "\x01i\x01z"}, {when: "CPL 0, halted", keys: "p"},
		{when: waits, keys: "2", not: "stopped: pause", again: "pp"}, {when: "optimised", keys: "grip-0x13\r"}, {when: "cmp ecx"},
	}},
}

// take runs the built-in guest on a terminal and gives a picture of that.
func (s *scene) take() ([]byte, error) {
	screen := tcell.NewSimulationScreen("UTF-8")
	host := &tui.Host{}
	m, err := emu.New(emu.Config{Interactive: true, Serial: []string{"vc"}, VC: host.Console, Stdout: &host.Notes, Stderr: &host.Notes, ConsoleOut: io.Discard, Display: "tui"})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	d, err := tui.OpenOn(screen, host)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	screen.SetSize(s.width, s.height)
	d.Start(m)
	ended := make(chan error, 1)
	go func() {
		_, err := m.Run()
		ended <- err
	}()
	picture, err := s.play(screen)
	m.Stop(0)
	return picture, errors.Join(err, <-ended)
}

// play does the steps.
func (s *scene) play(screen tcell.SimulationScreen) ([]byte, error) {
	for _, step := range s.steps {
		if err := step.await(screen); err != nil {
			return nil, err
		}
		press(screen, step.keys)
	}
	return draw(screen)
}

func press(screen tcell.SimulationScreen, keys string) {
	for _, r := range keys {
		key := tcell.KeyRune
		switch {
		case r == '\t' || r == '\r':
			key = tcell.Key(r)
		case r < ' ':
			key = tcell.KeyCtrlSpace + tcell.Key(r)
		}
		screen.InjectKey(key, r, 0)
	}
}

// await waits until the step's keys may be pressed.
func (s *sceneStep) await(screen tcell.SimulationScreen) error {
	wanted, unwanted := regexp.MustCompile(s.when), regexp.MustCompile(s.not)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		switch text := strings.Join(tui.Text(screen), "\n"); {
		case wanted.MatchString(text):
			return nil
		case s.not != "" && unwanted.MatchString(text):
			press(screen, s.again)
		}
	}
	return fmt.Errorf("the terminal does not show %q:\n%s", s.when, strings.Join(tui.Text(screen), "\n"))
}

// What the colours of a terminal that nobody has set are here.
var (
	ink   = color.RGBA{0xd4, 0xd4, 0xd4, 0xff}
	paper = color.RGBA{0x12, 0x14, 0x1a, 0xff}
)

const cellWidth, cellHeight, margin = 8, 16, 8

// draw makes a picture of a terminal, in the font of the video BIOS.
func draw(screen tcell.SimulationScreen) ([]byte, error) {
	cells, w, h := screen.GetContents()
	img := image.NewRGBA(image.Rect(0, 0, w*cellWidth+2*margin, h*cellHeight+2*margin))
	for i := range img.Pix {
		img.Pix[i] = [4]uint8{paper.R, paper.G, paper.B, 0xff}[i&3]
	}
	glyphs := font.Glyphs(cellHeight)
	for i, c := range cells {
		fg, bg, attr := c.Style.Decompose()
		front, back := rgb(fg, ink), rgb(bg, paper)
		if attr&tcell.AttrReverse != 0 {
			front, back = back, front
		}
		if attr&tcell.AttrBold != 0 && front == ink {
			front = color.RGBA{0xff, 0xff, 0xff, 0xff}
		}
		g := glyphs[cellHeight*glyph(c.Runes):]
		x0, y0 := margin+i%w*cellWidth, margin+i/w*cellHeight
		for y := range cellHeight {
			for x := range cellWidth {
				dot := back
				if g[y]>>(7-x)&1 != 0 {
					dot = front
				}
				img.SetRGBA(x0+x, y0+y, dot)
			}
		}
	}
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return b.Bytes(), err
}

func rgb(c tcell.Color, preset color.RGBA) color.RGBA {
	if c == tcell.ColorDefault || c.Hex() < 0 {
		return preset
	}
	r, g, b := c.RGB()
	return color.RGBA{uint8(r), uint8(g), uint8(b), 0xff}
}

// signs are those characters of the display that code page 437 has elsewhere than ASCII, or nearly has.
var signs = map[rune]int{'─': 0xc4, '│': 0xb3, '▀': 0xdf, '▶': 0x10, '●': 0xfe, '·': 0xfa, '\u00a0': ' '}

func glyph(runes []rune) int {
	if len(runes) == 0 {
		return ' '
	}
	if g, ok := signs[runes[0]]; ok {
		return g
	}
	if r := runes[0]; r < 0x7f {
		return int(r)
	}
	return '?'
}
