package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/coder/websocket"
)

// fakeViewer is a viewer that does what its flags say. It leaves its ports to the
// environment, unless they are given.
func fakeViewer() {
	httpPort := flag.String("http", os.Getenv("MIKTOS_HTTP_PORT"), "port of the page")
	wsPort := flag.String("ws", os.Getenv("MIKTOS_WS_PORT"), "port of the WebSocket")
	say := flag.String("say", "", "print this first")
	code := flag.Int("exit", -1, "end with this code at once")
	deaf := flag.Bool("deaf", false, "do not hear SIGTERM")
	mute := flag.Bool("mute", false, "listen on nothing")
	flag.Parse()
	if *say != "" {
		fmt.Println(*say)
	}
	if *code >= 0 {
		os.Exit(*code)
	}
	if *deaf {
		signal.Ignore(syscall.SIGTERM)
	}
	if *mute {
		fmt.Println("listening to nothing")
		<-make(chan os.Signal)
	}
	pages := http.NewServeMux()
	pages.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s of %s, child %s\n", os.Getenv("MIKTOS_INSTANCE"), os.Getenv("MIKTOS_FLEET"), os.Getenv("MIKTOS_GENERATION"))
	})
	pages.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) {
		fmt.Println("asked to crash")
		os.Exit(3)
	})
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err == nil {
			<-c.CloseRead(r.Context()).Done()
		}
	})
	fail := make(chan error)
	serve := func(port string, h http.Handler) {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			err = http.Serve(l, h)
		}
		fail <- err
	}
	go serve(*wsPort, stream)
	go serve(*httpPort, pages)
	fmt.Println("serving on", *httpPort, *wsPort)
	fmt.Fprintln(os.Stderr, <-fail)
	os.Exit(1)
}
