package main

import (
	"slices"
	"testing"
)

func TestSimilar(t *testing.T) {
	names := []string{"up", "down", "logs", "start", "status", "stop", "scale", "wait"}
	for _, test := range []struct {
		word string
		want []string
	}{
		{"upp", []string{"up"}},
		{"dwon", []string{"down"}},
		{"statsu", []string{"status"}},
		{"statuus", []string{"status"}},
		{"sta", []string{"start", "status"}},
		{"wiat", []string{"wait"}},
		{"bogus", nil},
		{"cp", nil},
		{"fly", nil},
		{"restarted", nil},
	} {
		if got := similar(test.word, names); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.word, got, test.want)
		}
	}
}

func TestSlips(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "up", 2}, {"up", "", 2}, {"up", "up", 0}, {"pu", "up", 1},
		{"bogus", "logs", 2}, {"kitten", "sitting", 3}, {"statsu", "status", 1},
	} {
		if got := slips(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
