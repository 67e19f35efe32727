package control

import (
	"context"

	"github.com/miktos/miktosctl/instance/output"
	"github.com/miktos/miktosctl/supervisor"
)

// Backend is the fleet that a server answers for: a [supervisor.Supervisor]. All
// methods are called concurrently, and none may wait for an instance.
type Backend interface {
	Status() supervisor.Status
	Resolve(words []string) ([]string, error)
	Start(ids []string, by supervisor.Actor) error
	Stop(ids []string, by supervisor.Actor) error
	Restart(ids []string, by supervisor.Actor) error
	Scale(n int, by supervisor.Actor) error
	Down(by supervisor.Actor)
	Kill(by supervisor.Actor)
	Subscribe(ctx context.Context, after uint64) <-chan supervisor.Event
	Output(id string) *output.Log
}

var _ Backend = (*supervisor.Supervisor)(nil)
