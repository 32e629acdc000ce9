package crosscheck

// mix adds a word to a digest.
func mix(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e37_79b9_7f4a_7c15
	return h ^ h>>29
}
