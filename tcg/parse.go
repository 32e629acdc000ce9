package tcg

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a block in the text form that Block.String writes. The block line is optional;
// text after ; is a comment. Sys ops get empty instructions. The result has not been verified.
func Parse(text string) (*Block, error) {
	b := &Block{}
	for n, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, ";")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := b.parseLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", n+1, line, err)
		}
	}
	return b, nil
}

func (b *Block) parseLine(line string) error {
	if rest, ok := strings.CutPrefix(line, "block "); ok {
		return b.parseHead(rest)
	}
	s := scanner{rest: line}
	o, err := s.op()
	if err != nil {
		return err
	}
	switch o.Code {
	case Insn:
		b.NInsns++
		b.Bytes += int(o.Disp)
	case Sys:
		for int64(len(b.Insts)) <= o.Imm {
			b.Insts = append(b.Insts, SysInst{})
		}
	}
	for _, r := range [...]Ref{o.Dst, o.A, o.B, o.C} {
		if r.IsTemp() && r.Index() >= b.Temps {
			b.Temps = r.Index() + 1
		}
	}
	b.Ops = append(b.Ops, o)
	return nil
}

func (b *Block) parseHead(s string) error {
	for i, f := range strings.Fields(s) {
		key, val, _ := strings.Cut(f, "=")
		if i == 0 {
			key, val = "rip", f
		}
		if key == "killsflags" {
			b.KillsFlags = true
			continue
		}
		v, err := strconv.ParseUint(val, 0, 64)
		if err != nil {
			return err
		}
		switch key {
		case "rip":
			b.Key.RIP = v
		case "cs":
			b.Key.CSBase = v
		case "phys":
			b.Key.Phys = v
		case "top":
			b.Key.Top = v
		case "float":
			b.Key.Float = v != 0
		case "mode":
			if v > 0xffff {
				return fmt.Errorf("mode %#x has more than 16 bits", v)
			}
			b.Key.Mode = Mode(v)
		default:
			return fmt.Errorf("unknown field %q", key)
		}
	}
	return nil
}

// Tables from names to numbers, the printer's turned around.
var (
	opNames   = make(map[string]Opcode)
	refNames  = make(map[string]Ref)
	condNums  = make(map[string]Cond)
	segNums   = make(map[string]Seg)
	widthNums = map[string]Width{"8": W8, "16": W16, "32": W32, "64": W64}
)

func init() {
	for c := range infos {
		opNames[infos[c].name] = Opcode(c)
	}
	for i, n := range regNames {
		refNames[n] = Reg(i)
	}
	for i, n := range highNames {
		refNames[n] = High(i)
	}
	for i, n := range condNames {
		condNums[n] = Cond(i)
	}
	for i, n := range segNames[:SegNone] {
		segNums[n] = Seg(i)
	}
}

func parseRef(s string) (Ref, error) {
	if r, ok := refNames[s]; ok {
		return r, nil
	}
	if d, ok := strings.CutPrefix(s, "t"); ok {
		if n, err := strconv.ParseUint(d, 10, 16); err == nil && n < MaxTemps {
			return Temp(int(n)), nil
		}
	}
	return None, fmt.Errorf("%q is not an operand", s)
}

// parseNum reads a number of either sign, up to 64 bits.
func parseNum(s string) (int64, error) {
	if strings.HasPrefix(s, "-") {
		return strconv.ParseInt(s, 0, 64)
	}
	v, err := strconv.ParseUint(s, 0, 64)
	return int64(v), err
}

func parseFlags(s string) (f Flags, err error) {
	for _, c := range s {
		i := strings.IndexRune(flagLetters, c)
		if i < 0 {
			return 0, fmt.Errorf("%q is not a flag", c)
		}
		f |= 1 << i
	}
	return f, nil
}

// scanner takes a line apart from its left end.
type scanner struct {
	rest string
	args []string
}

// word cuts the text before the next space.
func (s *scanner) word() string {
	w, r, _ := strings.Cut(s.rest, " ")
	s.rest = strings.TrimLeft(r, " ")
	return w
}

// operands splits off the operand list: up to the first word that is a tail word.
func (s *scanner) operands() {
	text := s.rest
	s.rest = ""
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth > 0:
		case c == ',':
			s.args = append(s.args, strings.TrimSpace(text[from:i]))
			from = i + 1
		case c == ' ' && from < i && i > 0 && text[i-1] != ',':
			s.args = append(s.args, strings.TrimSpace(text[from:i]))
			s.rest = strings.TrimSpace(text[i:])
			return
		}
	}
	if last := strings.TrimSpace(text[from:]); last != "" {
		s.args = append(s.args, last)
	}
}

// tailWord tells whether an op without operands goes on with its tail.
func tailWord(s string) bool {
	return s == "" || strings.ContainsAny(s[:1], "!#") || s == "lock" || s == "end"
}

// arg takes the next operand.
func (s *scanner) arg() (string, error) {
	if len(s.args) == 0 {
		return "", fmt.Errorf("too few operands")
	}
	a := s.args[0]
	s.args = s.args[1:]
	if a == "" {
		return "", fmt.Errorf("empty operand")
	}
	return a, nil
}

func (s *scanner) ref() (Ref, error) {
	a, err := s.arg()
	if err != nil {
		return None, err
	}
	return parseRef(a)
}

// value takes an operand that may be an immediate.
func (s *scanner) value(o *Op) (Ref, error) {
	a, err := s.arg()
	if err != nil {
		return None, err
	}
	if a[0] >= '0' && a[0] <= '9' || a[0] == '-' && len(a) > 1 {
		o.Imm, err = parseNum(a)
		return RefImm, err
	}
	return parseRef(a)
}

func (s *scanner) num() (int64, error) {
	a, err := s.arg()
	if err != nil {
		return 0, err
	}
	return parseNum(a)
}

func (s *scanner) op() (o Op, err error) {
	o.Seg, o.W = SegNone, W64
	name := strings.Split(s.word(), ".")
	code, ok := opNames[name[0]]
	if !ok {
		return o, fmt.Errorf("unknown op %q", name[0])
	}
	o.Code = code
	if !tailWord(s.rest) {
		s.operands()
	}
	switch code {
	case Insn:
		err = s.insn(&o)
	case Vec:
		err = s.vec(&o, name[1:])
	case Fpu:
		err = s.fpu(&o, name[1:])
	default:
		err = s.common(&o, name[1:])
	}
	if err == nil && len(s.args) != 0 {
		err = fmt.Errorf("too many operands")
	}
	if err == nil {
		err = s.tail(&o)
	}
	return o, err
}

func (s *scanner) insn(o *Op) (err error) {
	if o.Imm, err = s.num(); err != nil {
		return err
	}
	w, ok := strings.CutPrefix(s.word(), "+")
	if !ok {
		return fmt.Errorf("no length")
	}
	n, err := strconv.ParseUint(w, 10, 4)
	o.Disp = int64(n)
	return err
}

// suffixes reads the parts of the op's name after the first.
func (s *scanner) suffixes(o *Op, parts []string) error {
	sh := infos[o.Code].shape
	if o.Code == Rmw && len(parts) > 0 {
		sub, ok := opNames[parts[0]]
		if !ok {
			return fmt.Errorf("unknown op %q", parts[0])
		}
		o.Sub, parts = sub, parts[1:]
	}
	if sh&hasCond != 0 {
		if len(parts) == 0 {
			return fmt.Errorf("no condition")
		}
		c, ok := condNums[parts[0]]
		if !ok {
			return fmt.Errorf("unknown condition %q", parts[0])
		}
		o.Cond, parts = c, parts[1:]
	}
	var w [2]Width
	want := 1
	if sh&hasSrcW != 0 {
		want = 2
	}
	if len(parts) > want || want == 2 && len(parts) != 2 {
		return fmt.Errorf("wrong number of widths")
	}
	for i, p := range parts {
		v, ok := widthNums[p]
		if !ok {
			return fmt.Errorf("unknown width %q", p)
		}
		w[i] = v
	}
	if len(parts) > 0 {
		o.W = w[0]
	}
	if want == 2 {
		o.SrcW = w[1]
	}
	return nil
}

func (s *scanner) common(o *Op, parts []string) (err error) {
	if err := s.suffixes(o, parts); err != nil {
		return err
	}
	sh := infos[o.Code].shape
	switch o.Code {
	case Sys:
		o.Imm, err = s.num()
		if err == nil && uint64(o.Imm) >= 1<<10 {
			err = fmt.Errorf("instruction %d is out of range", o.Imm)
		}
		return err
	case PutF:
		a, err := s.arg()
		if err != nil {
			return err
		}
		if o.FMask, err = parseFlags(a); err != nil {
			return err
		}
	}
	step := func(on bool, f func() error) {
		if on && err == nil {
			err = f()
		}
	}
	step(sh&hasDst != 0, func() (e error) { o.Dst, e = s.ref(); return })
	step(sh&hasMem != 0, func() error { return s.mem(o) })
	step(sh&hasA != 0, func() (e error) { o.A, e = s.value(o); return })
	step(sh&hasB != 0, func() (e error) { o.B, e = s.value(o); return })
	step(sh&hasC != 0 || sh&optC != 0 && len(s.args) > 0, func() (e error) { o.C, e = s.value(o); return })
	step(sh&hasTarget != 0, func() (e error) { o.Imm, e = s.num(); return })
	step(o.Code == Jcc || o.Code == Jz || o.Code == Jnz, func() (e error) { o.Disp, e = s.num(); return })
	return err
}

func (s *scanner) mem(o *Op) error {
	a, err := s.arg()
	if err != nil {
		return err
	}
	return parseMem(o, a)
}

func parseMem(o *Op, a string) (err error) {
	seg, rest, ok := strings.Cut(a, "[")
	if !ok {
		return fmt.Errorf("%q is not a memory operand", a)
	}
	if seg != "" {
		if o.Seg, ok = segNums[strings.TrimSuffix(seg, ":")]; !ok || !strings.HasSuffix(seg, ":") {
			return fmt.Errorf("unknown segment %q", seg)
		}
	}
	in, width, ok := strings.Cut(rest, "]")
	if !ok {
		return fmt.Errorf("no ] in %q", a)
	}
	o.AddrW = W64
	if width != "" {
		if o.AddrW, ok = widthNums[strings.TrimPrefix(width, "@")]; !ok || width[0] != '@' {
			return fmt.Errorf("unknown address width %q", width)
		}
	}
	in = strings.ReplaceAll(in, " - ", " + -")
	for _, p := range strings.Split(in, " + ") {
		p = strings.TrimSpace(p)
		r, scale, scaled := strings.Cut(p, "*")
		switch {
		case scaled:
			n, err := strconv.ParseUint(scale, 10, 8)
			if err != nil || n == 0 || n > 8 || n&(n-1) != 0 {
				return fmt.Errorf("bad scale in %q", p)
			}
			for o.Scale = 0; 1<<o.Scale < n; o.Scale++ {
			}
			if o.B, err = parseRef(r); err != nil {
				return err
			}
		case p != "" && (p[0] == '-' || p[0] >= '0' && p[0] <= '9'):
			if o.Disp, err = parseNum(p); err != nil {
				return err
			}
		case p == relName:
			o.Rel = true
		default:
			if o.A, err = parseRef(p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scanner) vec(o *Op, parts []string) error {
	for len(parts) > 3 {
		switch last := "." + parts[len(parts)-1]; {
		case last == ".w" && !o.Enc.RexW:
			o.Enc.RexW = true
		case last == vexNames[Vex128] && o.Enc.Vex == VexNone:
			o.Enc.Vex = Vex128
		case last == vexNames[Vex256] && o.Enc.Vex == VexNone:
			o.Enc.Vex = Vex256
		default:
			return fmt.Errorf("encoding is not pp.map.opcode")
		}
		parts = parts[:len(parts)-1]
	}
	if len(parts) != 3 {
		return fmt.Errorf("encoding is not pp.map.opcode")
	}
	pp, err1 := strconv.ParseUint(parts[0], 16, 8)
	m, err2 := strconv.ParseUint(parts[1], 10, 8)
	op, err3 := strconv.ParseUint(parts[2], 16, 8)
	if err1 != nil || err2 != nil || err3 != nil {
		return fmt.Errorf("bad encoding")
	}
	o.Enc.PP, o.Enc.Map, o.Enc.Opcode = uint8(pp), uint8(m), uint8(op)
	if err := s.vecArg(o, &o.KReg, &o.VReg); err != nil {
		return err
	}
	if len(s.args) > 1 {
		if err := s.vecArg(o, &o.KSrc, &o.VSrc); err != nil {
			return err
		}
	}
	return s.vecArg(o, &o.KRM, &o.VRM)
}

func (s *scanner) vecArg(o *Op, k *VKind, n *uint8) error {
	a, err := s.arg()
	if err != nil {
		return err
	}
	if r, ok := refNames[a]; ok && r.IsReg() {
		*k, *n = VGPR, uint8(r.Index())
		return nil
	}
	digits := ""
	switch {
	case a == "-":
		return nil
	case strings.HasPrefix(a, "xmm"):
		*k, digits = VXMM, a[3:]
	case strings.HasPrefix(a, "mm"):
		*k, digits = VMMX, a[2:]
	case a[0] == '/':
		*k, digits = VImpl, a[1:]
	default:
		*k = VMem
		return parseMem(o, a)
	}
	v, err := strconv.ParseUint(digits, 10, 4)
	*n = uint8(v)
	return err
}

func (s *scanner) fpu(o *Op, parts []string) error {
	if len(parts) != 2 {
		return fmt.Errorf("encoding is not opcode.modrm")
	}
	op, err1 := strconv.ParseUint(parts[0], 16, 8)
	m, err2 := strconv.ParseUint(parts[1], 16, 8)
	if err1 != nil || err2 != nil {
		return fmt.Errorf("bad encoding")
	}
	o.Enc.Opcode, o.Imm = uint8(op), int64(m)
	if len(s.args) > 0 && strings.Contains(s.args[0], "[") {
		return s.mem(o)
	}
	return nil
}

// tail reads what follows the operands.
func (s *scanner) tail(o *Op) (err error) {
	for s.rest != "" {
		switch w := s.word(); {
		case w == "rd":
			o.MemRd = true
		case w == "wr":
			o.MemWr = true
		case w == "align":
			o.Align = true
		case w == "lock":
			o.Lock = true
		case w == "end":
			o.End = true
		case w == "ret" && o.Code == JmpInd:
			o.Link = LinkRet
			o.Disp, err = parseNum(s.word())
		case w == "call" && (o.Code == Jmp || o.Code == JmpInd):
			o.Link = LinkCall
			o.Disp, err = parseNum(s.word())
		case w == "->":
			o.Dst, err = parseRef(s.word())
		case w[0] == '!':
			out, obs, _ := strings.Cut(w[1:], "?")
			o.SetF = true
			if o.FOut, err = parseFlags(out); err == nil {
				o.FObs, err = parseFlags(obs)
			}
		case w[0] == '#':
			o.HasImm = true
			var v uint64
			v, err = strconv.ParseUint(w[1:], 0, 8)
			o.Imm = int64(v)
		case w[0] == 'b':
			var v uint64
			v, err = strconv.ParseUint(w[1:], 10, 8)
			o.memSize(int(v), o.MemRd, o.MemWr)
		default:
			return fmt.Errorf("unexpected %q", w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
