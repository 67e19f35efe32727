package main

import "strings"

// similar returns the names that somebody may have meant who wrote word: those that
// begin with it, and those that are it but for a slip or two. Two slips in a name of
// four letters would be half of another name.
func similar(word string, names []string) (near []string) {
	for _, name := range names {
		d := slips(word, name)
		if strings.HasPrefix(name, word) || 2*d < len(word) && (d == 1 || d == 2 && 2*d < len(name)) {
			near = append(near, name)
		}
	}
	return near
}

// slips counts the insertions, deletions, replacements and swaps of neighbours that
// make a into b.
func slips(a, b string) int {
	// Rows of the table of distances between the beginnings of both.
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
