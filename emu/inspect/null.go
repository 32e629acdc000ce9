package inspect

// NullSegment is segment register n after a null selector has been loaded. Processors leave what that makes meaningless as they like: the base and limit, but for the bases of FS and GS in long
// mode, and the attributes, but for the level of SS (SDM vol. 3C 28.3.2). So it is as goemu's CPU has it.
func NullSegment(n int, s Segment, long bool) Segment {
	const level = 3 << 5
	r := Segment{Selector: s.Selector}
	switch {
	case n == SS:
		r.Limit, r.Attr = 0xffff_ffff, s.Attr&level
	case long && (n == FS || n == GS):
		r.Base = s.Base
	}
	return r
}
