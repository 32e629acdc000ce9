//go:build !linux || !amd64

package snippet

import "errors"

func openNative() (engine, error) {
	return nil, errors.New("native: the host's CPU runs snippets on linux/amd64 only")
}
