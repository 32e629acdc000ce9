package amd64

func watchArena(lo, hi uintptr) error { return nil }
func unwatchArena(lo uintptr)         {}
