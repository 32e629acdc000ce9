package system

import "testing"

// Code that changes itself. Every line that writes ends with the new operand, 22.
func TestSelfModifyingCode(t *testing.T) {
	t.Parallel()
	want := ""
	for _, write := range []string{"mov", "movs", "stos", "rep stos", "push", "xchg", "lock cmpxchg", "lock xadd", "add", "lock xor", "shl",
		"movd", "movnti", "movups", "fistp", "bts and btr", "setcc", "lock cmpxchg8b"} {
		want += write + " 00000022\n" + write + ", straight 00000022\n"
	}
	check(t, want+`loop 000013ba
		call 00000037
		rep movsb over itself 00000006
		across pages 44332211
		across pages 55332211
		across pages 55332266
		beside data 0007a314
		turning 00000001
	`, map[string]string{
		"rep movsb over itself 00000006": "rep movsb over itself 00000001", // QEMU fetches it again after each byte
	}, "smc.asm")
}
