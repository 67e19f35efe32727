package child

import (
	"log/slog"
	"testing"
)

// A program that ends at once: spawn, exit, sweep and reap.
func BenchmarkLife(b *testing.B) {
	n, err := Open(slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	for b.Loop() {
		c, err := n.Start(Command{Path: "/bin/true"})
		if err != nil {
			b.Fatal(err)
		}
		<-c.Gone()
	}
}

func BenchmarkOwns(b *testing.B) {
	n := newNursery(b)
	a := start(b, n, "listen")
	inode := uint64(a.hearNumber(b, "inode"))
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			if !a.Owns(inode) {
				b.Fatal("not found")
			}
		}
	})
	b.Run("searched", func(b *testing.B) {
		for b.Loop() {
			clear(a.holders)
			if !a.Owns(inode) {
				b.Fatal("not found")
			}
		}
	})
}
