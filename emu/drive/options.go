package drive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"goemu/devices/block"
)

// Interfaces of a drive (if=).
const (
	IfIDE    = "ide"
	IfFloppy = "floppy"
	IfNone   = "none"
	IfPflash = "pflash"
)

// Options are the values of -drive.
type Options struct {
	File             string // "": no medium
	ID               string
	If               string // one of the constants above
	Index, Bus, Unit int    // -1: not given
	CD               bool   // media=cdrom
	ReadOnly         bool
	Snapshot         bool // what is written is lost
	Raw              bool // format=raw: images that look like those of another format are taken, too
	Cache            Cache
	Discard          bool // what the guest discards is given back to the host

	onRead, onWrite onError // rerror=, werror=
	readOnlyGiven   bool
}

// Cache says when what the guest wrote is safe from a loss of the host's power. The host's page cache is always used.
type Cache uint8

// Values of cache=.
const (
	WriteBack    Cache = iota // after a flush; none= is the same
	WriteThrough              // after each write; directsync is the same
	Unsafe                    // never
)

func (c Cache) through() bool { return c == WriteThrough }
func (c Cache) unsafe() bool  { return c == Unsafe }

var caches = map[string]Cache{
	"writeback": WriteBack, "none": WriteBack, "writethrough": WriteThrough, "directsync": WriteThrough, "unsafe": Unsafe,
}

// choice has the values that a property may have.
type choice []string

func (c choice) check(name, v string) error {
	if slices.Contains(c, v) {
		return nil
	}
	return fmt.Errorf("%s=%s: want %s", name, v, strings.Join(c, ", "))
}

// setters take the properties of -drive.
var setters = map[string]func(o *Options, name, v string) error{
	"file": func(o *Options, _, v string) error { o.File = v; return nil },
	"id":   func(o *Options, _, v string) error { o.ID = v; return checkID(v) },
	"if": func(o *Options, n, v string) error {
		o.If = v
		return choice{IfIDE, IfFloppy, IfNone, IfPflash}.check(n, v)
	},
	"index": func(o *Options, n, v string) (err error) { o.Index, err = number(n, v); return },
	"bus":   func(o *Options, n, v string) (err error) { o.Bus, err = number(n, v); return },
	"unit":  func(o *Options, n, v string) (err error) { o.Unit, err = number(n, v); return },
	"media": func(o *Options, n, v string) error {
		o.CD = v == "cdrom"
		return choice{"disk", "cdrom"}.check(n, v)
	},
	"readonly":  setReadOnly,
	"read-only": setReadOnly,
	"snapshot":  func(o *Options, n, v string) (err error) { o.Snapshot, err = OnOff(n, v); return },
	"format":    setFormat,
	"driver":    setFormat,
	"cache": func(o *Options, n, v string) error {
		o.Cache = caches[v]
		return choice{"writeback", "none", "writethrough", "directsync", "unsafe"}.check(n, v)
	},
	// There is one way to the host's files: these say only how QEMU would do it.
	"aio": func(_ *Options, n, v string) error { return choice{"threads", "native", "io_uring"}.check(n, v) },
	"discard": func(o *Options, n, v string) error {
		o.Discard = v == "unmap" || v == "on"
		return choice{"ignore", "off", "unmap", "on"}.check(n, v)
	},
	"werror": (*Options).setOnError,
	"rerror": (*Options).setOnError,
}

// ParseOptions reads what -drive is given: props are its name=value pairs. Unknown ones are errors.
func ParseOptions(props map[string]string) (*Options, error) {
	o := &Options{If: IfIDE, Index: -1, Bus: -1, Unit: -1}
	names := make([]string, 0, len(props))
	for name := range props {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		set := setters[name]
		if set == nil {
			return nil, fmt.Errorf("there is no property %q", name)
		}
		if err := set(o, name, props[name]); err != nil {
			return nil, err
		}
	}
	if o.Index >= 0 && (o.Bus >= 0 || o.Unit >= 0) {
		return nil, errors.New("index= and bus= or unit= cannot be given together")
	}
	if o.If == IfNone && (o.Index >= 0 || o.Bus >= 0 || o.Unit >= 0) {
		return nil, errors.New("if=none has no index=, bus= or unit=: they belong to the -device")
	}
	if o.CD && o.If == IfFloppy {
		return nil, errors.New("media=cdrom and if=floppy cannot be given together")
	}
	if o.CD {
		if o.readOnlyGiven && !o.ReadOnly {
			return nil, errors.New("media=cdrom is read-only")
		}
		o.ReadOnly = true
	}
	return o, nil
}

func setReadOnly(o *Options, n, v string) (err error) {
	if o.readOnlyGiven {
		return errors.New("readonly and read-only are the same: give one")
	}
	o.readOnlyGiven = true
	o.ReadOnly, err = OnOff(n, v)
	return err
}

func setFormat(o *Options, n, v string) error {
	if v == "raw" {
		o.Raw = true
		return nil
	}
	for _, f := range formats {
		if f.name == v {
			return fmt.Errorf("%s=%s: goemu reads raw images only: convert it with `qemu-img convert -O raw`", n, v)
		}
	}
	return fmt.Errorf("%s=%s: unknown format (have: raw)", n, v)
}

func number(name, v string) (int, error) {
	n, err := strconv.ParseUint(v, 0, 31)
	if err != nil {
		return -1, fmt.Errorf("%s=%s: want a number", name, v)
	}
	return int(n), nil
}

// OnOff reads a boolean property.
func OnOff(name, v string) (bool, error) {
	switch v {
	case "on", "yes", "true", "y":
		return true, nil
	case "off", "no", "false", "n":
		return false, nil
	}
	return false, fmt.Errorf("%s=%s: want on or off", name, v)
}

func checkID(id string) error {
	for i, c := range id {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80
		if !letter && (i == 0 || !strings.ContainsRune("0123456789-._", c)) {
			return fmt.Errorf("id=%s: an id begins with a letter, then come letters, digits, '-', '.' and '_'", id)
		}
	}
	return nil
}

// formats are how images of other formats begin.
var formats = []struct {
	name, magic string
	at          int
}{
	{"qcow2", "QFI\xfb", 0},
	{"qcow", "QFI\xfb", 0},
	{"qed", "QED\x00", 0},
	{"vmdk", "KDMV", 0},
	{"vmdk", "COWD", 0},
	{"vhdx", "vhdxfile", 0},
	{"vpc", "conectix", 0},
	{"vdi", "\x7f\x10\xda\xbe", 0x40},
}

// probe refuses an image of another format.
func probe(r *raw) error {
	var head [512]byte
	if _, err := r.f.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return cause(err)
	}
	for _, f := range formats {
		if bytes.HasPrefix(head[f.at:], []byte(f.magic)) {
			return fmt.Errorf("it is a %s image and goemu reads raw images only: convert it with `qemu-img convert -O raw`, "+
				"or say format=raw if it is none", f.name)
		}
	}
	return nil
}

// Sectors are the sizes of a medium's sectors in bytes.
type Sectors struct {
	Logical, Physical int // 0: 512, or Logical
}

// Check completes s and finds what is not possible.
func (s *Sectors) Check() error {
	if s.Logical == 0 {
		s.Logical = 512
	}
	if s.Physical == 0 {
		s.Physical = max(s.Logical, 512)
	}
	for _, p := range []struct {
		name string
		n    int
		max  int
	}{{"logical_block_size", s.Logical, 4096}, {"physical_block_size", s.Physical, 2 << 20}} {
		if p.n < 512 || p.n > p.max || bits.OnesCount(uint(p.n)) != 1 {
			return fmt.Errorf("%s=%d: want a power of two from 512 to %d", p.name, p.n, p.max)
		}
	}
	if s.Physical < s.Logical {
		return fmt.Errorf("physical_block_size=%d is less than logical_block_size=%d", s.Physical, s.Logical)
	}
	return nil
}

// Open opens the medium that the options name; nil if they name none. kind and s say what the guest sees it as. Nothing is written.
func (o *Options) Open(kind block.Kind, s Sectors) (*Medium, error) {
	if o.File == "" {
		return nil, nil
	}
	if kind == block.CD {
		s = Sectors{2048, 2048}
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	readOnly := o.ReadOnly || kind == block.CD
	r, err := openRaw(o.File, !readOnly && !o.Snapshot)
	if err != nil {
		return nil, err
	}
	m := &Medium{File: o.File, opts: o, image: r}
	if !o.Raw {
		err = probe(r)
	}
	sector := int64(s.Logical)
	m.Medium = block.Medium{Size: (r.size + sector - 1) / sector * sector, Sector: s.Logical, Physical: s.Physical, ReadOnly: readOnly}
	if m.Size > r.size {
		m.Warning = fmt.Sprintf("%s: its %d bytes are not whole sectors of %d bytes; the rest of the last one reads as 0", o.File, r.size, sector)
	}
	if err == nil && o.Snapshot && !readOnly {
		m.image, err = newOverlay(r, m.Size)
	}
	if err != nil {
		r.Close()
		return nil, openError{o.File, err}
	}
	return m, nil
}

// Contents reads the beginning of a medium that is in no drive yet.
func (m *Medium) Contents(p []byte) error {
	if _, err := m.image.ReadAt(p, 0); err != nil {
		return openError{m.File, err}
	}
	return nil
}

// Abandon closes a medium that was put in no drive.
func (m *Medium) Abandon() {
	if m != nil {
		m.image.Close()
	}
}
