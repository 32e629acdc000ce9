package monitor

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxHistory is how many lines are remembered.
const maxHistory = 64

// editor is the line that a person types at a terminal: keys as of a shell. Bytes that are not UTF-8 stay as they are.
type editor struct {
	line []byte
	at   int // the cursor: bytes before it

	part   []byte // of a character that is not complete
	escape []byte // of a key that is not complete
	inKey  bool

	recalled int    // line of the history that is shown, from the end; 0: none
	typed    []byte // what was there before
}

// maxEscape bounds the bytes of a key.
const maxEscape = 16

// keyNames are keys that send a sequence, without its ESC (ECMA-48, xterm's and VT's).
var keyNames = map[string]byte{
	"[A": keyUp, "[B": keyDown, "[C": keyRight, "[D": keyLeft, "[H": keyHome, "[F": keyEnd, "[1~": keyHome, "[7~": keyHome, "[4~": keyEnd, "[8~": keyEnd, "[3~": keyErase,
	"OA": keyUp, "OB": keyDown, "OC": keyRight, "OD": keyLeft, "OH": keyHome, "OF": keyEnd,
}

// Keys of the editor, by the control characters that mean the same.
const (
	keyHome   = 0x01 // Ctrl-A
	keyLeft   = 0x02 // Ctrl-B
	keyErase  = 0x04 // Ctrl-D: what is under the cursor
	keyEnd    = 0x05 // Ctrl-E
	keyRight  = 0x06 // Ctrl-F
	keyTab    = 0x09
	keyRest   = 0x0b // Ctrl-K: to the end of the line
	keyRedraw = 0x0c // Ctrl-L
	keyDown   = 0x0e // Ctrl-N
	keyUp     = 0x10 // Ctrl-P
	keyWord   = 0x17 // Ctrl-W: the word before the cursor
	keyEscape = 0x1b
)

// edit takes a byte of a person's. Ends of lines are not among them.
func (s *Session) edit(b byte) {
	e := &s.editor
	if e.inKey {
		s.editKey(b)
		return
	}
	if b < utf8.RuneSelf {
		e.part = e.part[:0]
	}
	switch b {
	case keyEscape:
		e.inKey, e.escape = true, e.escape[:0]
	case keyBackspace, keyDelete:
		s.remove(e.before(e.at), e.at)
	case keyErase:
		s.remove(e.at, e.after(e.at))
	case keyKill:
		s.remove(0, e.at)
	case keyRest:
		s.remove(e.at, len(e.line))
	case keyWord:
		n := len(bytes.TrimRight(e.line[:e.at], " \t"))
		s.remove(bytes.LastIndexAny(e.line[:n], " \t")+1, e.at)
	case keyCancel:
		s.show("^C\r\n" + Prompt)
		e.clear()
		s.long = false
	case keyHome:
		s.move(0)
	case keyEnd:
		s.move(len(e.line))
	case keyLeft:
		s.move(e.before(e.at))
	case keyRight:
		s.move(e.after(e.at))
	case keyUp:
		s.recall(e.recalled + 1)
	case keyDown:
		s.recall(e.recalled - 1)
	case keyRedraw:
		s.show("\x1b[H\x1b[2J")
		s.redraw()
	case keyTab:
		s.complete()
	default:
		if b < ' ' {
			return
		}
		e.part = append(e.part, b)
		if utf8.FullRune(e.part) {
			s.insert(e.part)
			e.part = e.part[:0]
		}
	}
}

// editKey takes a byte of a key that sends several.
func (s *Session) editKey(b byte) {
	e := &s.editor
	e.escape = append(e.escape, b)
	intro := len(e.escape) == 1 && (b == '[' || b == 'O')
	if intro || b >= '0' && b <= ';' && len(e.escape) > 1 && len(e.escape) < maxEscape {
		return
	}
	e.inKey = false
	if k, ok := keyNames[string(e.escape)]; ok {
		s.edit(k)
	}
}

func (e *editor) clear() {
	e.line, e.part, e.at, e.recalled, e.inKey = e.line[:0], e.part[:0], 0, 0, false
}

// before and after are where the characters next to a place begin and end.
func (e *editor) before(at int) int {
	_, n := utf8.DecodeLastRune(e.line[:at])
	return at - n
}

func (e *editor) after(at int) int {
	_, n := utf8.DecodeRune(e.line[at:])
	return at + n
}

// columns is how wide text is, if each character takes one column.
func columns(p []byte) int { return utf8.RuneCount(p) }

func (s *Session) move(to int) {
	e := &s.editor
	if to < e.at {
		s.show(strings.Repeat("\b", columns(e.line[to:e.at])))
	} else {
		s.show(string(e.line[e.at:to]))
	}
	e.at = to
}

// insert puts text at the cursor.
func (s *Session) insert(p []byte) {
	e := &s.editor
	if len(e.line)+len(p) > maxLine {
		s.long = true
		return
	}
	e.line = append(e.line[:e.at], append(bytes.Clone(p), e.line[e.at:]...)...)
	e.at += len(p)
	tail := e.line[e.at:]
	s.show(string(p) + string(tail) + strings.Repeat("\b", columns(tail)))
}

// remove takes a piece away and leaves the cursor there.
func (s *Session) remove(from, to int) {
	e := &s.editor
	if from == to {
		return
	}
	gone := columns(e.line[from:to])
	s.move(from)
	e.line = append(e.line[:from], e.line[to:]...)
	tail := e.line[from:]
	s.show(string(tail) + strings.Repeat(" ", gone) + strings.Repeat("\b", gone+columns(tail)))
}

// redraw shows the line anew, on a line that is empty.
func (s *Session) redraw() {
	e := &s.editor
	s.show(Prompt + string(e.line) + strings.Repeat("\b", columns(e.line[e.at:])))
}

// recall shows a line of the history, counted from its end; 0 is what was typed.
func (s *Session) recall(n int) {
	e := &s.editor
	if n < 0 || n > len(s.history) {
		return
	}
	if e.recalled == 0 {
		e.typed = append(e.typed[:0], e.line...)
	}
	e.recalled = n
	text := e.typed
	if n > 0 {
		text = []byte(s.history[len(s.history)-n])
	}
	s.move(len(e.line))
	s.remove(0, len(e.line))
	s.insert(text)
}

// remember puts a line into the history; one that is there becomes the newest.
func (s *Session) remember(line string) {
	for i, l := range s.history {
		if l == line {
			s.history = append(s.history[:i], s.history[i+1:]...)
			break
		}
	}
	if len(s.history) == maxHistory {
		s.history = append(s.history[:0], s.history[1:]...)
	}
	s.history = append(s.history, line)
}

// complete is Tab: it adds what all candidates have in common, or lists them.
func (s *Session) complete() {
	e := &s.editor
	word, list := s.candidates(string(e.line[:e.at]))
	if len(list) == 0 {
		return
	}
	common := list[0]
	for _, c := range list[1:] {
		n := 0
		for n < len(c) && n < len(common) && c[n] == common[n] {
			n++
		}
		common = common[:n]
	}
	if len(list) == 1 && !strings.HasSuffix(common, "/") {
		common += " "
	}
	if len(common) > len(word) {
		s.insert([]byte(common[len(word):]))
		return
	}
	if len(list) > 1 {
		s.show("\r\n")
		const width, columns = 20, 4
		for i, c := range list {
			end := ""
			if i%columns == columns-1 || i == len(list)-1 {
				end = "\r\n"
			}
			s.show(fmt.Sprintf("%-*s", width, c) + end)
		}
		s.redraw()
	}
}
