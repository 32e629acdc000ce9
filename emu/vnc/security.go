package vnc

import (
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strconv"
)

// Security types (RFC 6143 7.2).
const (
	securityInvalid = 0
	securityNone    = 1
	securityVNC     = 2
)

const challengeSize = 16

// version exchanges versions (RFC 6143 7.1.1) and gives the minor one: 3, 7 or 8.
func (c *client) version() (minor int, err error) {
	c.print("RFB 003.008\n")
	if err := c.out.Flush(); err != nil {
		return 0, err
	}
	var p [12]byte
	if _, err := io.ReadFull(c.in, p[:]); err != nil {
		return 0, err
	}
	major, err1 := strconv.ParseUint(string(p[4:7]), 10, 16)
	n, err2 := strconv.ParseUint(string(p[8:11]), 10, 16)
	if string(p[:4]) != "RFB " || p[7] != '.' || p[11] != '\n' || err1 != nil || err2 != nil || major < 3 {
		return 0, fmt.Errorf("version %q", p)
	}
	switch {
	case major > 3 || n == 8:
		return 8, nil
	case n == 7:
		return 7, nil
	}
	return 3, nil // what else there is of 3.x is to be taken as that
}

// refuse ends the exchange before it has begun.
func (c *client) refuse(minor int, why string) error {
	if minor == 3 {
		c.u32(securityInvalid)
	} else {
		c.u8(0)
	}
	c.u32(uint32(len(why)))
	c.print(why)
	return errors.Join(errors.New(why), c.out.Flush())
}

// secure agrees on who the viewer is (RFC 6143 7.1.2, 7.1.3).
func (c *client) secure(minor int) error {
	c.s.mu.Lock()
	password := c.s.password
	c.s.mu.Unlock()
	kind := uint8(securityNone)
	if c.s.opts.Password {
		kind = securityVNC
		if password == "" {
			return c.refuse(minor, "The password is not set yet")
		}
	}
	if minor == 3 {
		c.u32(uint32(kind))
	} else {
		c.u8(1)
		c.u8(kind)
		if err := c.out.Flush(); err != nil {
			return err
		}
		chosen, err := c.in.ReadByte()
		if err != nil {
			return err
		}
		if chosen != kind {
			return c.result(minor, "There is no such security type")
		}
	}
	if kind == securityVNC {
		ok, err := c.challenge(password)
		if err != nil {
			return err
		}
		if !ok {
			return c.result(minor, "The password is wrong")
		}
	} else if minor < 8 {
		return c.out.Flush() // without a result
	}
	return c.result(minor, "")
}

// result tells whether the viewer may go on: if there is no reason why not.
func (c *client) result(minor int, why string) error {
	if why == "" {
		c.u32(0)
		return c.out.Flush()
	}
	c.u32(1)
	if minor >= 8 {
		c.u32(uint32(len(why)))
		c.print(why)
	}
	return errors.Join(errors.New(why), c.out.Flush())
}

// challenge has the viewer encrypt a random number with the password (RFC 6143 7.2.2).
func (c *client) challenge(password string) (ok bool, err error) {
	var number, answer [challengeSize]byte
	if _, err := rand.Read(number[:]); err != nil {
		return false, err
	}
	c.bytes(number[:])
	if err := c.out.Flush(); err != nil {
		return false, err
	}
	if _, err := io.ReadFull(c.in, answer[:]); err != nil {
		return false, err
	}
	want, err := encrypt(password, number)
	return subtle.ConstantTimeCompare(want[:], answer[:]) == 1, err
}

// encrypt is DES of both halves; the key is 8 characters, padded with zeroes, each with its bits in reverse order.
func encrypt(password string, number [challengeSize]byte) (out [challengeSize]byte, err error) {
	var key [8]byte
	copy(key[:], password)
	for i := range key {
		key[i] = bits.Reverse8(key[i])
	}
	block, err := des.NewCipher(key[:])
	if err != nil {
		return out, err
	}
	block.Encrypt(out[:8], number[:8])
	block.Encrypt(out[8:], number[8:])
	return out, nil
}

// begin is the exchange up to the first message (RFC 6143 7.1 to 7.3.2).
func (c *client) begin() error {
	minor, err := c.version()
	if err != nil {
		return err
	}
	if err := c.secure(minor); err != nil {
		return err
	}
	shared, err := c.in.ReadByte()
	if err != nil {
		return err
	}
	if err := c.s.join(c, shared != 0); err != nil {
		return err
	}
	c.s.look()
	v := &c.s.screen
	v.RLock()
	c.resize(v.frame.Width, v.frame.Height)
	v.RUnlock()
	c.format = standard
	c.u16(uint16(c.w))
	c.u16(uint16(c.h))
	c.bytes(binary.BigEndian.AppendUint16([]byte{32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0}, 0))
	c.u8(0)
	c.u32(uint32(len(c.s.name)))
	c.print(c.s.name)
	return c.out.Flush()
}
