//go:build !linux

package control

import "fmt"

// maxSocketPath is what fits into the address of a unix socket.
const maxSocketPath = 103

// reach returns a path to a socket that is short enough for its address.
func reach(path string) (short string, done func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	return "", nil, fmt.Errorf("its path has %d bytes, a socket's has at most %d", len(path), maxSocketPath)
}
