// Package output carries what a child prints to everybody who wants to see it, and can
// never hurt the child by doing so.
//
//	child ─ fds 1, 2 ─> FIFO ─> reader ─┬─> tail in memory ── Last
//	                                    ├─> followers ─────── Follow
//	                                    ├─> OnLine
//	                                    └─> queue ─> writer ─> <id>.log, .1, .2 … ── ReadLast
//
// A [Log] belongs to one instance and lives over all its children; a [Pipe] belongs to
// one child. Lines are stamped when they are read.
//
// # Guarantees
//
//   - The child holds its end of the FIFO open for reading and writing: neither our death
//     nor our restart gives it SIGPIPE or an error, and what it wrote stays in the FIFO.
//   - A disk that is slow, full or dead never holds up the child. Between the reader and the
//     writer is a queue of [QueueSize] bytes; what does not fit is dropped from the file only,
//     counted, and a line in the file says how much once the disk takes lines again. (While the
//     queue is half full a reader waits for the writer, for 20 ms in a second at the most: on a
//     busy machine the writer may only lack a processor, and then nothing is dropped.)
//   - A follower that is too slow loses lines, the oldest first, and is told how many.
//   - Rotation is by rename and only between two lines: none is lost, none is torn.
//   - [Pipe.Drain] ends, even if a stranger holds the FIFO open and keeps writing.
//
// # The text of a line
//
// The bytes are the child's own: no escaping in memory or in text files, whatever they are;
// only "\r" before the line's end is taken off. JSON files escape and put U+FFFD for
// what is not UTF-8. A line longer than [MaxLine] is cut into pieces; all but the last end in " …", all but
// the first begin with "… ". What the last child printed without a newline is a line, too.
//
// # Limits
//
// A text file does not say which generation printed a line. Nothing is synced: a crash of
// the machine may cost the last seconds. A disk that fails for long costs lines, never memory
// beyond the queue.
package output
