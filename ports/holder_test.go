package ports

import (
	"errors"
	"testing"
)

func TestHolderString(t *testing.T) {
	tests := []struct {
		holder Holder
		want   string
	}{
		{Holder{PID: 4711, Process: "python3", User: "ann", UID: 1000}, "python3 (pid 4711, user ann)"},
		{Holder{PID: 4711, Process: "python3", UID: 1000}, "python3 (pid 4711, uid 1000)"},
		{Holder{PID: 4711, Process: "python3", UID: -1}, "python3 (pid 4711)"},
		{Holder{Process: "python3", UID: -1}, "python3"},
		{Holder{PID: 4711, UID: -1}, "pid 4711"},
		{Holder{PID: 4711, User: "ann", UID: 1000}, "pid 4711, user ann"},
		{Holder{User: "ann", UID: 1000}, "a process of user ann"},
		{Holder{UID: 1000}, "a process of uid 1000"},
		{Holder{UID: -1}, "an unknown process"},
		{Holder{UID: -1, State: Closing}, "a connection that is closing (TIME_WAIT)"},
	}
	for _, test := range tests {
		if got := test.holder.String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestNoSuchPort(t *testing.T) {
	for _, port := range []int{-1, 0, 65536} {
		if _, _, err := HolderOf(port); err == nil || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("HolderOf(%d): got %v, want a fault of the number", port, err)
		}
		if err := WaitFree(t.Context(), port); err == nil {
			t.Errorf("WaitFree(%d): got nil, want an error", port)
		}
	}
}
