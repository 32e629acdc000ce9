package bios

// The BIOS data area at 0040:0000, as linear addresses (IBM PC AT Technical Reference, section 5; later fields as the industry has them).
const (
	bdaCOM           = 0x400 // four words: ports of COM1 to COM4
	bdaLPT           = 0x408 // three words: ports of LPT1 to LPT3
	bdaEBDA          = 0x40e // segment of the extended BIOS data area
	bdaEquipment     = 0x410
	bdaMemory        = 0x413 // KiB of base memory
	bdaKeyFlags      = 0x417 // two bytes: shift keys
	bdaKeyAlt        = 0x419 // number that is typed with Alt
	bdaKeyHead       = 0x41a // offset in the BDA of the next key
	bdaKeyTail       = 0x41c // and of the next free place
	bdaKeyBuffer     = 0x41e // 16 words
	bdaFloppyCal     = 0x43e // recalibrated drives; bit 7: interrupt came
	bdaFloppyMotor   = 0x43f
	bdaFloppyTicks   = 0x440 // until the motors stop
	bdaFloppyStatus  = 0x441 // of the last operation
	bdaFloppyResult  = 0x442 // seven bytes
	bdaVideo         = 0x449 // up to 466h: see video.go
	bdaTicks         = 0x46c // since midnight
	bdaMidnight      = 0x470
	bdaBreak         = 0x471 // bit 7: Ctrl-Break was hit
	bdaResetFlag     = 0x472 // 1234h: no memory test
	bdaDiskStatus    = 0x474
	bdaDiskCount     = 0x475
	bdaDiskControl   = 0x476
	bdaLPTTimeout    = 0x478 // four bytes
	bdaCOMTimeout    = 0x47c // four bytes
	bdaKeyStart      = 0x480 // of the buffer, offset in the BDA
	bdaKeyEnd        = 0x482
	bdaDiskInterrupt = 0x48e
	bdaFloppyMedia   = 0x490 // two bytes: media state of the drives
	bdaKeyMode       = 0x496
	bdaKeyLEDs       = 0x497
	bdaWaitFlag      = 0x498 // far pointer to the byte whose bit 7 ends INT 15h, 83h
	bdaWaitCount     = 0x49c // microseconds left
	bdaWaitActive    = 0x4a0
)

const warmBoot = 0x1234 // bdaResetFlag

// The extended BIOS data area: the last KiB below 640 KiB.
const (
	ebdaSegment = 0x9fc0
	ebdaBase    = ebdaSegment << 4
	ebdaSize    = 1 // KiB
	baseMemory  = 640 - ebdaSize

	ebdaMouseHandler = 0x22 // far pointer
	ebdaMouseFlag1   = 0x26 // bits 0-2: bytes of the packet so far
	ebdaMouseFlag2   = 0x27 // bits 0-2: bytes of a packet less 1; bit 7: there is a handler
	ebdaMouseData    = 0x28 // eight bytes
	ebdaDPTE         = 0x60 // device parameter table extension, 16 bytes
	ebdaDisk0        = 0x3d // parameters of the first hard disk, 16 bytes; then of the second
)
