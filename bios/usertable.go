package bios

import (
	"errors"
	"fmt"
)

// ACPIHeader is what the user says of the header of a table (ACPI 6.3, 5.2.6). Texts that are "" and numbers that are nil are as the contents have them,
// or goemu's.
type ACPIHeader struct {
	Signature, OEMID, OEMTableID, CreatorID string
	Revision                                *uint8
	OEMRevision, CreatorRevision            *uint32
}

// headerSize is the length of a table's header in bytes.
const headerSize = 36

// NewACPITable makes a table of the user's: of contents with a header or without one. Length and checksum are set.
func NewACPITable(h ACPIHeader, contents []byte, hasHeader bool) ([]byte, error) {
	var p []byte
	if hasHeader {
		if len(contents) < headerSize {
			return nil, fmt.Errorf("%d bytes are too few for a table with its header of %d", len(contents), headerSize)
		}
		p = append(p, contents...)
	} else {
		if h.Signature == "" {
			return nil, errors.New("sig= is missing")
		}
		p = header(h.Signature[:min(len(h.Signature), 4)], 1, contents)
	}
	for _, f := range []struct {
		name, text string
		at, size   int
	}{{"sig", h.Signature, 0, 4}, {"oem_id", h.OEMID, 10, 6}, {"oem_table_id", h.OEMTableID, 16, 8}, {"asl_compiler_id", h.CreatorID, 28, 4}} {
		if len(f.text) > f.size || f.at == 0 && f.text != "" && len(f.text) != f.size {
			return nil, fmt.Errorf("%s=%s: want %d letters", f.name, f.text, f.size)
		}
		if f.text != "" {
			clear(p[f.at : f.at+f.size])
			copy(p[f.at:], f.text)
		}
	}
	if h.Revision != nil {
		p[8] = *h.Revision
	}
	if h.OEMRevision != nil {
		le.PutUint32(p[24:], *h.OEMRevision)
	}
	if h.CreatorRevision != nil {
		le.PutUint32(p[32:], *h.CreatorRevision)
	}
	switch string(p[:4]) {
	case "FACP", "FACS", "DSDT", "RSDT", "XSDT", "APIC":
		return nil, fmt.Errorf("%s is the machine's own", p[:4])
	}
	le.PutUint32(p[4:], uint32(len(p)))
	fix(p, 9)
	return p, nil
}
