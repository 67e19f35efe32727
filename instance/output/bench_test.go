package output

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// 200,000 lines of 100 bytes from a real child: what the child sees, and what it costs us.
func BenchmarkChild(b *testing.B) {
	const count = 200_000
	for name, write := range map[string]int{"buffered=4096": 4096, "unbuffered": 0} {
		b.Run(name, func(b *testing.B) {
			exe, _ := os.Executable()
			var childSeconds, ourSeconds float64
			var lost int
			for b.Loop() {
				l := openLog(b, Options{MaxSize: 10 << 20, Keep: 3})
				p := newPipe(b, l, 1)
				r, w, err := os.Pipe()
				if err != nil {
					b.Fatal(err)
				}
				before := cpuTime(unix.RUSAGE_SELF)
				cmd := exec.Command(exe)
				cmd.Env = append(os.Environ(), roleVariable+"="+fmt.Sprintf("lines %d 100 %d", count, write))
				cmd.Stdout, cmd.Stderr = p.File(), w
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				w.Close()
				p.Drain()
				l.Close()
				ourSeconds += (cpuTime(unix.RUSAGE_SELF) - before).Seconds()
				lost += int(l.Dropped())
				s := bufio.NewScanner(r)
				s.Scan()
				var took float64
				fmt.Sscanf(s.Text(), "took %g", &took)
				childSeconds += took
				r.Close()
			}
			b.ReportMetric(count*float64(b.N)/childSeconds, "lines/s")
			b.ReportMetric(ourSeconds/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(lost)/float64(b.N), "lost/op")
		})
	}
}

// The way of a line through the log, without a pipe and with the disk on the other side.
func BenchmarkDeliver(b *testing.B) {
	for _, follow := range []bool{false, true} {
		b.Run(fmt.Sprintf("follower=%v", follow), func(b *testing.B) {
			l := openLog(b, Options{MaxSize: 10 << 20, Keep: 1})
			if follow {
				l.followers[&follower{wake: make(chan struct{}, 1)}] = struct{}{}
			}
			block := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 640))
			var s splitter
			b.SetBytes(int64(len(block)))
			b.ReportAllocs()
			for b.Loop() {
				l.deliver(1, false, s.lines(block))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/640, "ns/line")
		})
	}
}
