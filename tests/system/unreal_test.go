package system

import "testing"

// Real mode with limits of protected mode.
func TestUnreal(t *testing.T) {
	t.Parallel()
	withBochs(t, `
		beyond 1 MiB by a flat segment 30
		across 64 KiB 30
		its base changed 30
		beyond 64 KiB by another 0d
		across its end 0d
		at its end 30
		its base changed, beyond 64 KiB 0d
		within 4 KiB 30
		write beyond 4 KiB 0d
		across 4 KiB 0d
		stack across 64 KiB 0c
		stack at its end 30
		lods with SI 30
		lods with ESI 0d
		far pointer across 64 KiB 0d
		jump beyond 64 KiB 0d
		ud2 06
		int3 03
		NT 30
	`, nil, "unreal.asm")
}
