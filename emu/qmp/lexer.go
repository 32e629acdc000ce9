package qmp

import ()

// Limits of what a client may send before it has ended, as one message.
const (
	maxMessage = 1 << 20 // bytes
	maxDepth   = 1024    // of arrays and objects
)

type tokenKind uint8

const (
	tokenStruct tokenKind = iota // one of {}[]:,
	tokenString                  // as sent, without quotes
	tokenNumber
	tokenWord
)

type token struct {
	kind tokenKind
	text string
}

// is tells whether t is a character of structure.
func (t token) is(c byte) bool { return t.kind == tokenStruct && t.text[0] == c }

// lexer cuts a stream of bytes into messages. After what is no JSON it finds its way at the next line or character of structure.
type lexer struct {
	tokens []token
	text   []byte // of the token that has begun
	state  lexState
	quote  byte
	size   int // of the message, in bytes
	depth  [2]int
	emit   func(tokens []token, err error)
}

type lexState uint8

const (
	lexStart  lexState = iota
	lexString          // in one
	lexEscape          // behind its backslash
	lexNumber
	lexWord
	lexSkip // after an error
	lexLine // after too much: to the end of the line
)

var structure = [256]bool{'{': true, '}': true, '[': true, ']': true, ':': true, ',': true}

// feed takes the next bytes; emit gets each message as its tokens, or what is wrong.
func (x *lexer) feed(p []byte) {
	for _, b := range p {
		for again := true; again; {
			again = x.step(b)
		}
	}
}

// step takes a byte and tells whether it ended a token, so that it is to be taken once more.
func (x *lexer) step(b byte) (again bool) {
	switch x.state {
	case lexString, lexEscape:
		x.inString(b)
	case lexNumber, lexWord:
		if isWord(b) || x.state == lexNumber && (b == '+' || b == '-' || b == '.') {
			x.more(b)
			return false
		}
		kind := tokenWord
		if x.state == lexNumber {
			kind = tokenNumber
		}
		x.state = lexStart
		x.add(kind, string(x.text))
		return true
	case lexSkip:
		if b < ' ' || b >= 0xfe || structure[b] {
			x.state = lexStart
			return true
		}
	case lexLine:
		if b == '\n' {
			x.state = lexStart
		}
	default:
		x.start(b)
	}
	return false
}

func isWord(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// start takes a byte between tokens.
func (x *lexer) start(b byte) {
	switch {
	case b == ' ' || b == '\t' || b == '\r' || b == '\n':
		if len(x.tokens) > 0 {
			x.count()
		}
		return
	case structure[b]:
		x.count()
		x.add(tokenStruct, string(rune(b)))
		return
	case b == '"' || b == '\'':
		x.state, x.quote = lexString, b
	case b == '-' || b >= '0' && b <= '9':
		x.state = lexNumber
	case b >= 'a' && b <= 'z':
		x.state = lexWord
	case b >= 0xfe: // says that a new message begins
		x.reset()
		return
	default:
		x.fail(Errorf("JSON parse error, stray '%c'", rune(b)), lexSkip)
		return
	}
	x.text = x.text[:0]
	if x.state != lexString {
		x.text = append(x.text, b)
	}
	x.count()
}

func (x *lexer) inString(b byte) {
	switch {
	case b < ' ' || b >= 0xfe:
		x.fail(Errorf("JSON parse error, stray '\"%s%c'", x.text, rune(b)), lexSkip)
		if b == '\n' {
			x.state = lexStart
		}
	case x.state == lexEscape:
		x.state = lexString
		x.more(b)
	case b == '\\':
		x.state = lexEscape
		x.more(b)
	case b == x.quote:
		x.state = lexStart
		x.count()
		x.add(tokenString, string(x.text))
	default:
		x.more(b)
	}
}

// more takes a byte of a token.
func (x *lexer) more(b byte) {
	x.text = append(x.text, b)
	x.count()
}

// count bounds the message.
func (x *lexer) count() {
	if x.size++; x.size > maxMessage {
		x.fail(Errorf("JSON message size limit exceeded"), lexLine)
	}
}

// add takes a token, and ends the message if it is complete.
func (x *lexer) add(kind tokenKind, text string) {
	if x.state == lexLine {
		return
	}
	x.tokens = append(x.tokens, token{kind, text})
	if kind == tokenStruct {
		switch text[0] {
		case '{':
			x.depth[0]++
		case '}':
			x.depth[0]--
		case '[':
			x.depth[1]++
		case ']':
			x.depth[1]--
		}
	}
	switch d := x.depth; {
	case d[0]+d[1] > maxDepth:
		x.fail(Errorf("JSON nesting depth limit exceeded"), lexLine)
	case d[0] > 0 && d[1] >= 0 || d[1] > 0 && d[0] >= 0:
	default:
		tokens := x.tokens
		x.reset()
		x.emit(tokens, nil)
	}
}

// fail reports an error and drops the message.
func (x *lexer) fail(err error, next lexState) {
	x.reset()
	x.state = next
	x.emit(nil, err)
}

// reset forgets what has come of a message.
func (x *lexer) reset() {
	x.tokens, x.text = nil, nil
	x.state, x.size, x.depth = lexStart, 0, [2]int{}
}
