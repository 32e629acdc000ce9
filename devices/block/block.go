// Package block is what a drive is to the controller that it hangs on: requests that complete later, and
// media that may change.
//
// All methods are called, and all callbacks come, with the machine's lock held.
package block

import "errors"

// Op is what a request asks for.
type Op uint8

// Operations.
const (
	Read    Op = iota // Data from Offset on
	Write             // Data to Offset on
	Flush             // what was written is safe from a loss of power when it is done
	Discard           // Length bytes from Offset on are no longer needed; they read as 0 or as before
)

// Errors of requests, beside those of the host (*fs.PathError with syscall.ENOSPC, EIO ...).
var (
	ErrReadOnly = errors.New("the medium is write-protected")
	ErrNoMedium = errors.New("there is no medium")
	ErrRange    = errors.New("beyond the end of the medium")
)

// Request is one transfer. Controllers keep requests and use them again; a request is the drive's from Submit until Done is called.
type Request struct {
	Op     Op
	Offset int64  // in bytes, a multiple of the medium's sector size
	Length int64  // in bytes, of Discard only
	Data   []byte // whole sectors; nil for Flush and Discard

	// Done is called when all is done or has failed, never from within Submit. It may submit again.
	Done func(*Request)
	Err  error // nil: all of Data was transferred
}

// Medium describes what is in a drive.
type Medium struct {
	Size     int64 // in bytes, a multiple of Sector
	Sector   int   // bytes of a logical sector: 512, 1024, 2048 or 4096
	Physical int   // bytes of a physical sector, >= Sector
	ReadOnly bool
}

// Drive is one drive.
type Drive interface {
	// Medium is what is in the drive now; ok is false if nothing is.
	Medium() (m Medium, ok bool)
	// Submit starts a request. Requests are done in the order of Submit.
	Submit(r *Request)
	// Removable tells whether the medium can change.
	Removable() bool
	// OnChange sets what is called after a medium was taken out or put in (two calls for a swap), by whomever, but
	// never from within Eject and Insert: who calls these knows. There is one listener.
	OnChange(fn func())
	// Eject takes the medium out, at the guest's wish; without a medium nothing happens.
	Eject()
	// Insert closes the tray: the medium that Eject took out is in again. Without one the tray closes empty.
	Insert()
	// TrayOpen tells whether the tray is out; never for drives without one (Info.Kind other than CD).
	TrayOpen() bool
	// Lock forbids the host's user to take the medium out (PREVENT ALLOW MEDIUM REMOVAL).
	Lock(on bool)
	// OnEjectRequest sets what is called when the host's user wants a locked medium.
	OnEjectRequest(fn func())
	// Info is what the drive says about itself.
	Info() Info
}

// Kind is what a drive is.
type Kind uint8

// Kinds of drives.
const (
	Disk Kind = iota
	CD
	Floppy
)

// Info is the identity of a drive. Empty fields: the controller's usual text.
type Info struct {
	Kind                   Kind
	Serial, Model, Version string // at most 20, 40 and 8 characters
	WWN                    uint64
	WriteCache             bool // writes may be lost without Flush
	BootIndex              int  // place in the boot order, from 0; -1: not given
	Cylinders              int  // geometry that the user gave; 0: none
	Heads, Sectors         int
}
