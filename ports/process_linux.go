package ports

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// processWith returns the process that has one of the socket inodes open, the oldest by
// number if there are several: a server's master rather than its workers. 0: none that
// we may look into.
func processWith(inodes map[uint64]bool) int {
	links := make(map[string]bool, len(inodes))
	for inode := range inodes {
		if inode != 0 {
			links["socket:["+strconv.FormatUint(inode, 10)+"]"] = true
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil || len(links) == 0 {
		return 0
	}
	lowest := 0
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || lowest != 0 && pid > lowest {
			continue
		}
		folder := "/proc/" + entry.Name() + "/fd/"
		fds, _ := os.ReadDir(folder) // the process may be gone, or not ours to see
		for _, fd := range fds {
			if link, err := os.Readlink(folder + fd.Name()); err == nil && links[link] {
				lowest = pid
				break
			}
		}
	}
	return lowest
}

// describe fills in what /proc says about the holder's process. A process that ends
// meanwhile leaves the rest unknown.
func describe(h *Holder) {
	if h.PID <= 0 {
		return
	}
	folder := "/proc/" + strconv.Itoa(h.PID) + "/"
	if name, err := os.ReadFile(folder + "comm"); err == nil {
		h.Process = strings.TrimSuffix(string(name), "\n")
	}
	if line, err := os.ReadFile(folder + "cmdline"); err == nil && len(line) > 0 {
		h.Command = strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
	}
	if stat, err := os.ReadFile(folder + "stat"); err == nil {
		h.Since = startTime(stat)
	}
}

// startTime reads when a process started out of its /proc/<pid>/stat; zero if it cannot.
func startTime(stat []byte) time.Time {
	// The second field is the program's name in brackets and may hold anything.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const startField = 22 - 3
	if len(fields) <= startField {
		return time.Time{}
	}
	ticks, err := strconv.ParseInt(string(fields[startField]), 10, 64)
	if err != nil {
		return time.Time{}
	}
	machine, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	_, after, found := bytes.Cut(machine, []byte("\nbtime "))
	boot, err := strconv.ParseInt(string(bytes.TrimSpace(firstLine(after))), 10, 64)
	if !found || err != nil {
		return time.Time{}
	}
	const tick = 10 * time.Millisecond // USER_HZ, 100 on every system that Go runs on
	return time.Unix(boot, 0).Add(time.Duration(ticks) * tick)
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}
