package process

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A log has one line for each line of output: its time, "stdout" or "stderr", and the text, separated by spaces.

const (
	maxLine = 64 << 10 // bytes of a line; longer ones are cut, as package docker cuts them
	maxLog  = 8 << 20  // bytes of a log; then it becomes the earlier log, and a new one begins
)

// logWriter writes the log of a container.
type logWriter struct {
	name string

	mu   sync.Mutex // guards the fields below
	file *os.File
	size int64
}

// earlierLog is the name of the log before the present one.
func earlierLog(name string) string { return name + ".1" }

func openLog(name string) (*logWriter, error) {
	w := &logWriter{name: name}
	return w, w.open()
}

func (w *logWriter) open() error {
	f, err := os.OpenFile(w.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w.file, w.size = f, 0
	if st, err := f.Stat(); err == nil {
		w.size = st.Size()
	}
	return nil
}

// write adds a line. If the disk is full, the line is lost; the process must not wait for space.
func (w *logWriter) write(stream, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.size > maxLog {
		_ = w.file.Close()
		_ = os.Rename(w.name, earlierLog(w.name)) // if it fails, the log grows
		if w.open() != nil {
			return
		}
	}
	n, _ := w.file.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " " + stream + " " + text + "\n")
	w.size += int64(n)
}

// Close closes the log.
func (w *logWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.Close()
}

// output copies the output of a process to its log.
type output struct {
	readers sync.WaitGroup
	reads   []*os.File
	writes  []*os.File // of the process
}

// drainFor limits the wait for output after the end of the process: a program that has left its group may hold the
// pipe open.
const drainFor = 2 * time.Second

// pipes gives a command pipes as its standard output and error, and copies what comes out of them. After the start the
// caller calls started, and at the end drain.
func (w *logWriter) pipes(cmd *exec.Cmd) (*output, error) {
	o := &output{}
	for _, stream := range []string{"stdout", "stderr"} {
		read, write, err := os.Pipe()
		if err != nil {
			o.started()
			o.drain()
			return nil, err
		}
		o.reads, o.writes = append(o.reads, read), append(o.writes, write)
		if stream == "stdout" {
			cmd.Stdout = write
		} else {
			cmd.Stderr = write
		}
		o.readers.Go(func() { w.copy(stream, read) })
	}
	return o, nil
}

func (o *output) started() {
	for _, f := range o.writes {
		_ = f.Close() // the process has its own
	}
}

// drain waits until everything is copied.
func (o *output) drain() {
	late := time.AfterFunc(drainFor, func() {
		for _, f := range o.reads {
			_ = f.Close() // ends the read
		}
	})
	o.readers.Wait()
	late.Stop()
	for _, f := range o.reads {
		_ = f.Close() // it may be closed already
	}
}

func (w *logWriter) copy(stream string, from io.Reader) {
	eachLine(from, func(text string) { w.write(stream, text) })
}

// eachLine calls each with every line of a program's output, until its end. It cuts long ones.
func eachLine(from io.Reader, each func(text string)) {
	in := bufio.NewReaderSize(from, maxLine)
	for {
		raw, more, err := in.ReadLine()
		if err != nil {
			return
		}
		text := string(raw)
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
		each(text)
	}
}

// logLine is a line of a log.
type logLine struct {
	at           time.Time
	stream, text string
}

func parseLine(line string) (logLine, bool) {
	stamp, rest, _ := strings.Cut(line, " ")
	stream, text, ok := strings.Cut(rest, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	return logLine{at, stream, text}, ok && err == nil
}

// tail reads the lines of a file that grows, and may be replaced by another one. It returns complete lines only.
type tail struct {
	name string
	file *os.File // nil while the file does not exist
	in   *bufio.Reader
	part string // of a line whose end is still to come
}

// grew reports whether there is more to read, and whether another file has taken the name.
func (t *tail) grew() (grown, replaced bool) {
	st, err := os.Stat(t.name)
	if t.file == nil || err != nil {
		return t.file == nil && err == nil, false
	}
	own, err := t.file.Stat()
	if err != nil {
		return false, false
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	return err != nil || at < own.Size(), !os.SameFile(st, own)
}

// read calls each with every new line.
func (t *tail) read(each func(line string)) {
	for {
		grown, replaced := t.grew()
		if grown {
			t.open()
			t.lines(each)
		}
		if !replaced {
			return
		}
		t.lines(each) // what came between the last read and the replacement
		t.close()
	}
}

func (t *tail) open() {
	if t.file != nil {
		return
	}
	if f, err := openShared(t.name); err == nil { // else it was just removed
		t.file, t.in = f, bufio.NewReaderSize(f, maxLine)
	}
}

func (t *tail) lines(each func(line string)) {
	for t.file != nil {
		text, err := t.in.ReadString('\n')
		if err != nil {
			t.part += text
			return
		}
		each(t.part + strings.TrimSuffix(text, "\n"))
		t.part = ""
	}
}

// toEnd skips what the file holds now.
func (t *tail) toEnd() {
	t.open()
	t.lines(func(string) {})
	t.part = ""
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // only read
	}
	t.file, t.part = nil, ""
}
