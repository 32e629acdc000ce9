//go:build !linux

package chardev

import "errors"

func openPTY() (*Link, error) {
	return nil, errors.New("character device pty: only on Linux; use tcp: or unix:")
}
