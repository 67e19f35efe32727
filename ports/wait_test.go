package ports

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWaitFree(t *testing.T) {
	ownNetwork(t)
	synctest.Test(t, func(t *testing.T) {
		// Not through package net: its sockets are waited for outside the bubble.
		stranger, err := NewAllocator(Options{}).Acquire(preferred)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			stranger.Release()
		}()
		if err := WaitFree(t.Context(), 8080); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 10*time.Second || took > 10*time.Second+100*time.Millisecond {
			t.Errorf("got free after %v, want 10s and at most one more interval", took)
		}
		if err := WaitFree(t.Context(), 8080); err != nil {
			t.Errorf("free port: %v", err)
		}
	})
}

func TestWaitFreeGivesUp(t *testing.T) {
	ownNetwork(t)
	occupy(t, 8080)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := WaitFree(ctx, 8080)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "8080") {
		t.Errorf("got %v, want context.Canceled with the port", err)
	}
}

// A stranger on another address of the machine is in the way, too.
func TestWaitFreeSeesEveryAddress(t *testing.T) {
	ownNetwork(t)
	for _, host := range []string{"127.0.0.2", "::1", ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(8085)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := WaitFree(ctx, 8085); !errors.Is(err, context.Canceled) {
			t.Errorf("listener on %q: got %v, want context.Canceled", host, err)
		}
		l.Close()
		if err := WaitFree(t.Context(), 8085); err != nil {
			t.Errorf("after the listener on %q: %v", host, err)
		}
	}
}
