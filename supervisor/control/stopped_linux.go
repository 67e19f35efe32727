package control

import (
	"bytes"
	"fmt"
	"os"
)

// isStopped says whether a process is stopped, other than by a debugger.
func isStopped(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The name before the state is in brackets, and may have some in it.
	return bytes.HasPrefix(text[bytes.LastIndexByte(text, ')')+1:], []byte(" T "))
}
