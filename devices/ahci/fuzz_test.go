package ahci

import (
	"bytes"
	"testing"

	"goemu/devices/ata"
	"goemu/devices/devtest"
)

// The input is the memory from the command list on, and then what is written to registers.
func FuzzAHCI(f *testing.F) {
	b := newBench(f)
	b.prepare(0, fis{command: ata.CmdReadDMAExt, device: 0x40, count: 1}, dataAt, 512)
	f.Add(append(bytes.Clone(b.mem[listAt:listAt+32]), b.mem[tableAt:tableAt+0xa0]...), []byte{0x21, 0xb8, 1, 1, 0, 0, 0, 0, 0, 0, 0})
	b.prepare(0, queuedFIS(ata.CmdWriteFPDMA, 0, 5, 8), dataAt, 4096)
	f.Add(append(bytes.Clone(b.mem[listAt:listAt+32]), b.mem[tableAt:tableAt+0xa0]...), []byte{0x21, 0xb4, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0x21, 0xb8, 1, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, memory, in []byte) {
		b := newBench(t)
		for slot := range 4 {
			le.PutUint64(b.mem[listAt+slot*headerSize+8:], tableAt)
			copy(b.mem[listAt+slot*headerSize:], memory[:min(len(memory), 8)])
		}
		copy(b.mem[tableAt:], memory[min(len(memory), 32):])
		b.start(cd)
		b.start(disk)
		var c devtest.Clock
		devtest.FuzzMMIO(in, &c, worker{b}, firstPort+NumPorts*portSize)
		b.drive.Work()
		b.cd.Work()
		if err := newBench(t).c.RestoreState(b.c.SaveState()); err != nil {
			t.Error(err)
		}
	})
}

// worker has the drives do their work now and then.
type worker struct {
	b *bench
}

func (w worker) ReadMMIO(off uint64, size int) uint64 { return w.b.c.ReadMMIO(off, size) }

func (w worker) WriteMMIO(off uint64, size int, v uint64) {
	w.b.c.WriteMMIO(off, size, v)
	if v>>56 < 0xc0 {
		w.b.drive.Work()
		w.b.cd.Work()
	}
}
