package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A log that becomes too long begins anew. Who follows it misses nothing, and who reads it later gets at least as much as
// one log holds.
func TestLog_IsBounded(t *testing.T) {
	b := box{t.TempDir()}
	w, err := openLog(b.logFile())
	if err != nil {
		t.Fatal(err)
	}
	const lines, long = 700, maxLine / 2
	followed := tail{name: b.logFile()}
	defer followed.close()
	var seen []string
	number := func(line string) {
		if l, ok := parseLine(line); ok {
			n, _, _ := strings.Cut(l.text, " ")
			seen = append(seen, n)
		}
	}
	var want []string
	for i := range lines {
		w.write("stdout", fmt.Sprint(i, " ", strings.Repeat("x", long)))
		want = append(want, fmt.Sprint(i))
		if i%10 == 0 {
			followed.read(number)
		}
	}
	followed.read(number)
	if !slices.Equal(seen, want) {
		t.Errorf("followed %d lines, want %d", len(seen), len(want))
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	var size int64
	for _, name := range []string{b.logFile(), earlierLog(b.logFile())} {
		st, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	if size > 2*(maxLog+2*maxLine) {
		t.Errorf("the logs take %d bytes", size)
	}
	var last string
	count := 0
	readLog(b, func(l logLine) { last, count = l.text, count+1 }).close()
	if n, _, _ := strings.Cut(last, " "); n != fmt.Sprint(lines-1) || count < maxLog/(long+100) {
		t.Errorf("%d lines, the last is %s", count, n)
	}
}

func TestTail_ReadsCompleteLinesOnly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	follow := tail{name: name}
	defer follow.close()
	var got []string
	keep := func(line string) { got = append(got, line) }
	follow.read(keep) // it does not exist yet
	for _, part := range []string{"one\ntw", "o\nthree", "\n"} {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(part)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		follow.read(keep)
	}
	if want := []string{"one", "two", "three"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}
