//go:build !linux || !amd64

package amd64

import (
	"errors"
	"io"

	"goemu/tcg"
)

// errHost is what New returns where there is no native back end.
var errHost = errors.New("no native code generator for this host")

// Engine is the native engine; on this host there is none.
type Engine struct{}

// Supported tells whether this host can run generated code: false here.
func Supported() bool { return false }

// New fails on this host.
func New(Options) (*Engine, error) { return nil, errHost }

// Compile fails on this host.
func (*Engine) Compile(*tcg.Block) (*Code, error) { return nil, errHost }

// The rest of the engine does nothing on this host.
func (*Engine) Link(c *Code, edge int, to *Code, toRIP uint64) {}
func (*Engine) Learn(c *Code, edge int, rip uint64)            {}
func (*Engine) Unlink(c *Code, edge int)                       {}
func (*Engine) Run(env *tcg.Env, code uintptr)                 {}
func (*Engine) Again(env *tcg.Env, code uintptr)               {}
func (*Engine) Prepare(env *tcg.Env)                           {}
func (*Engine) LookupStub() uintptr                            { return 0 }
func (*Engine) Reset()                                         {}
func (*Engine) Close() error                                   { return nil }
func (*Engine) Size() int                                      { return 0 }
func (*Engine) Used() int                                      { return 0 }

// Inline is false: there is no host code.
func Inline(*tcg.Op) bool { return false }

// SyncX87 does nothing on this host.
func SyncX87(*tcg.Env) {}

// Listing writes nothing on this host.
func (*Code) Listing(io.Writer) error { return errHost }
