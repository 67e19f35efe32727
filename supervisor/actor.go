package supervisor

import "fmt"

// Actor is the user and process that asked for an action, as the kernel tells it
// of the other end of the control socket. The zero value is the supervisor itself.
type Actor struct {
	UID int `json:"uid"`
	PID int `json:"pid"`
}

func (a Actor) String() string {
	if a.PID == 0 {
		return "the supervisor"
	}
	return fmt.Sprintf("pid %d of uid %d", a.PID, a.UID)
}
