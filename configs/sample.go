package configs

import (
	"embed"
	"io/fs"
)

//go:embed sample.toml
var sample string

//go:embed examples/*.toml
var examples embed.FS

// Sample returns a fleet file with every key in it, explained and commented out
// with its default. As it stands it is the fleet of [Default].
func Sample() string { return sample }

// Examples returns fleet files to start from, such as studio.toml. Each loads.
func Examples() fs.FS {
	sub, err := fs.Sub(examples, "examples")
	if err != nil {
		panic(err) // the name is one that embed accepted
	}
	return sub
}
