package configs_test

import (
	"fmt"

	"github.com/miktos/miktosctl/configs"
)

func ExampleParse() {
	_, err := configs.Parse("fleet.toml", []byte(`
instances = "3"

[ports]
htpp = 9080
quarantine = 60
`), nil)
	fmt.Println(err)
	// Output:
	// fleet.toml:2: instances = "3": must be a number without quotes; write 3
	// fleet.toml:5: ports.htpp: unknown key; did you mean ports.http?
	// fleet.toml:6: ports.quarantine = 60: has no unit; write "60s"
}

func ExampleFleet_Places() {
	fleet, err := configs.Parse("fleet.toml", []byte(`
instances = 3
viewer.command = ["viewer", "--port", "{http_port}"]

[[instance]]
id = "hero"
http = 9080
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range fleet.Places(0) {
		vars := configs.Vars{HTTPPort: p.Ports.HTTP}
		fmt.Println(p.Index, p.ID, configs.Expand(p.Viewer.Command[2], vars), p.Ports.WebSocket)
	}
	// Output:
	// 1 hero 9080 9081
	// 2 viewer-2 8080 8081
	// 3 viewer-3 8080 8081
}
