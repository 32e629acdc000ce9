package decoder

import "errors"

// Errors of Decode.
var (
	// ErrTruncated: code ends inside the instruction. Give more bytes (15 are always enough).
	ErrTruncated = errors.New("decoder: instruction truncated")
	// ErrTooLong: the instruction is longer than 15 bytes, which is #GP(0).
	ErrTooLong = errors.New("decoder: instruction longer than 15 bytes")
	// ErrUndefined: no such instruction, which is #UD.
	ErrUndefined = errors.New("decoder: undefined instruction")
)

// Decode decodes the instruction at the start of code, as in a code segment of
// default size mode, into out. On ErrUndefined out.Op is Invalid and out.Len the length as far as it is known.
func Decode(code []byte, mode Mode, out *Inst) error {
	*out = Inst{Mode: mode}
	return ErrUndefined
}
