package debugcon

import (
	"strings"
	"testing"

	"goemu/devices/portmap"
)

func TestConsole(t *testing.T) {
	var b strings.Builder
	m := portmap.New()
	New(&b, ID).MapInto(m, DefaultBase)
	for _, c := range "hi\n" {
		m.Out(DefaultBase, 1, uint32(c))
	}
	if b.String() != "hi\n" || m.In(DefaultBase, 1) != 0xe9 {
		t.Errorf("wrote %q, reads %#x", b.String(), m.In(DefaultBase, 1))
	}
	New(nil, ID).Out(0, 1, 'x') // nobody listens
}
