package asm

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The instruction table, one form a line: mnemonic, operands, "=", encoding, in the manner of SDM vol. 2, 3.1.1. Of the forms
// that fit an instruction the first is taken, so shorter ones stand first.
//
// Operands: r8 r16 r32 r64 registers; rm8 ... register or memory; m memory of
// any size, m32 ... of that size; imm8 ... immediate; imms8 a constant that a sign-extended byte holds; uimm32,
// simm32 a constant that 32 bits hold; al ax eax rax cl dx, 1 just that; sreg creg dreg xmm registers; xm128 ... XMM register or
// memory; rel8, rel branch targets; far a selector:offset pair; moffs8 ... an address without registers.
//
// A v in place of a size makes forms for 16, 32 and 64 bits; y makes the form
// of the mode's natural size (64 bits in 64-bit mode, else 32).
//
// Encoding: opcode bytes; /r or /digit ModRM; +r register in the opcode; ib iw
// id iq iv immediates; d64 the form of 64 bits needs no REX.W, and 64-bit mode has none
// of 32; o16 o32 o64 operand size; no64 and only64 say in which modes the form exists.
const table = `
mov moffs8,al = A2 no64
mov moffsv,av = A3 no64
mov rm8,r8 = 88 /r
mov rmv,rv = 89 /r
mov al,moffs8 = A0 no64
mov av,moffsv = A1 no64
mov r8,rm8 = 8A /r
mov rv,rmv = 8B /r
mov r16,sreg = o16 8C /r
mov r32,sreg = o32 8C /r
mov r64,sreg = 8C /r only64
mov rm16,sreg = 8C /r
mov sreg,rm16 = 8E /r
mov sreg,r32 = 8E /r
mov r8,imm8 = B0+r ib
mov r16,imm16 = o16 B8+r iw
mov r32,imm32 = o32 B8+r id
mov r64,uimm32 = o32 B8+r id only64
mov r64,simm32 = o64 C7 /0 id
mov r64,imm64 = o64 B8+r iq
mov rm8,imm8 = C6 /0 ib
mov rmv,immv = C7 /0 iv
mov ry,creg = 0F 20 /r
mov creg,ry = 0F 22 /r
mov ry,dreg = 0F 21 /r
mov dreg,ry = 0F 23 /r

movzx rv,rm8 = 0F B6 /r
movzx r32,rm16 = o32 0F B7 /r
movzx r64,rm16 = o64 0F B7 /r
movsx rv,rm8 = 0F BE /r
movsx r32,rm16 = o32 0F BF /r
movsx r64,rm16 = o64 0F BF /r
movsxd r64,rm32 = o64 63 /r
lea rv,m = 8D /r
xchg av,rv = 90+r
xchg rv,av = 90+r
xchg r8,rm8 = 86 /r
xchg rv,rmv = 87 /r
xchg rm8,r8 = 86 /r
xchg rmv,rv = 87 /r
cmpxchg rm8,r8 = 0F B0 /r
cmpxchg rmv,rv = 0F B1 /r
xadd rm8,r8 = 0F C0 /r
xadd rmv,rv = 0F C1 /r
bswap r32 = o32 0F C8+r
bswap r64 = o64 0F C8+r

push rv = d64 50+r
push imms8 = 6A ib
push immv = d64 68 iv
push rmv = d64 FF /6
push es = 06 no64
push cs = 0E no64
push ss = 16 no64
push ds = 1E no64
push fs = 0F A0
push gs = 0F A8
pop rv = d64 58+r
pop rmv = d64 8F /0
pop es = 07 no64
pop ss = 17 no64
pop ds = 1F no64
pop fs = 0F A1
pop gs = 0F A9
pushf = 9C
pushfd = o32 9C no64
pushfq = 9C only64
popf = 9D
popfd = o32 9D no64
popfq = 9D only64
pusha = 60 no64
pushad = o32 60 no64
popa = 61 no64
popad = o32 61 no64
leave = C9

inc rm8 = FE /0
inc r16 = o16 40+r no64
inc r32 = o32 40+r no64
inc rmv = FF /0
dec rm8 = FE /1
dec r16 = o16 48+r no64
dec r32 = o32 48+r no64
dec rmv = FF /1
not rm8 = F6 /2
not rmv = F7 /2
neg rm8 = F6 /3
neg rmv = F7 /3
mul rm8 = F6 /4
mul rmv = F7 /4
imul rm8 = F6 /5
imul rmv = F7 /5
imul rv,rmv = 0F AF /r
imul rv,rmv,imms8 = 6B /r ib
imul rv,rmv,immv = 69 /r iv
div rm8 = F6 /6
div rmv = F7 /6
idiv rm8 = F6 /7
idiv rmv = F7 /7
test al,imm8 = A8 ib
test av,immv = A9 iv
test rm8,r8 = 84 /r
test rmv,rv = 85 /r
test rm8,imm8 = F6 /0 ib
test rmv,immv = F7 /0 iv
bt rmv,rv = 0F A3 /r
bt rmv,imm8 = 0F BA /4 ib
bts rmv,rv = 0F AB /r
bts rmv,imm8 = 0F BA /5 ib
btr rmv,rv = 0F B3 /r
btr rmv,imm8 = 0F BA /6 ib
bsf rv,rmv = 0F BC /r
bsr rv,rmv = 0F BD /r
shld rmv,rv,imm8 = 0F A4 /r ib
shrd rmv,rv,imm8 = 0F AC /r ib
cbw = o16 98
cwde = o32 98
cdqe = o64 98
cwd = o16 99
cdq = o32 99
cqo = o64 99

jmp rel8 = EB
jmp rel = E9
jmp rm16 = o16 FF /4 no64
jmp rm32 = o32 FF /4 no64
jmp rm64 = FF /4 only64
jmp far = EA no64
jmp mfar = FF /5
call rel = E8
call rm16 = o16 FF /2 no64
call rm32 = o32 FF /2 no64
call rm64 = FF /2 only64
call far = 9A no64
call mfar = FF /3
ret = C3
ret imm16 = C2 iw
retf = CB
retfq = o64 CB
iret = CF
iretd = o32 CF
iretq = o64 CF
int imm8 = CD ib
int3 = CC
into = CE no64
bound r16,m = o16 62 /r no64
bound r32,m = o32 62 /r no64
loop rel8 = E2
loope rel8 = E1
loopne rel8 = E0
jrcxz rel8 = E3 only64
syscall = 0F 05
sysret = 0F 07
ud2 = 0F 0B
hlt = F4
nop = 90
pause = F3 90
cli = FA
sti = FB
cld = FC
std = FD
clc = F8
stc = F9
cmc = F5
lahf = 9F
sahf = 9E
wait = 9B

in al,imm8 = E4 ib
in ax,imm8 = o16 E5 ib
in eax,imm8 = o32 E5 ib
in al,dx = EC
in ax,dx = o16 ED
in eax,dx = o32 ED
out imm8,al = E6 ib
out imm8,ax = o16 E7 ib
out imm8,eax = o32 E7 ib
out dx,al = EE
out dx,ax = o16 EF
out dx,eax = o32 EF

movsb = A4
movsw = o16 A5
movsd = o32 A5
movsq = o64 A5
cmpsb = A6
stosb = AA
stosw = o16 AB
stosd = o32 AB
stosq = o64 AB
lodsb = AC
lodsw = o16 AD
lodsd = o32 AD
lodsq = o64 AD
scasb = AE
insb = 6C
outsb = 6E

lar rv,rm16 = 0F 02 /r
lgdt m = 0F 01 /2
lidt m = 0F 01 /3
sgdt m = 0F 01 /0
sidt m = 0F 01 /1
lldt rm16 = 0F 00 /2
ltr rm16 = 0F 00 /3
str rv = 0F 00 /1
str m16 = 0F 00 /1
lmsw rm16 = 0F 01 /6
invlpg m = 0F 01 /7
clts = 0F 06
invd = 0F 08
wbinvd = 0F 09
rdmsr = 0F 32
wrmsr = 0F 30
rdtsc = 0F 31
cpuid = 0F A2
swapgs = 0F 01 F8 only64
lfence = 0F AE E8
mfence = 0F AE F0

fninit = DB E3
fnclex = DB E2
fld1 = D9 E8
fldz = D9 EE
fdivp = DE F9
faddp = DE C1
fld m32 = D9 /0
fld m64 = DD /0
fstp m32 = D9 /3
fstp m64 = DD /3
fldcw m = D9 /5
fnstcw m = D9 /7
fnstsw ax = DF E0
fxsave m = 0F AE /0
fxrstor m = 0F AE /1
ldmxcsr m = 0F AE /2
stmxcsr m = 0F AE /3
movaps xmm,xm128 = 0F 28 /r
movaps m128,xmm = 0F 29 /r
movups xmm,xm128 = 0F 10 /r
xorps xmm,xm128 = 0F 57 /r
addps xmm,xm128 = 0F 58 /r
mulps xmm,xm128 = 0F 59 /r
divps xmm,xm128 = 0F 5E /r
divss xmm,xm32 = F3 0F 5E /r
divsd xmm,xm64 = F2 0F 5E /r
`

// Families whose members differ by a number in the opcode.
const (
	arithmetic = "add or adc sbb and sub xor cmp"          // 8*n, and /n
	shifts     = "rol ror rcl rcr shl shr . sar"           // /n
	conditions = "o no b ae e ne be a s ns p np l ge le g" // n
)

// aliases are other names of conditions.
var aliases = map[string]string{
	"c": "b", "nae": "b", "nc": "ae", "nb": "ae", "z": "e", "nz": "ne", "na": "be", "nbe": "a",
	"pe": "p", "po": "np", "nge": "l", "nl": "ge", "ng": "le", "nle": "g",
}

// form is one parsed line of the table.
type form struct {
	operands []pattern
	opcode   []byte
	prefix   byte // mandatory prefix 66, F2 or F3; 0: none
	size     int  // operand size in bits that a prefix must choose; 0: none
	d64      bool
	no64     bool
	only64   bool
	plusR    bool
	ext      int // /digit; -1: none
	modRM    bool
	imm      int // bytes of immediate
}

// pattern is one operand of a form.
type pattern struct {
	kind  patternKind
	size  int    // bits; 0: any
	fixed string // register that must stand here
}

type patternKind int

const (
	patReg patternKind = iota
	patRM
	patMem
	patImm
	patImmS8
	patUImm32
	patSImm32
	patOne
	patSreg
	patCreg
	patDreg
	patXmm
	patXmmMem
	patRel8
	patRel
	patFar
	patMemFar
	patMoffs
	patFixed
)

var forms = sync.OnceValue(func() map[string][]form {
	all := make(map[string][]form, 256)
	add := func(line string) {
		left, encoding, _ := strings.Cut(line, " = ")
		name, operands, _ := strings.Cut(left, " ")
		for _, size := range sizesOf(left + " " + encoding) {
			if f, ok := parseForm(operands, encoding, size); ok {
				all[name] = append(all[name], f)
			}
		}
	}
	for _, line := range strings.Split(table, "\n") {
		if line != "" {
			add(line)
		}
	}
	for n, name := range strings.Fields(arithmetic) {
		op := func(i int) string { return fmt.Sprintf("%02X", 8*n+i) }
		add(name + " rm8,r8 = " + op(0) + " /r")
		add(name + " rmv,rv = " + op(1) + " /r")
		add(name + " r8,rm8 = " + op(2) + " /r")
		add(name + " rv,rmv = " + op(3) + " /r")
		add(fmt.Sprintf("%s rmv,imms8 = 83 /%d ib", name, n))
		add(name + " al,imm8 = " + op(4) + " ib")
		add(name + " av,immv = " + op(5) + " iv")
		add(fmt.Sprintf("%s rm8,imm8 = 80 /%d ib", name, n))
		add(fmt.Sprintf("%s rmv,immv = 81 /%d iv", name, n))
	}
	for n, name := range strings.Fields(shifts) {
		for _, x := range []string{"rm8,1 = D0 /%d", "rmv,1 = D1 /%d", "rm8,cl = D2 /%d", "rmv,cl = D3 /%d", "rm8,imm8 = C0 /%d ib", "rmv,imm8 = C1 /%d ib"} {
			add(name + " " + fmt.Sprintf(x, n))
		}
	}
	for n, cc := range strings.Fields(conditions) {
		add(fmt.Sprintf("j%s rel8 = %02X", cc, 0x70+n))
		add(fmt.Sprintf("j%s rel = 0F %02X", cc, 0x80+n))
		add(fmt.Sprintf("set%s rm8 = 0F %02X /0", cc, 0x90+n))
		add(fmt.Sprintf("cmov%s rv,rmv = 0F %02X /r", cc, 0x40+n))
	}
	for alias, cc := range aliases {
		for _, p := range []string{"j", "set", "cmov"} {
			all[p+alias] = all[p+cc]
		}
	}
	all["sal"] = all["shl"]
	delete(all, ".")
	return all
})

// sizesOf lists the sizes for which a line with v or y stands; 0 is for a line without.
func sizesOf(line string) []int {
	for _, w := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' }) {
		switch w {
		case "rv", "rmv", "av", "immv", "moffsv":
			return []int{16, 32, 64}
		case "ry":
			return []int{-32, -64}
		}
	}
	return []int{0}
}

// parseForm makes the form of one line for an operand size. A negative size is that of a "y" line: it depends on
// the mode and needs no prefix. ok is false where the line has no form of that size.
func parseForm(operands, encoding string, size int) (f form, ok bool) {
	f = form{ext: -1, size: max(size, 0)}
	switch size {
	case -32:
		f.no64 = true
	case -64:
		f.only64 = true
	}
	if operands != "" {
		for _, w := range strings.Split(operands, ",") {
			f.operands = append(f.operands, parsePattern(w, max(size, -size)))
		}
	}
	for _, w := range strings.Fields(encoding) {
		switch {
		case w == "no64":
			f.no64 = true
		case w == "only64":
			f.only64 = true
		case w == "d64":
			f.d64 = true
			f.no64 = f.no64 || size == 32
			f.only64 = f.only64 || size == 64
		case w == "o16", w == "o32", w == "o64":
			f.size, _ = strconv.Atoi(w[1:])
		case w == "/r":
			f.modRM = true
		case w[0] == '/':
			f.modRM, f.ext = true, int(w[1]-'0')
		case w == "ib":
			f.imm = 1
		case w == "iw":
			f.imm = 2
		case w == "id":
			f.imm = 4
		case w == "iq":
			f.imm = 8
		case w == "iv":
			f.imm = min(size/8, 4)
		default:
			hex, plus := strings.CutSuffix(w, "+r")
			f.plusR = f.plusR || plus
			b, err := strconv.ParseUint(hex, 16, 8)
			if err != nil {
				panic("asm: table: " + encoding + ": " + w)
			}
			f.opcode = append(f.opcode, byte(b))
		}
	}
	if p := f.opcode[0]; len(f.opcode) > 1 && (p == 0xf2 || p == 0xf3) {
		f.prefix, f.opcode = p, f.opcode[1:]
	}
	return f, !(f.no64 && f.size == 64)
}

func parsePattern(w string, size int) pattern {
	switch w {
	case "m":
		return pattern{kind: patMem}
	case "mfar":
		return pattern{kind: patMemFar}
	case "imms8":
		return pattern{kind: patImmS8, size: size}
	case "uimm32":
		return pattern{kind: patUImm32}
	case "simm32":
		return pattern{kind: patSImm32}
	case "1":
		return pattern{kind: patOne}
	case "sreg":
		return pattern{kind: patSreg}
	case "creg":
		return pattern{kind: patCreg}
	case "dreg":
		return pattern{kind: patDreg}
	case "xmm":
		return pattern{kind: patXmm}
	case "rel8":
		return pattern{kind: patRel8}
	case "rel":
		return pattern{kind: patRel}
	case "far":
		return pattern{kind: patFar}
	case "av":
		return pattern{kind: patFixed, fixed: map[int]string{16: "ax", 32: "eax", 64: "rax"}[size]}
	case "rv", "ry":
		return pattern{kind: patReg, size: size}
	case "rmv":
		return pattern{kind: patRM, size: size}
	case "immv":
		return pattern{kind: patImm, size: size}
	case "moffsv":
		return pattern{kind: patMoffs, size: size}
	}
	// Before the registers: r8 means any register of 8 bits here.
	for prefix, kind := range map[string]patternKind{"imm": patImm, "moffs": patMoffs, "xm": patXmmMem, "rm": patRM, "r": patReg, "m": patMem} {
		if n, err := strconv.Atoi(strings.TrimPrefix(w, prefix)); err == nil && strings.HasPrefix(w, prefix) {
			return pattern{kind: kind, size: n}
		}
	}
	if _, isReg := registers[w]; isReg {
		return pattern{kind: patFixed, fixed: w}
	}
	panic("asm: table: operand " + w)
}
