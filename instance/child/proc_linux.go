package child

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// stat is what /proc/<pid>/stat says about a process.
type stat struct {
	pid, parent, group, session, threads int
	state                                byte
	start                                uint64 // in clock ticks since boot; with pid it names a process for good
}

// readStat reports false for a process that does not exist.
func readStat(pid int) (stat, bool) {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if err != nil {
		return stat{}, false
	}
	return parseStat(pid, data)
}

// parseStat reads from the last parenthesis on: the name before it may hold anything.
func parseStat(pid int, data []byte) (stat, bool) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, false
	}
	f := bytes.Fields(data[end+1:])
	const state, parent, group, session, threads, start = 0, 1, 2, 3, 17, 19
	if len(f) <= start || len(f[state]) != 1 {
		return stat{}, false
	}
	st := stat{pid: pid, state: f[state][0]}
	for _, field := range []struct {
		to *int
		at int
	}{{&st.parent, parent}, {&st.group, group}, {&st.session, session}, {&st.threads, threads}} {
		v, err := strconv.Atoi(string(f[field.at]))
		if err != nil {
			return stat{}, false
		}
		*field.to = v
	}
	var err error
	st.start, err = strconv.ParseUint(string(f[start]), 10, 64)
	return st, err == nil
}

// readChildren returns the children of one thread.
func readChildren(pid, thread int) []int {
	data, err := os.ReadFile(procPath(pid, "task/"+strconv.Itoa(thread)+"/children"))
	if err != nil {
		return nil
	}
	var pids []int
	for field := range bytes.FieldsSeq(data) {
		if child, err := strconv.Atoi(string(field)); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// readPids returns every process of the machine.
func readPids() []int { return readNumbers("/proc") }

// readThreads returns the threads of a process.
func readThreads(pid int) []int { return readNumbers(procPath(pid, "task")) }

// readNumbers returns the entries of a folder whose names are numbers.
func readNumbers(dir string) []int {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1) // a process that dies meanwhile: what was read counts
	numbers := make([]int, 0, len(names))
	for _, name := range names {
		if v, err := strconv.Atoi(name); err == nil {
			numbers = append(numbers, v)
		}
	}
	return numbers
}

// readToken returns the value of TokenVariable in the environment a process was started with.
func readToken(pid int) string {
	data, err := os.ReadFile(procPath(pid, "environ"))
	if err != nil {
		return ""
	}
	for entry := range strings.SplitSeq(string(data), "\x00") {
		if token, ok := strings.CutPrefix(entry, TokenVariable+"="); ok {
			return token
		}
	}
	return ""
}

// fileID names an open file of the machine.
type fileID struct{ device, inode uint64 }

// idOf returns false for what cannot tell two trees apart, such as /dev/null.
func idOf(st *unix.Stat_t) (fileID, bool) {
	kind := st.Mode & unix.S_IFMT
	return fileID{uint64(st.Dev), st.Ino}, kind == unix.S_IFIFO || kind == unix.S_IFSOCK
}

// openFiles returns the pipes and sockets that a process has open.
func openFiles(pid int) map[fileID]struct{} {
	ids := make(map[fileID]struct{})
	dir := descriptorDir(pid)
	for _, fd := range readNumbers(dir) {
		var st unix.Stat_t
		if unix.Stat(dir+"/"+strconv.Itoa(fd), &st) == nil {
			if id, ok := idOf(&st); ok {
				ids[id] = struct{}{}
			}
		}
	}
	return ids
}

// descriptorDir returns the folder of a process's descriptors. A process whose main thread
// ended while others run shows none in the usual place.
func descriptorDir(pid int) string {
	if st, ok := readStat(pid); ok && st.state == 'Z' && st.threads > 1 {
		for _, thread := range readThreads(pid) {
			dir := procPath(pid, "task/"+strconv.Itoa(thread)+"/fd")
			if len(readNumbers(dir)) > 0 { // not one that is ending, too
				return dir
			}
		}
	}
	return procPath(pid, "fd")
}

func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
