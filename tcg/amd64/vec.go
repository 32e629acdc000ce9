//go:build linux && amd64

package amd64

func (c *compiler) vec() { c.jumpBail() }
func (c *compiler) fpu() { c.jumpBail() }
