//go:build !linux

package ports

// newClaimer falls back to probes: the late SO_REUSEADDR that guards are built on is
// Linux's own.
func newClaimer() claimer { return &probeClaimer{} }

func newReleasedClaimer() claimer { return newClaimer() }

func newYieldedClaimer() claimer { return newClaimer() }

// share and shut are never called: a probe has no socket.
func (*guard) share() error { return nil }

func (*guard) shut() error { return nil }
