package ports

import "strconv"

// Pair is the two ports of one viewer. A zero number stands for none.
type Pair struct {
	HTTP      int
	WebSocket int
}

// String returns the form used in messages and logs: 8080/8081.
func (p Pair) String() string {
	return strconv.Itoa(p.HTTP) + "/" + strconv.Itoa(p.WebSocket)
}

// highest and lowest are the ends of what can ever be leased: below are the system's ports.
const (
	lowest  = 1024
	highest = 65535
)
