package system

import "testing"

// QEMU is no oracle here: it knows no RF, disabled matches or aligned lengths, and does not survive I/O breakpoints.

// What Bochs does in its own way: it pushes RF as 0 for general detect and between repetitions (SDM vol. 3B 18.3.1.1 has 1), reports a
// trap and an instruction breakpoint that follows in one exception (vol. 3A table 6-2 has them in different classes), looks at GD before
// the privilege level, and forgets a trap after MOV SS when INT follows.

func TestDebug32(t *testing.T) {
	t.Parallel()
	checkBochs(t, `
		ffffefff
		ffff0ff0
		ffff07ff
		00000400
		ffffefff
		ffffefff
		00000400
		instruction +01 0001-
		instruction, by G, and a match that is disabled +01 0003-
		repeated string instruction +00 0001-
		loop +00 0001- +00 0001- +00 0001-
		instruction that faults +01 0001- #06 01R
		two instructions, a jump between them +01 0001- +04 0002-
		middle of an instruction
		instruction in ring 3 +18 0001-
		after mov ss
		iret with RF
		popf with RF +06 0001-
		sti before it +01 0001-
		a trap and an instruction after it +06 0001- +06 0002-
		writes of 4 bytes +05 0001- +0f 0001- +1a 0001-
		accesses to 4 bytes +05 0001- +0a 0001- +16 0001- +1c 0001-
		1 byte +05 0001- +10 0001-
		2 bytes, address aligned by the processor +05 0001- +0f 0001-
		8 bytes +05 0001- +0a 0001-
		disabled matches +05 000f- +0a 000b-
		write across pages +0a 0001- +0f 0002-
		other writes +06 0001- +0e 0001- +16 0001- +1d 0001- +25 0001- +2c 0001- +33 0001- +3a 0001- +47 0001- +4e 0001- +54 0001- +5d 0001- +63 0001- +6a 0001- +70 0001- +78 0001-
		other reads +07 0001- +0d 0001- +13 0001- +1c 0001- +23 0001- +38 0001- +3f 0001- +47 0001-
		stack +18 0001- +19 0001- +1e 0001- +1f 0001- +24 0001- +25 0001- +2b 0001- +31 0001-
		stosb repeated +00 0001R
		movsb repeated +00 0001R
		lodsb repeated +00 0001R
		scasb repeated, the last +05 0001- +07 0001-
		a write that faults +05 0001- +11 0001- #0b 11R
		mov ss of it +09 0001- +10 0001-
		mov ss of it, then int +09 0001- +14 0001-
		ports +02 0001- +04 0001- +0c 0001-
		ports, string +04 0001R +04 0001R +06 0001-
		ports, string and memory +04 0007R +04 0003R +06 0003-
		general detect +00 2000R
		00000400
		general detect in ring 3 #0d 17R
		DR4 with DE #06 00R
		int1 +01 0000-
		int 1 +02 0000-
		step +0a 4000- +0f 4000- +11 4000- +12 4000- +19 4000- +1a 4000-
		step over jumps +0b 4000- +10 4000- +11 4000- +13 4000- +15 4000- +1a 4000- +1b 4000- +1c 4000- +23 4000- +24 4000-
		step over system instructions +0a 4000- +0c 4000- +0d 4000- +0f 4000- +11 4000- +13 4000- +14 4000- +15 4000- +16 4000- +1d 4000- +1e 4000- +25 4000- +26 4000-
		step over mov ss +0e 4000- +11 4000- +13 4000- +15 4000- +19 4000- +1a 4000- +1b 4000- +22 4000- +23 4000-
		step over repeated string instructions +09 4000R +09 4000R +0b 4000- +0d 4000- +0d 4000R +0f 4000- +11 4000- +11 4000R +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-
		step over int +0c 4000- +0d 4000- +0e 4000- +15 4000- +16 4000-
		step over int1 +0a 0000- +0b 4000- +0c 4000- +13 4000- +14 4000-
		step over a fault #06 09R
		step over popf +0a 4000- +11 4000- +12 4000- +1e 4000- +23 4000- +24 4000- +25 4000-
		step over iret +0b 4000- +0d 4000- +0e 4000- +13 4000- +15 4000- +1a 4000- +1b 4000- +1c 4000- +1e 4000- +20 4000- +21 4000- +23 4000- +25 4000- +2a 4000- +2b 4000-
		step and breakpoints +0e 4001- +0e 0002- +0f 4000- +14 4001- +15 4000- +1c 4000- +1d 4000-
		step in ring 3 +21 4000- +26 4000- +27 4000- +2e 4000- +2f 4000-
	`, map[string]string{
		"a trap and an instruction after it +06 0001- +06 0002-": "a trap and an instruction after it +06 0003-",
		"stosb repeated +00 0001R":                               "stosb repeated +00 0001-",
		"movsb repeated +00 0001R":                               "movsb repeated +00 0001-",
		"lodsb repeated +00 0001R":                               "lodsb repeated +00 0001-",
		"mov ss of it, then int +09 0001- +14 0001-":             "mov ss of it, then int +09 0001-",
		"ports, string +04 0001R +04 0001R +06 0001-":            "ports, string +04 0001- +04 0001- +06 0001-",
		"ports, string and memory +04 0007R +04 0003R +06 0003-": "ports, string and memory +04 0007- +04 0003- +06 0003-",
		"general detect +00 2000R":                               "general detect +00 2000-",
		"general detect in ring 3 #0d 17R":                       "general detect in ring 3 +17 2000- #0d 17R",
		"step over repeated string instructions +09 4000R +09 4000R +0b 4000- +0d 4000- +0d 4000R +0f 4000- +11 4000- +11 4000R +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-": "step over repeated string instructions +09 4000- +09 4000- +0b 4000- +0d 4000- +0d 4000- +0f 4000- +11 4000- +11 4000- +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-",
		"step and breakpoints +0e 4001- +0e 0002- +0f 4000- +14 4001- +15 4000- +1c 4000- +1d 4000-":                                                                               "step and breakpoints +0e 4003- +0f 4000- +14 4001- +15 4000- +1c 4000- +1d 4000-",
	}, "debug32.asm")
}

func TestDebug64(t *testing.T) {
	t.Parallel()
	checkBochs(t, `
		ffffefff
		ffff0ff0
		ffff07ff
		00000400
		ffffefff
		ffffefff
		00000400
		instruction +01 0001-
		instruction, by G, and a match that is disabled +01 0003-
		repeated string instruction +00 0001-
		loop +00 0001- +00 0001- +00 0001-
		instruction that faults +01 0001- #06 01R
		two instructions, a jump between them +01 0001- +04 0002-
		middle of an instruction
		instruction in ring 3 +13 0001-
		after mov ss
		iret with RF
		popf with RF +06 0001-
		sti before it +01 0001-
		a trap and an instruction after it +08 0001- +08 0002-
		writes of 4 bytes +07 0001- +15 0001- +24 0001-
		accesses to 4 bytes +07 0001- +0e 0001- +1d 0001- +24 0001-
		1 byte +07 0001- +16 0001-
		2 bytes, address aligned by the processor +07 0001- +15 0001-
		8 bytes +07 0001- +0e 0001-
		disabled matches +07 000f- +0e 000b-
		write across pages +0e 0001- +15 0002-
		other writes +07 0001- +10 0001- +19 0001- +21 0001- +2a 0001- +32 0001- +3a 0001- +42 0001- +51 0001- +59 0001- +60 0001- +6a 0001- +71 0001- +79 0001- +80 0001- +89 0001-
		other reads +08 0001- +0f 0001- +16 0001- +20 0001- +28 0001- +40 0001- +48 0001- +51 0001-
		stack +13 0001- +14 0001- +19 0001- +1a 0001- +1f 0001- +20 0001- +27 0001- +2e 0001-
		stosb repeated +00 0001R
		movsb repeated +00 0001R
		lodsb repeated +00 0001R
		scasb repeated, the last +07 0001- +09 0001-
		a write that faults +07 0001- +14 0001- #0b 14R
		mov ss of it +0a 0001- +12 0001-
		mov ss of it, then int +0a 0001- +16 0001-
		ports +02 0001- +04 0001- +0c 0001-
		ports, string +04 0001R +04 0001R +06 0001-
		ports, string and memory +04 0007R +04 0003R +06 0003-
		general detect +00 2000R
		00000400
		general detect in ring 3 #0d 12R
		DR4 with DE #06 00R
		int1 +01 0000-
		int 1 +02 0000-
		step +0a 4000- +0f 4000- +11 4000- +12 4000- +19 4000- +1a 4000-
		step over jumps +0b 4000- +10 4000- +11 4000- +13 4000- +15 4000- +1a 4000- +1b 4000- +1c 4000- +23 4000- +24 4000-
		step over system instructions +0a 4000- +0c 4000- +0d 4000- +0f 4000- +11 4000- +13 4000- +14 4000- +15 4000- +16 4000- +1e 4000- +1f 4000- +26 4000- +27 4000-
		step over mov ss +0e 4000- +11 4000- +13 4000- +14 4000- +17 4000- +1b 4000- +1c 4000- +1d 4000- +24 4000- +25 4000-
		step over repeated string instructions +09 4000R +09 4000R +0b 4000- +0d 4000- +0d 4000R +0f 4000- +11 4000- +11 4000R +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-
		step over int +0c 4000- +0d 4000- +0e 4000- +15 4000- +16 4000-
		step over int1 +0a 0000- +0b 4000- +0c 4000- +13 4000- +14 4000-
		step over a fault #06 09R
		step over popf +0a 4000- +11 4000- +12 4000- +1e 4000- +23 4000- +24 4000- +25 4000-
		step over iret +0b 4000- +0d 4000- +0e 4000- +13 4000- +15 4000- +1a 4000- +1c 4000- +1d 4000- +1f 4000- +21 4000- +22 4000- +24 4000- +26 4000- +2b 4000- +2d 4000-
		step and breakpoints +10 4001- +10 0002- +11 4000- +18 4001- +19 4000- +20 4000- +21 4000-
		step in ring 3 +1c 4000- +23 4000- +24 4000- +2b 4000- +2c 4000-
	`, map[string]string{
		"a trap and an instruction after it +08 0001- +08 0002-": "a trap and an instruction after it +08 0003-",
		"stosb repeated +00 0001R":                               "stosb repeated +00 0001-",
		"movsb repeated +00 0001R":                               "movsb repeated +00 0001-",
		"lodsb repeated +00 0001R":                               "lodsb repeated +00 0001-",
		"mov ss of it, then int +0a 0001- +16 0001-":             "mov ss of it, then int +0a 0001-",
		"ports, string +04 0001R +04 0001R +06 0001-":            "ports, string +04 0001- +04 0001- +06 0001-",
		"ports, string and memory +04 0007R +04 0003R +06 0003-": "ports, string and memory +04 0007- +04 0003- +06 0003-",
		"general detect +00 2000R":                               "general detect +00 2000-",
		"general detect in ring 3 #0d 12R":                       "general detect in ring 3 +12 2000- #0d 12R",
		"step over repeated string instructions +09 4000R +09 4000R +0b 4000- +0d 4000- +0d 4000R +0f 4000- +11 4000- +11 4000R +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-": "step over repeated string instructions +09 4000- +09 4000- +0b 4000- +0d 4000- +0d 4000- +0f 4000- +11 4000- +11 4000- +13 4000- +15 4000- +16 4000- +1d 4000- +1e 4000-",
		"step and breakpoints +10 4001- +10 0002- +11 4000- +18 4001- +19 4000- +20 4000- +21 4000-":                                                                               "step and breakpoints +10 4003- +11 4000- +18 4001- +19 4000- +20 4000- +21 4000-",
	}, "debug64.asm")
}
