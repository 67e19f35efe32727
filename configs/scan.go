package configs

import (
	"strconv"
	"strings"
)

// node is where a key, a table or an element of a list stands in the text. Nodes
// form the same tree as the decoded values. A nil node is nowhere, and so is
// everything under it.
type node struct {
	at    int // offset in the text
	keys  map[string]*node
	items []*node
}

func (n *node) key(name string) *node {
	if n == nil {
		return nil
	}
	return n.keys[name]
}

// item returns the element i, counted from 0.
func (n *node) item(i int) *node {
	if n == nil || i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

// child returns the node of the key name, made at the offset if it is new.
func (n *node) child(name string, at int) *node {
	c := n.keys[name]
	if c == nil {
		c = &node{at: at}
		if n.keys == nil {
			n.keys = make(map[string]*node)
		}
		n.keys[name] = c
	}
	return c
}

// maxDepth is how deep lists, tables and dotted keys may go. A fleet needs four;
// the toml package takes minutes for a key of a hundred thousand parts.
const maxDepth = 32

// scan finds where everything stands. The toml package decodes the text but
// tells no positions; scan tells positions and leaves values alone. Of a text
// that is not valid TOML the positions mean nothing, but scan returns.
//
// A text that goes deeper than maxDepth is not read further; deep is where that
// is seen, and 0 otherwise.
func scan(text string) (root *node, deep int) {
	s := &scanner{text: text}
	root = &node{}
	table := root
	for s.blank(); s.i < len(s.text) && s.deep == 0; s.blank() {
		if s.text[s.i] == '[' {
			table = s.header(root)
		} else {
			s.pair(table, 0)
		}
	}
	return root, s.deep
}

type scanner struct {
	text string
	i    int
	deep int
}

func (s *scanner) peek(prefix string) bool { return strings.HasPrefix(s.text[s.i:], prefix) }

func (s *scanner) skip(prefix string) bool {
	if !s.peek(prefix) {
		return false
	}
	s.i += len(prefix)
	return true
}

// until moves to the next of the characters, or to the end.
func (s *scanner) until(chars string) {
	if n := strings.IndexAny(s.text[s.i:], chars); n >= 0 {
		s.i += n
	} else {
		s.i = len(s.text)
	}
}

// blank passes white space, line ends and comments.
func (s *scanner) blank() {
	for s.i < len(s.text) {
		switch s.text[s.i] {
		case ' ', '\t', '\r', '\n':
			s.i++
		case '#':
			s.until("\n")
		default:
			return
		}
	}
}

// tooDeep ends the scan: there is nothing left to read.
func (s *scanner) tooDeep() {
	s.deep = max(1, min(s.i, len(s.text)))
	s.i = len(s.text)
}

// header reads [a.b] or [[a.b]] and returns the table that it opens.
func (s *scanner) header(root *node) *node {
	at := s.i
	list := s.skip("[[")
	if !list {
		s.skip("[")
	}
	names, _ := s.path()
	if !s.skip("]]") {
		s.skip("]")
	}
	table := root
	for i, name := range names {
		known := table.key(name) != nil
		table = table.child(name, at)
		switch last := i == len(names)-1; {
		case last && list:
			item := &node{at: at}
			table.items = append(table.items, item)
			table = item
		case last && known && len(table.items) == 0:
			table.at = at // so far only a sub-table had named it
		case len(table.items) > 0:
			table = table.items[len(table.items)-1]
		}
	}
	return table
}

// pair reads a.b = value into table.
func (s *scanner) pair(table *node, depth int) {
	names, offsets := s.path()
	for i, name := range names {
		table = table.child(name, offsets[i])
	}
	s.skip("=")
	s.value(table, depth+1)
}

// path reads a dotted key, and where each part of it stands.
func (s *scanner) path() (names []string, offsets []int) {
	for {
		s.blank()
		offsets = append(offsets, s.i)
		names = append(names, s.name())
		s.blank()
		if !s.skip(".") {
			return names, offsets
		}
		if len(names) == maxDepth {
			s.tooDeep()
			return names, offsets
		}
	}
}

// name reads one bare or quoted part of a key.
func (s *scanner) name() string {
	from := s.i
	switch {
	case s.peek(`"`):
		s.quoted(`"`)
		return unescape(s.text[from+1 : max(from+1, s.i-1)])
	case s.peek(`'`):
		s.quoted(`'`)
		return s.text[from+1 : max(from+1, s.i-1)]
	}
	s.until(" \t\r\n.=]#")
	if s.i == from && s.i < len(s.text) {
		s.i++ // not TOML; never stand still
	}
	return s.text[from:s.i]
}

// value passes a value; the elements and keys in it become children of n.
func (s *scanner) value(n *node, depth int) {
	s.blank()
	if depth > maxDepth {
		s.tooDeep()
	}
	switch {
	case s.skip("["):
		for s.blank(); s.i < len(s.text) && !s.skip("]"); s.blank() {
			item := &node{at: s.i}
			n.items = append(n.items, item)
			s.value(item, depth+1)
			s.blank()
			s.skip(",")
		}
	case s.skip("{"):
		for s.blank(); s.i < len(s.text) && !s.skip("}"); s.blank() {
			s.pair(n, depth)
			s.blank()
			s.skip(",")
		}
	case s.peek(`"""`):
		s.quoted(`"""`)
	case s.peek(`'''`):
		s.quoted(`'''`)
	case s.peek(`"`):
		s.quoted(`"`)
	case s.peek(`'`):
		s.quoted(`'`)
	default:
		from := s.i
		s.until(",]}#\n")
		if s.i == from && s.i < len(s.text) {
			s.i++
		}
	}
}

// quoted passes a string with these quotes around it.
func (s *scanner) quoted(quote string) {
	s.skip(quote)
	for s.i < len(s.text) && !s.peek(quote) {
		if s.text[s.i] == '\\' && quote[0] == '"' {
			s.i++
		}
		s.i++
	}
	s.i = min(s.i, len(s.text))
	s.skip(quote)
	if len(quote) == 3 {
		// The text of a multi-line string may end in one or two quotes.
		for range 2 {
			s.skip(quote[:1])
		}
	}
}

// unescape resolves the escapes of a basic string.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		digits := 0
		switch text[i] {
		case 'b':
			b.WriteByte('\b')
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'f':
			b.WriteByte('\f')
		case 'r':
			b.WriteByte('\r')
		case 'e':
			b.WriteByte(0x1b)
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			b.WriteByte(text[i])
		}
		if digits > 0 && i+digits < len(text) {
			code, _ := strconv.ParseUint(text[i+1:i+1+digits], 16, 32)
			b.WriteRune(rune(code))
			i += digits
		}
	}
	return b.String()
}
