package snippet

import (
	"fmt"
	"slices"

	"goemu/decoder"
	"goemu/emu/inspect"
)

// Look shows a page of a guest's memory at a linear address: its bytes and its access as in Pages. ok is false where none is mapped.
type Look func(linear uint64) (data []byte, access string, ok bool)

// Reproduce makes a case of code that a guest is about to run: its state, and the pages that the code's instructions use as far as that can be told from the
// registers before the first. Nothing is expected of it, so it is different as long as its engines are.
func Reproduce(r *inspect.Registers, code []byte, look Look) (*Case, error) {
	c := New(64)
	if err := c.SetState(r); err != nil {
		return nil, err
	}
	c.Code = code
	seen := map[uint64]bool{}
	for _, a := range touched(r, code) {
		page := a &^ (pageSize - 1)
		if seen[page] || c.real() && page+pageSize > realTop {
			continue
		}
		seen[page] = true
		data, access, ok := look(page)
		if !ok || len(data) != pageSize {
			continue
		}
		if !c.real() {
			c.Pages = append(c.Pages, Pages{Addr: page, Count: 1, Access: access})
		}
		for i := 0; i < pageSize; i += memoryLine {
			if row := data[i : i+memoryLine]; slices.ContainsFunc(row, func(b byte) bool { return b != 0 }) {
				c.Memory = append(c.Memory, Memory{page + uint64(i), slices.Clone(row)})
			}
		}
	}
	// The code may lie on these pages too. It is put there last, with what ends it.
	if len(c.Pages) == 0 && !c.real() {
		c.Pages = []Pages{{Addr: r.PC() &^ (pageSize - 1), Count: 1, Access: "rx"}}
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("no case can be made of it: %w", err)
	}
	return c, nil
}

// touched gives linear addresses that instructions may use.
func touched(r *inspect.Registers, code []byte) []uint64 {
	const around = 64 // bytes of an operand, and of the stack
	var l []uint64
	add := func(seg int, off uint64) {
		a := r.Linear(seg, off)
		l = append(l, a, a+around-1)
	}
	mode := map[int]decoder.Mode{16: decoder.Mode16, 32: decoder.Mode32, 64: decoder.Mode64}[r.CodeBits()]
	add(inspect.SS, r.GPR[inspect.RSP]-around)
	add(inspect.SS, r.GPR[inspect.RSP])
	rip := r.RIP
	for len(code) > 0 {
		var in decoder.Inst
		if decoder.Decode(code, mode, &in) != nil {
			break
		}
		code, rip = code[in.Len:], rip+uint64(in.Len)
		size := ^uint64(0) >> (64 - 8*uint(in.AddrSize))
		var memory bool
		for _, a := range in.Args[:in.NArgs] {
			memory = memory || a.Kind == decoder.KMem || a.Kind == decoder.KMoffs
		}
		switch in.Op {
		case decoder.MOVS, decoder.CMPS, decoder.STOS, decoder.SCAS, decoder.LODS, decoder.INS, decoder.OUTS, decoder.MASKMOVQ, decoder.MASKMOVDQU:
			for _, n := range [...]int{inspect.RSI, inspect.RDI} {
				seg := inspect.ES
				if n == inspect.RSI {
					seg = int(in.Seg)
				}
				off := r.GPR[n] & size
				add(seg, off)
				if n := r.GPR[inspect.RCX] & size; in.Prefix&(decoder.PrefixRep|decoder.PrefixRepne) != 0 {
					for left := min(n, 16*pageSize) * uint64(max(in.OpSize, 1)); left > 0; left -= min(left, pageSize) {
						step := min(left, pageSize)
						if r.RFLAGS&inspect.FlagDF != 0 {
							step = -step
						}
						off += step
						add(seg, off&size)
					}
				}
			}
			continue
		case decoder.XLAT:
			add(int(in.Seg), (r.GPR[inspect.RBX]+r.GPR[inspect.RAX]&0xff)&size)
			continue
		}
		if !memory {
			continue
		}
		off := uint64(in.Disp)
		switch {
		case in.Base == decoder.RIPReg:
			off += rip
		case in.Base < 16:
			off += r.GPR[in.Base]
		}
		if in.Index < 16 && in.VSIB == decoder.KNone {
			off += r.GPR[in.Index] * uint64(in.Scale)
		}
		switch in.Op {
		case decoder.BT, decoder.BTS, decoder.BTR, decoder.BTC:
			if a := in.Args[1]; a.Kind == decoder.KReg {
				bit := int64(r.GPR[a.Reg&15]) << (64 - 8*uint(in.OpSize)) >> (64 - 8*uint(in.OpSize))
				off += uint64(bit >> 3)
			}
		}
		add(int(in.Seg), off&size)
	}
	return l
}
