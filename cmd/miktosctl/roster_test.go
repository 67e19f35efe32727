package main

import (
	"strings"
	"testing"

	"github.com/miktos/miktosctl/instance"
	"github.com/miktos/miktosctl/supervisor"
)

func rosterOf(states ...instance.State) *roster {
	var s supervisor.Status
	for i, state := range states {
		id := "viewer-" + string(rune('1'+i))
		s.Instances = append(s.Instances, instance.Status{ID: id, Index: i + 1, State: state, Generation: 1})
	}
	return newRoster(s)
}

func ordered(id string) supervisor.Event {
	return supervisor.Event{Type: supervisor.EventAction, Instance: id, Reason: "restart"}
}

func moved(id string, to instance.State, generation int) supervisor.Event {
	return supervisor.Event{Type: supervisor.EventState, Instance: id, To: to, Generation: generation, Reason: "why"}
}

// What an instance was before the order says nothing about what became of the order.
func TestReadyJudgesAfterTheOrder(t *testing.T) {
	anew := func(s *seat) bool { return s.moved && s.Generation > 1 }
	for _, test := range []struct {
		name   string
		before instance.State
		fresh  func(*seat) bool
		events []supervisor.Event
		done   bool
		fault  string
	}{
		{"restart not taken up", instance.Ready, anew, nil, false, ""},
		{"restart of the child that is still ready", instance.Ready, anew, []supervisor.Event{ordered("viewer-1")}, false, ""},
		{"restarted", instance.Ready, anew, []supervisor.Event{ordered("viewer-1"), moved("viewer-1", instance.Starting, 2), moved("viewer-1", instance.Ready, 2)}, true, ""},
		{"restart that fails", instance.Ready, anew, []supervisor.Event{ordered("viewer-1"), moved("viewer-1", instance.Failed, 2)}, false, "viewer-1 is failed: why"},
		{"start of one that runs", instance.Ready, nil, []supervisor.Event{ordered("viewer-1")}, true, ""},
		{"start of a failed one", instance.Failed, nil, []supervisor.Event{ordered("viewer-1")}, false, ""},
		{"start of a failed one that fails again", instance.Failed, nil, []supervisor.Event{ordered("viewer-1"), moved("viewer-1", instance.Failed, 2)}, false, "viewer-1 is failed: why"},
		{"start that is tried again", instance.Failed, nil, []supervisor.Event{ordered("viewer-1"), moved("viewer-1", instance.Backoff, 2)}, false, ""},
	} {
		r := rosterOf(test.before)
		for _, e := range test.events {
			r.apply(e)
		}
		done, err := ready(true, test.fresh)(r.only([]string{"viewer-1"}), r)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if done != test.done || got != test.fault {
			t.Errorf("%s: got %v, %q; want %v, %q", test.name, done, got, test.done, test.fault)
		}
	}
}

func TestReadyTellsAllThatAreLost(t *testing.T) {
	r := rosterOf(instance.Failed, instance.Starting, instance.Stopped)
	judge := ready(false, nil)
	if done, err := judge(r.seats, r); done || err != nil {
		t.Errorf("got %v, %v; want to wait for the one that starts", done, err)
	}
	r.apply(moved("viewer-2", instance.Ready, 1))
	_, err := judge(r.seats, r)
	if err == nil || err.Error() != "viewer-1 is failed\nviewer-3 is stopped" {
		t.Errorf("got %v, want both that are lost", err)
	}
	if got, want := hintOf(err), "miktosctl logs viewer-1 shows what the program said"; got != want {
		t.Errorf("got hint %q, want %q", got, want)
	}
}

func TestRosterFollowsScale(t *testing.T) {
	r := rosterOf(instance.Ready, instance.Ready)
	r.apply(supervisor.Event{Type: supervisor.EventAdded, Instance: "viewer-3"})
	if got, want := starting(r.seats), "starting 2/3 ready"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.apply(supervisor.Event{Type: supervisor.EventRemoved, Instance: "viewer-1"})
	r.apply(supervisor.Event{Type: supervisor.EventAction, Reason: "scale to 2"})
	var ids []string
	for _, s := range r.seats {
		ids = append(ids, s.ID)
	}
	if got, want := strings.Join(ids, " "), "viewer-2 viewer-3"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.apply(moved("viewer-3", instance.Backoff, 1))
	if got, want := starting(r.seats), "starting 1/2 ready · viewer-3 is backoff: why"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// After a gap in the events the status is all there is to go by.
func TestCatchUp(t *testing.T) {
	r := rosterOf(instance.Ready, instance.Ready)
	r.catchUp(supervisor.Status{Instances: []instance.Status{{ID: "viewer-2", State: instance.Ready, Generation: 2}}})
	anew := func(s *seat) bool { return s.moved && s.Generation > 1 }
	if done, err := ready(true, anew)(r.only([]string{"viewer-2"}), r); !done || err != nil {
		t.Errorf("got %v, %v; want done", done, err)
	}
	if r.find("viewer-1") != nil {
		t.Error("one that was removed meanwhile is still there")
	}
}
