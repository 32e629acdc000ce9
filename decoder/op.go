package decoder

// Op is a mnemonic.
type Op uint16
