package decoder

import (
	"fmt"
	"strconv"
	"strings"
)

// form is a Row made ready for decoding.
type form struct {
	mask, match uint32 // over the key, see below
	row         uint16
	op          Op
	attr        Attr
	osize       uint8 // row of opSizes
	pp          uint8 // mandatory prefix
	cc          uint8 // ccNone, ccOpcode, ccFCMOV
	nargs       uint8
	vvvv        bool // some operand is in VEX.vvvv
	vsib        bool
	deco        uint8 // EVEX decorations
	bcast       uint8 // broadcast element, bytes; 0: not allowed
	disp8n      uint8 // factor of disp8 if not the operand size
	args        [4]operand
}

// The key of an instruction: what rows of one opcode may ask for.
const (
	keyModRM   = 0xff
	keyReg     = 0x38
	keyIsReg   = 1 << 8 // ModRM.mod is 3
	keyW       = 1 << 9
	keyLShift  = 10
	keyL       = 3 << keyLShift
	keyLNot128 = 1 << 12
	key64      = 1 << 13
	keyRexB    = 1 << 14
)

// EVEX decorations.
const (
	decoK = 1 << iota
	decoZ
	decoKReq
	decoER
	decoSAE
)

const (
	ccNone = iota
	ccOpcode
	ccFCMOV
)

// cell is one opcode of one map with one prefix: the forms to try are
// order[first:first+n]; with grouped they are chosen by ModRM.mod and reg
// first, and first is an index into groups.
type cell struct {
	first uint16
	n     uint8
	kind  uint8
}

const (
	cellModRM   = 1 << iota // a ModRM byte follows
	cellGrouped             // see cell
	cellNoMod               // ModRM.mod is taken as 3
)

// The maps, in spaces of 256 opcodes: legacy 0..3, VEX 4..6, EVEX 7..9.
const (
	spaceVEX  = 3
	spaceEVEX = 6
	numSpaces = 10
)

var (
	rows   []Row
	forms  []form
	cells  [numSpaces * 256 * 4]cell
	groups []cell
	order  []uint16
)

// Prefix columns of cells.
const (
	ppNone = iota
	pp66
	ppF3
	ppF2
)

var ppByte = [4]uint8{0, 0x66, 0xF3, 0xF2}

// place is where a row stands.
type place struct {
	space, opcode, count int
	cols                 uint8 // bit set of prefix columns
	modrm                bool
}

func init() {
	for _, part := range [][]Row{rowsOneByte, rowsTwoByte, rowsSystem, rowsFPU, rowsSSE, rowsVEX, rowsFMA, rowsMask, rowsEVEX} {
		rows = append(rows, part...)
	}
	build()
	buildFast()
}

// build makes the lookup arrays from rows.
func build() {
	type node struct {
		form uint16
		next int32
	}
	forms = make([]form, len(rows))
	places := make([]place, len(rows))
	var head, tail [len(cells)]int32
	nodes := make([]node, 1, 4*len(rows))
	add := func(f int, onlyAny bool) {
		p := &places[f]
		if any := p.cols&(p.cols-1) != 0; any != onlyAny {
			return
		}
		for o := p.opcode; o < p.opcode+p.count; o++ {
			for col := range 4 {
				if p.cols&(1<<col) == 0 {
					continue
				}
				c := (p.space<<8|o)<<2 | col
				nodes = append(nodes, node{form: uint16(f)})
				n := int32(len(nodes) - 1)
				if head[c] == 0 {
					head[c] = n
				} else {
					nodes[tail[c]].next = n
				}
				tail[c] = n
			}
		}
	}
	operands := map[string]*form{}
	for i := range rows {
		var err error
		if forms[i], places[i], err = parseRow(&rows[i], operands); err != nil {
			panic(fmt.Sprintf("decoder: row %d, %v %q %q: %v", i, rows[i].Op, rows[i].Enc, rows[i].Args, err))
		}
		forms[i].row = uint16(i)
	}
	// Rows that want a prefix stand before those that do not care.
	for i := range rows {
		add(i, false)
	}
	for i := range rows {
		add(i, true)
	}
	same := func(a, b int32) bool {
		for a != 0 && b != 0 && nodes[a].form == nodes[b].form {
			a, b = nodes[a].next, nodes[b].next
		}
		return a == b
	}
	for c := range cells {
		if head[c] == 0 {
			continue
		}
		if base := &cells[c&^3]; c&3 != 0 && same(head[c], head[c&^3]) {
			cells[c] = *base
			continue
		}
		n, digits := 0, false
		for k := head[c]; k != 0; k = nodes[k].next {
			n++
			digits = digits || forms[nodes[k].form].mask&keyModRM != 0
		}
		out := &cells[c]
		if places[nodes[head[c]].form].modrm {
			// The ModRM byte follows whatever the prefix.
			for col := range 4 {
				cells[c&^3|col].kind |= cellModRM
			}
		}
		emit := func(fits func(f *form) bool) (uint16, uint8) {
			first := len(order)
			for k := head[c]; k != 0; k = nodes[k].next {
				if fits(&forms[nodes[k].form]) {
					order = append(order, nodes[k].form)
				}
			}
			return uint16(first), uint8(len(order) - first)
		}
		if digits && n > 2 {
			out.kind |= cellGrouped
			out.first = uint16(len(groups))
			for i := range uint32(16) {
				key, mask := i&7<<3|i>>3*keyIsReg, uint32(keyReg|keyIsReg)
				first, n := emit(func(f *form) bool { return (f.match^key)&f.mask&mask == 0 })
				groups = append(groups, cell{first: first, n: n})
			}
		} else {
			out.first, out.n = emit(func(*form) bool { return true })
		}
	}
	for c := range 4 * 4 {
		cells[(1<<8|0x20)<<2|c].kind |= cellNoMod
	}
}

// parseRow reads a row's notation. It keeps in operands what each Row.Args means, as most stand in many rows.
func parseRow(r *Row, operands map[string]*form) (form, place, error) {
	a := operands[r.Args]
	if a == nil {
		a = new(form)
		if err := parseArgs(r.Args, a); err != nil {
			return *a, place{}, err
		}
		operands[r.Args] = a
	}
	f := *a
	f.op, f.attr = r.Op, r.Attr
	p := place{count: 1, cols: 1<<ppNone | 1<<pp66 | 1<<ppF3 | 1<<ppF2}
	if err := parseEnc(r.Enc, &f, &p); err != nil {
		return f, p, err
	}
	switch {
	case r.Attr&I64 != 0:
		f.mask |= key64
	case r.Attr&O64 != 0:
		f.mask |= key64
		f.match |= key64
	}
	switch {
	case r.Attr&D64 != 0:
		f.osize = osD64
	case r.Attr&F64 != 0:
		f.osize = osF64
	case r.Attr&Native != 0:
		f.osize = osNative
	case r.Attr&NoW != 0:
		f.osize = osNoW
	case r.Attr&Byte != 0:
		f.osize = osByte
	}
	if r.Op == FCMOVCC {
		f.cc = ccFCMOV
	}
	return f, p, nil
}

// parseEnc reads Row.Enc.
func parseEnc(enc string, f *form, p *place) error {
	haveOp := false
	setCol := func(col uint8) {
		p.cols = 1 << col
		f.pp = ppByte[col]
	}
	for enc != "" {
		var t string
		t, enc, _ = strings.Cut(enc, " ")
		switch {
		case t == "NP":
			setCol(ppNone)
		case t == "NFx":
			p.cols = 1<<ppNone | 1<<pp66
		case t == "66" && !haveOp && p.space == 0:
			setCol(pp66)
		case t == "F3" && !haveOp && p.space == 0:
			setCol(ppF3)
		case t == "F2" && !haveOp && p.space == 0:
			setCol(ppF2)
		case t == "REX.W":
			f.mask |= keyW
			f.match |= keyW
		case t == "NB":
			f.mask |= keyRexB
		case strings.HasPrefix(t, "VEX."), strings.HasPrefix(t, "EVEX."):
			if err := parseVEX(t, f, p, setCol); err != nil {
				return err
			}
		case !haveOp && p.space == 0 && t == "0F":
			p.space = 1
		case !haveOp && p.space == 1 && t == "38":
			p.space = 2
		case !haveOp && p.space == 1 && t == "3A":
			p.space = 3
		case t == "/r":
			p.modrm = true
		case t[0] == '/' && len(t) == 2:
			p.modrm = true
			f.mask |= keyReg
			f.match |= uint32(t[1]-'0') << 3
		default:
			hex, plus, _ := strings.Cut(t, "+")
			v, err := strconv.ParseUint(hex, 16, 8)
			if err != nil {
				return err
			}
			if haveOp { // a fixed ModRM byte
				p.modrm = true
				f.mask |= keyModRM | keyIsReg
				f.match |= uint32(v) | keyIsReg
				if plus == "i" {
					f.mask &^= 7
				}
				continue
			}
			haveOp = true
			p.opcode = int(v)
			switch plus {
			case "r":
				p.count = 8
			case "cc":
				p.count = 16
				f.cc = ccOpcode
			}
		}
	}
	if !haveOp {
		return fmt.Errorf("no opcode")
	}
	return nil
}

// parseVEX reads a VEX.L.pp.map.W token.
func parseVEX(t string, f *form, p *place, setCol func(uint8)) error {
	base := spaceVEX
	if t[0] == 'E' {
		base = spaceEVEX
	}
	_, t, _ = strings.Cut(t, ".")
	setCol(ppNone)
	length := func(l uint32) {
		f.mask |= keyL
		f.match |= l << keyLShift
	}
	for t != "" {
		var s string
		s, t, _ = strings.Cut(t, ".")
		switch s {
		case "128", "L0", "LZ":
			length(0)
		case "256", "L1":
			length(1)
		case "512":
			length(2)
		case "256+":
			f.mask |= keyLNot128
			f.match |= keyLNot128
		case "LIG", "WIG", "NP":
		case "66":
			setCol(pp66)
		case "F3":
			setCol(ppF3)
		case "F2":
			setCol(ppF2)
		case "0F":
			p.space = base + 1
		case "0F38":
			p.space = base + 2
		case "0F3A":
			p.space = base + 3
		case "W0":
			f.mask |= keyW
		case "W1":
			f.mask |= keyW
			f.match |= keyW
		default:
			return fmt.Errorf("unknown part %q", s)
		}
	}
	return nil
}

// decorations of Row.Args.
var decorations = map[string]uint8{"k": decoK, "kz": decoK | decoZ, "k*": decoK | decoKReq, "er": decoER, "sae": decoSAE}

// parseArgs reads Row.Args.
func parseArgs(args string, f *form) error {
	for args != "" {
		var t string
		t, args, _ = strings.Cut(args, ",")
		for {
			i := strings.LastIndexByte(t, '{')
			if i < 0 {
				break
			}
			d, ok := decorations[t[i+1:len(t)-1]]
			if !ok {
				return fmt.Errorf("unknown decoration in %q", t)
			}
			f.deco |= d
			t = t[:i]
		}
		o, mod, err := parseOperand(t, f)
		if err != nil {
			return err
		}
		switch {
		case mod > 0:
			f.match |= keyIsReg
			fallthrough
		case mod < 0:
			f.mask |= keyIsReg
		}
		switch o.cl {
		case clB, clH, clKH:
			f.vvvv = true
		case clVM:
			f.vsib = true
		}
		if int(f.nargs) == len(f.args) {
			return fmt.Errorf("too many operands")
		}
		f.args[f.nargs] = o
		f.nargs++
	}
	return nil
}

// parseOperand reads one operand of Row.Args without decorations; mod is +1 for register only, -1 for memory only.
func parseOperand(t string, f *form) (o operand, mod int8, err error) {
	if o, ok := fixed[t]; ok {
		o.rsz = o.sz
		return o, 0, nil
	}
	for _, l := range letters {
		if !strings.HasPrefix(t, l.name) {
			continue
		}
		s, mem, two := strings.Cut(t[len(l.name):], "/")
		sz, ok := suffixes[s]
		if !ok {
			break
		}
		o := operand{cl: l.class, sz: sz, rsz: sz}
		if two {
			n, err := strconv.Atoi(mem[1:])
			switch {
			case err == nil && mem[0] == 'b':
				f.bcast = uint8(n)
			case err == nil && mem[0] == 'n':
				f.disp8n = uint8(n)
			default:
				sz, ok := suffixes[mem]
				if !ok {
					return o, 0, fmt.Errorf("unknown size in operand %q", t)
				}
				if l.class == clVM {
					o.rsz = sz
				} else {
					o.sz = sz
				}
			}
		}
		return o, l.mod, nil
	}
	return o, 0, fmt.Errorf("unknown operand %q", t)
}
