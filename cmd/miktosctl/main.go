// Command miktosctl runs any number of viewers side by side on one machine, each on a
// pair of ports that nobody else has.
//
// Words come in here and an exit code goes out; what a fleet does is in package
// supervisor. There is one file for each command. Only up builds a supervisor; every
// other command is a client of its control socket, or reads files.
//
// Exit codes: 0 done; 1 it did not work (status: not all ready); 2 usage or fleet
// file; 3 no supervisor is running; 4 ended by a second signal.
package main

import "os"

func main() {
	a := &app{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	os.Exit(a.run(os.Args[1:]))
}
