package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// accept reports whether a value passes the check in its field's tag, and
// records why not. A check is a range (1..8), a choice (a|b), or one of the words
// below; it may put the value into its canonical form.
func (r *reader) accept(v reflect.Value, check, key string, shown any, n *node) bool {
	errs := violations(check, v)
	for _, err := range errs {
		r.fault(n, key, shown, err)
	}
	return len(errs) == 0
}

// elementCheck returns the check of the elements of what has the check.
func elementCheck(check string) string {
	if check == "command" || check == "env" {
		return "word"
	}
	return check
}

func violations(check string, v reflect.Value) []error {
	if v.Kind() == reflect.Slice && check != "command" {
		return nil // only its elements are checked
	}
	switch check {
	case "template", "word", "dir", "path":
		if err := violation(check, v); err != nil {
			return []error{err}
		}
		return checkTemplate(v.String())
	}
	if err := violation(check, v); err != nil {
		return []error{err}
	}
	return nil
}

func violation(check string, v reflect.Value) error {
	switch check {
	case "", "template", "env": // of env, the names and values are checked one by one
		return nil
	case "command":
		if v.Len() == 0 {
			return wrongf("leave the key out for the built-in viewer", "must not be empty")
		}
		if program := v.Index(0).String(); program == "" {
			return wrongf("", "must begin with the name of a program")
		}
		return nil
	case "word":
		return checkNUL(v.String())
	case "dir":
		if v.String() == "" {
			return wrongf("leave the key out for the folder that the supervisor was started in", "must not be empty")
		}
		return checkNUL(v.String())
	case "source":
		if v.String() == "" {
			return errors.New("must not be empty")
		}
		return checkNUL(v.String())
	case "path":
		return checkPath(v.String())
	case "id":
		return checkID(v.String())
	case "host":
		return checkHost(v.String())
	case "listen":
		return checkListen(v.String())
	case "domain":
		return checkDomain(v.String())
	case "target":
		return checkTarget(v.String())
	case "signal":
		return checkSignal(v)
	case "port":
		return checkRange(v.Int(), minPort, maxPort)
	case "nonzero":
		if v.Int() == 0 {
			return wrongf("", "must be longer than zero")
		}
		return nil
	}
	if low, high, ok := strings.Cut(check, ".."); ok {
		from, err1 := strconv.ParseInt(low, 10, 64)
		to, err2 := strconv.ParseInt(high, 10, 64)
		if err1 == nil && err2 == nil {
			return checkRange(v.Int(), from, to)
		}
	} else if strings.Contains(check, "|") {
		return checkChoice(v.String(), strings.Split(check, "|"))
	}
	panic(fmt.Sprintf("configs: no check %q", check))
}

const (
	minPort = 1024
	maxPort = 65535
)

func checkRange(i, from, to int64) error {
	if i < from || i > to {
		return wrongf("", "must be between %d and %d", from, to)
	}
	return nil
}

func checkChoice(s string, choices []string) error {
	var quoted []string
	for _, c := range choices {
		if s == c {
			return nil
		}
		if c != "" {
			quoted = append(quoted, strconv.Quote(c))
		}
	}
	hint := ""
	if near := nearest(s, choices); near != "" {
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return wrongf(hint, "must be %s", either(quoted))
}

// either joins what there is a choice of: "a, b or c".
func either(choices []string) string {
	last := len(choices) - 1
	if last < 1 {
		return strings.Join(choices, "")
	}
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

func checkNUL(s string) error {
	if strings.ContainsRune(s, 0) {
		return errors.New("must not hold a zero byte")
	}
	return nil
}

// checkVariable accepts what an environment can hold as a name.
func checkVariable(name string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") {
		return errors.New("not a name for a variable")
	}
	return nil
}

const maxID = 32

// checkID accepts the names of fleets and instances: they stand in host names,
// file names and tables.
func checkID(id string) error {
	const rule = "must be small letters, digits and hyphens, with a letter or digit at both ends"
	switch {
	case id == "":
		return errors.New("must not be empty")
	case len(id) > maxID:
		return wrongf("", "must not be longer than %d characters", maxID)
	case strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.Trim(id, "-") != id:
		hint := ""
		if better := strings.NewReplacer(" ", "-", "_", "-", ".", "-").Replace(strings.ToLower(id)); better != id && checkID(better) == nil {
			hint = "write " + strconv.Quote(better)
		}
		return wrongf(hint, rule)
	case strings.Trim(id, "0123456789") == "":
		return wrongf("put a letter into it", "would be read as an index")
	}
	return nil
}

func checkHost(host string) error {
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		return nil
	}
	hint := `write "127.0.0.1" for this machine alone, or "0.0.0.0" for everybody who can reach it`
	if addr, err := netip.ParseAddrPort(host); err == nil {
		hint = fmt.Sprintf("write %q; the numbers are ports.http and ports.websocket", addr.Addr())
	} else if bare := strings.Trim(host, "[]"); bare != host && checkHost(bare) == nil {
		hint = "write " + strconv.Quote(bare)
	}
	return wrongf(hint, `must be an IP address or "localhost"`)
}

func checkListen(listen string) error {
	const hint = `write it like "127.0.0.1:8070"`
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return wrongf(hint, "must be an address and a port")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > maxPort {
		return wrongf(hint, "must end in a port between 1 and %d", maxPort)
	}
	if host == "" {
		return nil
	}
	return checkHost(host)
}

func checkDomain(domain string) error {
	for label := range strings.SplitSeq(domain, ".") {
		if domain != "" && (len(label) > 63 || label == "" || strings.Trim(label, "-") != label ||
			strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "") {
			return wrongf(`write it like "viewers.example.org"`, "must be a host name")
		}
	}
	return nil
}

// checkTarget accepts the path, and perhaps query, of a request.
func checkTarget(target string) error {
	if target == "" {
		return nil
	}
	u, err := url.ParseRequestURI(target)
	switch {
	case err == nil && u.Host != "" && u.Scheme != "":
		return wrongf("write "+strconv.Quote(u.RequestURI()), "must be only the path of the address")
	case !strings.HasPrefix(target, "/"):
		return wrongf("write "+strconv.Quote("/"+target), `must begin with "/"`)
	case err != nil || strings.ContainsAny(target, " \t#"):
		return wrongf("", "must be a path as it stands in an address")
	}
	return nil
}

// checkSignal accepts a signal in any form and leaves its canonical one.
func checkSignal(v reflect.Value) error {
	signals := []string{"TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"}
	name := strings.TrimPrefix(strings.ToUpper(v.String()), "SIG")
	if err := checkChoice(name, signals); err != nil {
		return err
	}
	v.SetString(name)
	return nil
}

// checkPath accepts where a [[file]] may be written: under the instance's own
// folder, so that no two instances write the same file.
func checkPath(path string) error {
	for p := range pieces(path) {
		if p.kind == placeholder && (p.text == "run_dir" || p.text == "url") {
			return wrongf("write a path relative to {run_dir}", "{%s} has no place in the path of a file", p.text)
		}
	}
	plain := Expand(path, Vars{Host: "h", ID: "i", Fleet: "f"})
	if !filepath.IsLocal(plain) || filepath.Clean(plain) == "." || strings.HasSuffix(plain, "/") {
		return wrongf("write a path relative to {run_dir}, without ..", "must name a file below the instance's {run_dir}")
	}
	return checkNUL(path)
}
