package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// width returns how many columns a terminal has, 0 if the file is none.
func width(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case size.Col == 0:
		return 80
	}
	return int(size.Col)
}

// paint puts text into colours, or leaves it as it is.
type paint bool

// painter returns the paint for a file: colours are for terminals, and for people who
// want them.
func (a *app) painter(f *os.File) paint {
	return paint(width(f) > 0 && a.env("NO_COLOR") == "" && a.env("TERM") != "dumb")
}

type colour string

const (
	plain  colour = ""
	bold   colour = "1"
	dim    colour = "2"
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	blue   colour = "34"
	purple colour = "35"
	cyan   colour = "36"
)

func (p paint) in(c colour, text string) string {
	if !p || c == plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
