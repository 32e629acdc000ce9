package vnc

import (
	"bytes"
	"compress/zlib"
)

// encoder has the streams of a connection, which go from rectangle to rectangle, and room.
type encoder struct {
	zlib, zrle stream
	raw        []byte
	tile       tileCoder
}

// stream is a zlib stream that lasts as long as the connection.
type stream struct {
	buf bytes.Buffer
	w   *zlib.Writer
}

// pack gives what the stream makes of p. It is there until the next call.
func (s *stream) pack(p []byte) ([]byte, error) {
	s.buf.Reset()
	if s.w == nil {
		w, err := zlib.NewWriterLevel(&s.buf, zlib.BestSpeed)
		if err != nil {
			return nil, err
		}
		s.w = w
	}
	if _, err := s.w.Write(p); err != nil {
		return nil, err
	}
	err := s.w.Flush()
	return s.buf.Bytes(), err
}

// paint sends a rectangle of what the viewer is to have.
func (c *client) paint(r rect, encoding int32) error {
	p := &c.painter
	e := &p.encoder
	c.header(r, encoding)
	e.raw = e.raw[:0]
	if encoding == encZRLE {
		e.zrleTiles(p, r)
		return c.packed(&e.zrle)
	}
	for y := r.y; y < r.y+r.h; y++ {
		e.raw = p.pixels.line(e.raw, p.have[y*p.w+r.x:][:r.w])
	}
	if encoding == encZlib {
		return c.packed(&e.zlib)
	}
	c.bytes(e.raw)
	return nil
}

// packed sends what encoder.raw holds, through a stream.
func (c *client) packed(s *stream) error {
	z, err := s.pack(c.painter.encoder.raw)
	if err != nil {
		return err
	}
	c.u32(uint32(len(z)))
	c.bytes(z)
	return nil
}
