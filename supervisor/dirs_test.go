package supervisor

import "testing"

func TestStateRoot(t *testing.T) {
	for _, test := range []struct {
		name        string
		env         map[string]string
		known, want string
	}{
		{"XDG", map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/p", "/x"},
		{"home", map[string]string{"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/p", "/h/.local/state"},
		{"passwd", nil, "/p", "/p/.local/state"},
		{"passwd, not home", map[string]string{"HOME": "relative"}, "/p", "/p/.local/state"},
		{"nothing", map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"}, "", "/run/user/7/miktosctl/state"},
	} {
		got := stateRoot(func(name string) string { return test.env[name] }, func() string { return test.known })
		if got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}
