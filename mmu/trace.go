package mmu

// TraceStep is one entry that a walk has used.
type TraceStep struct {
	Level int    // 5 PML5, 4 PML4, 3 PDPT, 2 PD, 1 PT
	Name  string // PML4E, PDPTE, PDE, PTE ...
	Index int    // of the entry in its table
	Phys  uint64 // where it is
	Entry uint64
	Size  int  // bytes
	InCPU bool // it is one of PAE's PDPTE registers, and Phys means nothing
}

// Trace is how a linear address is translated: Translation is good if Mapped.
type Trace struct {
	Format   string // "": paging is off
	Steps    []TraceStep
	Mapped   bool
	Reserved bool // the last entry has reserved bits set
	Translation
}

var entryNames = [...]string{1: "PTE", 2: "PDE", 3: "PDPTE", 4: "PML4E", 5: "PML5E"}

// Trace is Probe with each level.
func (p *Paging) Trace(s *Space, linear uint64) (t Trace) {
	if p.CR0&CR0PG == 0 {
		t.Translation, t.Mapped = p.Probe(s, linear)
		return t
	}
	f := p.format()
	t.Format = f.name
	if f == &formatPAE {
		t.Steps = append(t.Steps, TraceStep{Level: 3, Name: entryNames[3], Index: int(linear >> 30 & 3), Entry: p.PDPTE[linear>>30&3], Size: 8, InCPU: true})
	}
	q := *p
	q.CR4 &^= CR4SMAP | CR4PKE
	var steps []step
	tr, code, ok, _ := q.walk(s, linear, Access{}, &steps)
	for _, st := range steps {
		index := linear >> (PageShift + f.bits*uint(st.level-1)) & (1<<f.bits - 1)
		t.Steps = append(t.Steps, TraceStep{Level: st.level, Name: entryNames[st.level], Index: int(index), Phys: st.addr, Entry: st.value, Size: f.entry})
	}
	if p.CR4&CR4PKE != 0 && ok && f.top >= 4 {
		tr.Key = uint8(steps[len(steps)-1].value >> pteKeyShift & 15)
	}
	t.Translation, t.Mapped, t.Reserved = tr, ok, code&FaultReserved != 0
	return t
}

// Page is one page that the page tables map.
type Page struct {
	Linear, Phys uint64
	Shift        uint8  // log2 of its size
	Entry        uint64 // that maps it
	Rights       uint64 // PTEWrite and PTEUser: set at all levels; PTENX: at some level
}

// maxTables bounds the tables that Pages looks at: tables that are their own entries make a tree without bounds.
const maxTables = 1 << 16

// Pages calls yield for each mapped page, in the order of linear addresses, until it returns false. Tables that are not in memory map nothing. It reports false if
// there are more than 65,536 tables, of which it looks at no more.
func (p *Paging) Pages(s *Space, yield func(Page) bool) (all bool) {
	if p.CR0&CR0PG == 0 {
		return true
	}
	w := pageWalk{p, s, p.format(), maxTables, yield}
	w.start()
	return w.left > 0
}

// pageWalk goes through all tables.
type pageWalk struct {
	*Paging
	s     *Space
	f     *format
	left  int // tables that it may still look at
	yield func(Page) bool
}

func (w *pageWalk) start() {
	p, f := w.Paging, w.f
	if f != &formatPAE {
		w.table(f.top, p.CR3&f.addrMask, Page{Rights: PTEWrite | PTEUser})
		return
	}
	for i, e := range p.PDPTE {
		if e&PTEPresent != 0 && !w.table(2, e&f.addrMask, Page{Linear: uint64(i) << 30, Rights: PTEWrite | PTEUser}) {
			return
		}
	}
}

// table goes through a table; up is what the levels above say.
func (w *pageWalk) table(level int, table uint64, up Page) bool {
	p, s, f := w.Paging, w.s, w.f
	if w.left--; w.left <= 0 {
		return false
	}
	shift := PageShift + f.bits*uint(level-1)
	if r, _ := s.Find(table); r == nil || r.RAM == nil {
		return true
	}
	for i := range uint64(1) << f.bits {
		e, _ := s.readEntry(table+i*uint64(f.entry), f.entry, nil)
		if e&PTEPresent == 0 || e&p.reserved(f, level, e) != 0 {
			continue
		}
		pg := Page{Linear: up.Linear | i<<shift, Shift: uint8(shift), Entry: e}
		if top := PageShift + f.bits*uint(f.top); level == f.top && f.top >= 4 && pg.Linear>>(top-1) != 0 {
			pg.Linear |= ^uint64(0) << top
		}
		pg.Rights = up.Rights&(e|PTENX) | e&PTENX
		if level > 1 && (e&PTELarge == 0 || f.entry == 4 && p.CR4&CR4PSE == 0) {
			if !w.table(level-1, e&f.addrMask, pg) {
				return false
			}
			continue
		}
		pg.Phys = e & f.addrMask &^ (1<<shift - 1)
		if f.entry == 4 && level == 2 {
			pg.Phys |= e >> 13 & 0xff << 32
		}
		if !w.yield(pg) {
			return false
		}
	}
	return true
}
