package emu

import "fmt"

// openParallel opens the host's side of the parallel port.
func (m *Machine) openParallel() error {
	specs := m.cfg.Parallel
	if specs == nil && !m.cfg.NoDefaults {
		specs = []string{"null"}
	}
	if len(specs) > 1 {
		return fmt.Errorf("-parallel is given %d times: the board has one port", len(specs))
	}
	for _, s := range specs {
		b, err := m.backend("-parallel "+s, s)
		if err != nil {
			return err
		}
		if m.parallel = b; b != nil {
			b.OnRoom(func() { m.want(wantOutput) })
		}
	}
	return nil
}
