package vnc

import "slices"

// hashes finds lines by what is on them.
type hashes struct {
	old   []uint64
	at    map[uint64]int // the line of old with a hash; -1: several
	votes map[int]int    // by how far down of where they are now lines were
}

// hash of a line, and whether all of it is the same.
func hash(line []uint32) (h uint64, plain bool) {
	plain = true
	for _, c := range line {
		h = (h ^ uint64(c)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
		plain = plain && c == line[0]
	}
	return h, plain
}

// findScroll looks whether most of what has changed are lines that have gone up or down, and moves them in have.
func (p *painter) findScroll(v *screen) {
	first, end := -1, 0 // lines that have changed
	for y := range p.h {
		if p.seen[y] < v.changed[y] {
			if first < 0 {
				first = y
			}
			end = y + 1
		}
	}
	if first < 0 || end-first < minScroll {
		return
	}
	by := p.vote(v, first, end)
	if by == 0 {
		return
	}
	s := p.longest(v, by)
	if s.h < minScroll {
		return
	}
	copy(p.have[s.to*p.w:][:s.h*p.w], p.have[s.from*p.w:][:s.h*p.w])
	for y := s.to; y < s.to+s.h; y++ {
		p.seen[y] = 0 // have is another one now
	}
	p.scrolled = s
}

// vote gives the distance by which most lines have moved.
func (p *painter) vote(v *screen, first, end int) (by int) {
	s := &p.hashes
	if s.at == nil {
		s.at, s.votes = map[uint64]int{}, map[int]int{}
	}
	clear(s.at)
	clear(s.votes)
	s.old = slices.Grow(s.old[:0], p.h)[:p.h]
	for y := range p.h {
		row := p.have[y*p.w:][:p.w]
		h, plain := hash(row)
		if s.old[y] = h; plain {
			continue
		}
		if _, twice := s.at[h]; twice {
			y = -1
		}
		s.at[h] = y
	}
	for y := first; y < end; y++ {
		h, _ := hash(p.target(v, y))
		if from, ok := s.at[h]; ok && from >= 0 && from != y {
			s.votes[from-y]++
		}
	}
	most := 0
	for d, n := range s.votes {
		if n > most || n == most && (d > by) {
			by, most = d, n
		}
	}
	return by
}

// longest finds the most lines that have moved by a distance.
func (p *painter) longest(v *screen, by int) (best scrolled) {
	run := 0
	for y := max(0, -by); y < min(p.h, p.h-by); y++ {
		row := p.have[(y+by)*p.w:][:p.w]
		if row[0] == unknown || !slices.Equal(row, p.target(v, y)) {
			run = 0
			continue
		}
		if run++; run > best.h {
			best = scrolled{from: y - run + 1 + by, to: y - run + 1, h: run}
		}
	}
	return best
}
