package configs

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExpand(t *testing.T) {
	vars := Vars{
		HTTPPort: 8080, WSPort: 8081, Host: "127.0.0.1", ID: "hero", Index: 2, Fleet: "studio",
		Generation: 7, URL: "http://hero.localhost:8070", RunDir: "/run/{id}",
	}
	for _, test := range []struct{ template, want string }{
		{"", ""},
		{"plain", "plain"},
		{"{http_port}/{ws_port}", "8080/8081"},
		{"{host} {id} {index} {fleet} {generation} {url}", "127.0.0.1 hero 2 studio 7 http://hero.localhost:8070"},
		{"{run_dir}", "/run/{id}"}, // not expanded again
		{"{{http_port}}", "{http_port}"},
		{"{{{http_port}}}", "{8080}"},
		{`{{"port": {http_port}}}`, `{"port": 8080}`},
		{"{{}}", "{}"},
		// What CheckTemplate refuses stays as it is.
		{"{nope} {HTTP_PORT} {", "{nope} {HTTP_PORT} {"},
		{"}{http_port}{ }", "}8080{ }"},
		{"{http_port", "{http_port"},
		{"{1a}{}", "{1a}{}"},
	} {
		if got := Expand(test.template, vars); got != test.want {
			t.Errorf("Expand(%q): got %q, want %q", test.template, got, test.want)
		}
	}
}

func TestCheckTemplate(t *testing.T) {
	for _, test := range []struct{ template, want string }{
		{"", ""},
		{"--port={http_port} {{x}}", ""},
		{"{htp_port}", "unknown placeholder {htp_port}; did you mean {http_port}? Literal braces are doubled: {{htp_port}}"},
		{"{a}\n{a} {b}", "unknown placeholder {a}; literal|unknown placeholder {b} on line 2 of the text; literal"},
		{"{", "{ is part of no placeholder; write {{ for a literal one"},
		{"x\n}", "} is part of no placeholder on line 2 of the text; write }} for a literal one"},
		{"{ } {}", "{ is part of no placeholder"},
		{"{http_port }", "{ is part of no placeholder"},
	} {
		var got []string
		if err := CheckTemplate(test.template); err != nil {
			got = strings.Split(err.Error(), "\n")
		}
		want := strings.FieldsFunc(test.want, func(r rune) bool { return r == '|' })
		if len(got) != len(want) {
			t.Errorf("%q: got %q, want %q", test.template, got, want)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i], want[i]) {
				t.Errorf("%q: got %q, want %q", test.template, got[i], want[i])
			}
		}
	}
}

func TestPlaceholdersHaveValues(t *testing.T) {
	for _, name := range placeholders() {
		if _, ok := (Vars{}).value(name); !ok {
			t.Errorf("{%s} stands for nothing", name)
		}
	}
}

func TestTemplateProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.RuneFrom([]rune("{}ab_0 \n"))).Draw(t, "text")
		if got := Expand(escape(text), Vars{}); got != text {
			t.Fatalf("got %q of the escaped %q", got, text)
		}
		if err := CheckTemplate(escape(text)); err != nil {
			t.Fatalf("got %v of the escaped %q", err, text)
		}
		var all strings.Builder
		for p := range pieces(text) {
			if p.text == "" {
				t.Fatalf("got an empty piece of %q", text)
			}
			all.WriteString(p.text)
		}
		if got, want := all.Len(), len(text); got > want {
			t.Fatalf("got %d bytes in the pieces of %d", got, want)
		}
	})
}

func BenchmarkExpand(b *testing.B) {
	for b.Loop() {
		Expand("--listen={host}:{http_port}", Vars{Host: "127.0.0.1", HTTPPort: 8080})
	}
}
