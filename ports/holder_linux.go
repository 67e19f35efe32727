package ports

import (
	"errors"

	"golang.org/x/sys/unix"
)

func holderOf(port int) (Holder, bool, error) {
	var sockets []diagMessage
	dumpErr := dump(anyState, port, port, func(m diagMessage) { sockets = append(sockets, m) })

	holder := Holder{Port: port, UID: -1}
	for _, holder.State = range []State{Listening, Leased, Bound, Connected, Closing} {
		found := inState(sockets, holder.State)
		switch pid, uid, leased := 0, 0, false; {
		case holder.State == Leased:
			if pid, uid, leased = lockHolder(port); !leased {
				continue
			}
			holder.PID, holder.UID = pid, uid
		case len(found) == 0:
			continue
		case holder.State != Closing:
			holder.PID, holder.UID = owner(found), found[0].uid
		}
		holder.User = userName(holder.UID)
		describe(&holder)
		return holder, true, nil
	}
	return Holder{}, false, dumpErr
}

func (s Socket) holder(port int) Holder {
	h := Holder{Port: port, PID: processWith(map[uint64]bool{s.Inode: true}), UID: s.UID, User: userName(s.UID), State: Listening}
	describe(&h)
	return h
}

// inState picks the sockets that make up a state.
func inState(sockets []diagMessage, state State) []diagMessage {
	var found []diagMessage
	for _, m := range sockets {
		is := Connected
		switch {
		case m.state == tcpListen:
			is = Listening
		case m.state == tcpClose, m.state == tcpBoundInactive:
			is = Bound
		case m.inode == 0: // TIME_WAIT, or closed by its process and not yet by the other end
			is = Closing
		}
		if is == state {
			found = append(found, m)
		}
	}
	return found
}

// owner returns a process that has one of the sockets open; 0 if none can be seen.
func owner(sockets []diagMessage) int {
	inodes := make(map[uint64]bool, len(sockets))
	for _, m := range sockets {
		inodes[m.inode] = true
	}
	return processWith(inodes)
}

// lockHolder asks the abstract lock of a port whose it is. The connection is never
// accepted and takes a place in the lock's queue for as long as the lease lives; a full
// queue leaves the holder unnamed.
func lockHolder(port int) (pid, uid int, ok bool) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, 0, false
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: lockName(port)})
	if errors.Is(err, unix.EAGAIN) {
		return 0, -1, true
	} else if err != nil {
		return 0, 0, false
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, -1, true
	}
	return int(peer.Pid), int(peer.Uid), true
}
