package system

import "testing"

// What the TLB must have dropped, and code changed through aliases of its page.
func TestTLB(t *testing.T) {
	t.Parallel()
	check(t, `
		invlpg 02 02
		invlpg of its last byte 02 02
		load of CR3 02 02
		global: invlpg 02 02
		global: CR4.PGE 02 02
		not present is not cached 02 02
		01
		a page fault drops the entry 02 02
		another table 03 03
		large page: invlpg of any address 04 04
		2060
		write with WP 00
		fetch with SMEP 00
		read with SMAP 00
		code changed in place 01 11
		code changed at an alias 01 12
		code changed at its frame 01 13
		code changed by rep movsb 01 14
		code changed by lock inc 01 15
		code changed by push 01 16
		code changed by movups 01 17
		another frame's code changed 01 17
		and mapped 02 22
		55
		PCID 1 sees its own 02 22
		PCID 0 loaded without bit 63 02 22
		INVPCID of an address 02 22
		INVPCID of a PCID 02 22
		INVPCID of all but global 02 22
		INVPCID of all 02 22
		global: invlpg under another PCID 02 22
		CR4.PGE under another PCID 02 22
	`, map[string]string{
		"a page fault drops the entry 02 02": "a page fault drops the entry 01 01", // QEMU keeps it
		// QEMU has no PCIDs.
		"PCID 1 sees its own 02 22":               "",
		"PCID 0 loaded without bit 63 02 22":      "",
		"INVPCID of an address 02 22":             "",
		"INVPCID of a PCID 02 22":                 "",
		"INVPCID of all but global 02 22":         "",
		"INVPCID of all 02 22":                    "",
		"global: invlpg under another PCID 02 22": "",
		"CR4.PGE under another PCID 02 22":        "",
	}, "tlb.asm")
}
