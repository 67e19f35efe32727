package child

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Owns reports whether a process of the tree has the socket with this inode open. The
// place where it was seen last is tried first, then the leader, then everybody else.
func (c *Child) Owns(inode uint64) bool {
	c.socketsMu.Lock()
	defer c.socketsMu.Unlock()
	if at, ok := c.holders[inode]; ok {
		if socketAt(procPath(at.pid, "fd/"+strconv.Itoa(at.fd))) == inode {
			return true
		}
		delete(c.holders, inode)
	}
	if c.find(c.pid, inode) {
		return true
	}
	for _, pid := range c.Pids() {
		if pid != c.pid && c.find(pid, inode) {
			return true
		}
	}
	return false
}

func (c *Child) find(pid int, inode uint64) bool {
	select {
	case <-c.gone:
		return false
	default:
	}
	dir := descriptorDir(pid)
	for _, fd := range readNumbers(dir) {
		if socketAt(dir+"/"+strconv.Itoa(fd)) == inode {
			if c.holders == nil {
				c.holders = make(map[uint64]holder)
			}
			c.holders[inode] = holder{pid, fd}
			return true
		}
	}
	return false
}

// Sockets returns the inodes of all sockets that the tree has open.
func (c *Child) Sockets() map[uint64]bool {
	inodes := make(map[uint64]bool)
	for _, pid := range c.Pids() {
		dir := descriptorDir(pid)
		for _, fd := range readNumbers(dir) {
			if inode := socketAt(dir + "/" + strconv.Itoa(fd)); inode != 0 {
				inodes[inode] = true
			}
		}
	}
	return inodes
}

// socketAt returns the inode of the socket that a descriptor's link names, or 0.
func socketAt(path string) uint64 {
	var buf [32]byte
	n, err := unix.Readlink(path, buf[:])
	if err != nil {
		return 0
	}
	number, ok := strings.CutPrefix(string(buf[:n]), "socket:[")
	if !ok {
		return 0
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
	if err != nil {
		return 0
	}
	return inode
}
