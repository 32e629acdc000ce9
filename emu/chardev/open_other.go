//go:build !unix

package chardev

import "os"

const openBoth = os.O_RDWR
