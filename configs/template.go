package configs

import (
	"iter"
	"strconv"
	"strings"
)

// Vars is what the placeholders of a template stand for in one child.
type Vars struct {
	HTTPPort, WSPort int    // {http_port} {ws_port}
	Host, ID         string // {host} {id}
	Index            int    // {index}
	Fleet            string // {fleet}
	Generation       int    // {generation}
	URL, RunDir      string // {url} {run_dir}
}

// placeholders returns the names that a template may use, in the order of the
// documentation.
func placeholders() []string {
	return []string{"http_port", "ws_port", "host", "id", "index", "fleet", "generation", "url", "run_dir"}
}

// value returns what the placeholder name stands for.
func (v Vars) value(name string) (string, bool) {
	switch name {
	case "http_port":
		return strconv.Itoa(v.HTTPPort), true
	case "ws_port":
		return strconv.Itoa(v.WSPort), true
	case "host":
		return v.Host, true
	case "id":
		return v.ID, true
	case "index":
		return strconv.Itoa(v.Index), true
	case "fleet":
		return v.Fleet, true
	case "generation":
		return strconv.Itoa(v.Generation), true
	case "url":
		return v.URL, true
	case "run_dir":
		return v.RunDir, true
	}
	return "", false
}

// Expand returns the template with v in the place of its placeholders, and {{
// and }} as single braces. Nothing that is inserted is expanded again. In a
// template that [CheckTemplate] refuses, what cannot be understood stays as it
// is.
func Expand(template string, v Vars) string {
	if !strings.ContainsAny(template, "{}") {
		return template
	}
	var b strings.Builder
	for p := range pieces(template) {
		switch value, ok := v.value(p.text); {
		case p.kind == placeholder && ok:
			b.WriteString(value)
		case p.kind == placeholder:
			b.WriteString("{" + p.text + "}")
		default:
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// CheckTemplate returns nil if [Expand] understands all of the template, and
// otherwise a [Faults] with a fault for each unknown placeholder and one for the
// first brace that has no partner. Loaded fleets hold only templates that pass.
func CheckTemplate(template string) error {
	var faults Faults
	for _, err := range checkTemplate(template) {
		faults = append(faults, fieldError(err))
	}
	if faults == nil {
		return nil
	}
	return faults
}

func checkTemplate(template string) (errs []error) {
	seen := make(map[string]bool)
	line := 1
	for p := range pieces(template) {
		where := ""
		if line > 1 {
			where = " on line " + strconv.Itoa(line) + " of the text"
		}
		switch _, known := (Vars{}).value(p.text); {
		case p.kind == placeholder && !known && !seen[p.text]:
			seen[p.text] = true
			hint := "literal braces are doubled: {{" + p.text + "}}; the placeholders are {" + strings.Join(placeholders(), "} {") + "}"
			if near := nearest(p.text, placeholders()); near != "" {
				hint = "did you mean {" + near + "}? Literal braces are doubled: {{" + p.text + "}}"
			}
			errs = append(errs, wrongf(hint, "unknown placeholder {%s}%s", p.text, where))
		case p.kind == stray && !seen[""]:
			seen[""] = true
			errs = append(errs, wrongf("write "+p.text+p.text+" for a literal one", "%s is part of no placeholder%s", p.text, where))
		}
		line += strings.Count(p.text, "\n")
	}
	return errs
}

// escape returns the template that expands to text.
func escape(text string) string {
	return strings.NewReplacer("{", "{{", "}", "}}").Replace(text)
}

// hasPlaceholder reports whether the expansion of the template depends on Vars.
func hasPlaceholder(template string) bool {
	for p := range pieces(template) {
		if p.kind == placeholder {
			return true
		}
	}
	return false
}

type pieceKind int

const (
	literal     pieceKind = iota // text as it is to appear
	placeholder                  // the name between the braces, which need not be a known one
	stray                        // a brace that starts or ends nothing
)

type piece struct {
	kind pieceKind
	text string
}

// pieces cuts a template into its parts.
func pieces(template string) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		for rest := template; rest != ""; {
			p, n := firstPiece(rest)
			if !yield(p) {
				return
			}
			rest = rest[n:]
		}
	}
}

// firstPiece returns the first part of a template that is not empty, and how
// many bytes of the template it takes.
func firstPiece(s string) (piece, int) {
	brace := strings.IndexAny(s, "{}")
	switch {
	case brace < 0:
		return piece{literal, s}, len(s)
	case brace > 0:
		return piece{literal, s[:brace]}, brace
	case len(s) > 1 && s[1] == s[0]:
		return piece{literal, s[:1]}, 2
	case s[0] == '{':
		end := 1
		for end < len(s) && inName(s[end], end == 1) {
			end++
		}
		if end > 1 && end < len(s) && s[end] == '}' {
			return piece{placeholder, s[1:end]}, end + 1
		}
	}
	return piece{stray, s[:1]}, 1
}

// inName reports whether c can be in a name: a letter or _, then also digits.
func inName(c byte, first bool) bool {
	return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' || !first && '0' <= c && c <= '9'
}
