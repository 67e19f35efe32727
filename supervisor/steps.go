package supervisor

import (
	"context"
	"log/slog"
	"time"

	"github.com/miktos/miktosctl/instance"
)

// changed hears every step of every instance.
func (s *Supervisor) changed(c instance.Change) {
	st := c.Status
	s.history.add(Event{
		Type:       EventState,
		Instance:   st.ID,
		From:       c.From,
		To:         st.State,
		Reason:     st.Reason,
		Class:      c.Class,
		PID:        st.PID,
		Generation: st.Generation,
		HTTPPort:   st.HTTPPort,
		WSPort:     st.WSPort,
	})
	s.logStep(c)
	if st.State == instance.Stopped {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, m := range s.members {
			if m.ID() == st.ID && m.leaving {
				m.removed = true
				m.cancel()
			}
		}
	}
}

func (s *Supervisor) logStep(c instance.Change) {
	st := c.Status
	attrs := []any{"instance", st.ID}
	if st.PID != 0 {
		attrs = append(attrs, "pid", st.PID)
	}
	if st.HTTPPort != 0 {
		attrs = append(attrs, "http", st.HTTPPort, "ws", st.WSPort)
	}
	if st.Reason != "" {
		attrs = append(attrs, "reason", st.Reason)
	}
	if st.NextTryAt != nil {
		attrs = append(attrs, "next_try_in", time.Until(*st.NextTryAt).Round(time.Millisecond))
	}
	level := slog.LevelInfo
	switch st.State {
	case instance.Degraded, instance.Backoff:
		level = slog.LevelWarn
	case instance.Failed:
		level = slog.LevelError
	case instance.Pending, instance.Starting:
		if c.Class == instance.ClassNone {
			level = slog.LevelDebug
		} else {
			level = slog.LevelWarn
		}
	}
	s.log.Log(context.Background(), level, string(st.State), attrs...)
}
