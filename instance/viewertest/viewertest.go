// Package viewertest turns a test binary into viewers, friendly and hostile ones.
//
// A test's TestMain calls [Main] first; [Command] is then the command of a viewer
// that serves the ports in its environment, as the contract with a child says.
package viewertest

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

const word = "be-a-viewer"

// Command returns the argv of a viewer with the given flags; see behaviour.
func Command(flags ...string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{self, word}, flags...)
}

// Main runs the viewer if this process is to be one, and then does not return.
func Main() {
	if len(os.Args) < 2 || os.Args[1] != word {
		// A viewer with the race detector in it would take a second to exit.
		os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
		return
	}
	var b behaviour
	f := flag.NewFlagSet(word, flag.ExitOnError)
	f.BoolVar(&b.deaf, "deaf", false, "ignore the stop signal")
	f.BoolVar(&b.silent, "silent", false, "never listen")
	f.BoolVar(&b.pageOnly, "page-only", false, "answer HTTP on both ports, WebSocket on none")
	f.BoolVar(&b.halfDead, "half-dead", false, "say that the address is in use and live on without the page")
	f.BoolVar(&b.orphan, "orphan", false, "leave the work to a grandchild and die with code 1 once it serves")
	f.BoolVar(&b.plain, "plain", false, "bind without SO_REUSEADDR")
	f.BoolVar(&b.survivor, "survivor", false, "live on where a port cannot be bound")
	f.IntVar(&b.shift, "shift", 0, "listen so many ports further on")
	f.IntVar(&b.code, "code", 0, "exit code")
	f.DurationVar(&b.exit, "exit", -1, "exit by itself after so long")
	f.DurationVar(&b.fade, "fade", 0, "stop listening for WebSockets after so long")
	f.DurationVar(&b.late, "late", 0, "listen only after so long")
	f.IntVar(&b.chatty, "chatty", 0, "print so many numbered lines before listening")
	f.Parse(os.Args[2:])
	b.run()
}

type behaviour struct {
	deaf, silent, pageOnly, halfDead, orphan, plain, survivor bool
	shift, code, chatty                                       int
	exit, late, fade                                          time.Duration
}

func (b behaviour) run() {
	log.SetFlags(0)
	log.SetOutput(os.Stderr)
	stop := make(chan os.Signal, 1)
	if b.deaf {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	} else {
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	}
	var own <-chan time.Time
	if b.exit >= 0 {
		own = time.After(b.exit)
	}
	for n := range b.chatty {
		fmt.Println("line", n+1)
	}
	if b.late > 0 {
		<-time.After(b.late)
	}
	switch {
	case b.orphan:
		b.leave()
	case b.silent:
	case b.halfDead:
		log.Print("OSError: [Errno 98] Address already in use")
		b.serve("MIKTOS_WS_PORT", stream)
	default:
		b.serve("MIKTOS_HTTP_PORT", page)
		if b.pageOnly {
			b.serve("MIKTOS_WS_PORT", page)
		} else {
			b.serve("MIKTOS_WS_PORT", stream)
		}
	}
	select {
	case <-stop:
		os.Exit(0)
	case <-own:
		log.Print("leaving by itself")
		os.Exit(b.code)
	}
}

// leave starts a grandchild in the same session that serves, and dies when it does.
func (b behaviour) leave() {
	r, w, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	c := exec.Command(os.Args[0], word, "-deaf")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.ExtraFiles = []*os.File{w}
	c.Env = append(os.Environ(), "VIEWERTEST_TELL=3")
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	w.Close()
	r.Read(make([]byte, 1))
	os.Exit(1)
}

func (b behaviour) serve(variable string, h http.HandlerFunc) {
	port := 0
	fmt.Sscan(os.Getenv(variable), &port)
	var lc net.ListenConfig
	if b.plain {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0)
			})
		}
	}
	l, err := lc.Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port+b.shift))
	if err != nil && b.survivor {
		log.Print(err)
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(l, h)
	if variable == "MIKTOS_WS_PORT" && b.fade > 0 {
		time.AfterFunc(b.fade, func() { l.Close() })
	}
	if variable == "MIKTOS_WS_PORT" && os.Getenv("VIEWERTEST_TELL") != "" {
		os.NewFile(3, "tell").Write([]byte{1})
	}
}

// page says who serves it, so that a test knows whom it reached.
func page(w http.ResponseWriter, _ *http.Request) {
	for _, name := range []string{"MIKTOS_INSTANCE", "MIKTOS_FLEET", "MIKTOS_GENERATION", "MIKTOS_HTTP_PORT", "MIKTOS_WS_PORT", "PORT", "MIKTOS_URL"} {
		fmt.Fprintf(w, "%s=%s\n", name, os.Getenv(name))
	}
}

// stream sends more than a default read limit on connect, as real viewers do with
// their scene, and then echoes.
func stream(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := r.Context()
	if c.Write(ctx, websocket.MessageText, []byte(strings.Repeat("scene ", 10_000))) != nil {
		return
	}
	for {
		kind, data, err := c.Read(ctx)
		if err != nil || c.Write(ctx, kind, data) != nil {
			return
		}
	}
}
