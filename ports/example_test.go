package ports_test

import (
	"fmt"
	"log"

	"github.com/miktos/miktosctl/ports"
)

// A supervisor leases a pair, lets a child bind it, and gives it back when the child is
// gone.
func ExampleAllocator_Acquire() {
	allocator := ports.NewAllocator(ports.Defaults())
	lease, err := allocator.Acquire(ports.Request{
		Preferred: ports.Pair{HTTP: 8080, WebSocket: 8081},
		Owner:     "studio/viewer-1",
	})
	if err != nil {
		log.Fatal(err) // no available ports found near 8080: …
	}
	pair := lease.Pair() // 8080/8081, or the next that nobody has
	fmt.Println("free while leased:", allocator.Available(pair.HTTP))

	if err := lease.Share(); err != nil {
		log.Fatal(err)
	}
	// Here the child is spawned: it is told the two numbers, and inherits lease.Files().
	// When the last process of its tree is gone:
	lease.Release()
	fmt.Println("free when released:", allocator.Available(pair.HTTP))
	// Output:
	// free while leased: false
	// free when released: true
}
