package drive

import "goemu/devices/block"

// Traffic counts the requests of a drive.
type Traffic struct {
	ReadBytes, WriteBytes  uint64
	Reads, Writes, Flushes uint64
}

// Traffic gives what the drive was asked for since it was made.
func (d *Drive) Traffic() Traffic { return d.traffic }

func (t *Traffic) count(r *block.Request) {
	switch r.Op {
	case block.Read:
		t.Reads++
		t.ReadBytes += uint64(len(r.Data))
	case block.Write:
		t.Writes++
		t.WriteBytes += uint64(len(r.Data))
	case block.Flush:
		t.Flushes++
	}
}
