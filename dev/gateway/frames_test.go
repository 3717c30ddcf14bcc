package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sdev/dev/streamlit"
)

// messageSink is a sink that stores whole messages.
type messageSink struct {
	open []byte
	msgs []string
}

func (n *messageSink) part(piece []byte, mask *[4]byte, at uint64) {
	for i, b := range piece {
		if mask != nil {
			b ^= mask[(at+uint64(i))%4]
		}
		n.open = append(n.open, b)
	}
}

func (n *messageSink) end() { n.msgs, n.open = append(n.msgs, string(n.open)), nil }

// wsFrame returns one frame (RFC 6455); a zero key means unmasked.
func wsFrame(first byte, key uint32, payload string) []byte {
	b := []byte{first}
	mask := byte(0)
	if key != 0 {
		mask = bitMasked
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, mask|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, mask|127), uint64(n))
	}
	if key == 0 {
		return append(b, payload...)
	}
	var k [4]byte
	binary.BigEndian.PutUint32(k[:], key)
	b = append(b, k[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^k[i%4])
	}
	return b
}

const (
	wholeMessage = 0x82 // final, binary
	begins       = 0x02
	goesOn       = 0x00
	ends         = 0x80
	ping         = 0x89
	closes       = 0x88
	deflated     = 0xc2
)

func TestFrames_FollowsMessagesHoweverTheyAreCut(t *testing.T) {
	long := strings.Repeat("long ", 30)
	longer := strings.Repeat("x", 1<<16+3)
	stream := slices.Concat(
		wsFrame(wholeMessage, 0, "one"),
		wsFrame(begins, 0x01020304, "fragm"), wsFrame(ping, 7, "are you there"), wsFrame(goesOn, 0x0a0b0c0d, "en"), wsFrame(ends, 9, "ted"),
		wsFrame(wholeMessage, 0xdeadbeef, long), wsFrame(wholeMessage, 0, ""), wsFrame(wholeMessage, 5, longer), wsFrame(closes, 3, "\x03\xe8"),
	)
	want := []string{"one", "fragmented", long, "", longer}
	for _, size := range []int{1, 2, 3, 5, 7, 64, 4096, len(stream)} {
		n := &messageSink{}
		f := frames{sink: n}
		for piece := range slices.Chunk(stream, size) {
			f.pass(piece)
		}
		if !slices.Equal(n.msgs, want) {
			t.Errorf("in pieces of %d: %d messages, %.60q", size, len(n.msgs), n.msgs)
		}
		if !f.boundary() {
			t.Errorf("in pieces of %d: the end is no boundary", size)
		}
	}
}

func TestFrames_BoundaryIsBetweenMessagesOnly(t *testing.T) {
	stream := slices.Concat(wsFrame(begins, 1, "ab"), wsFrame(ping, 1, "p"), wsFrame(ends, 1, "c"), wsFrame(wholeMessage, 1, "d"))
	f := frames{sink: &messageSink{}}
	var boundaries []int
	for i := range stream {
		if f.boundary() {
			boundaries = append(boundaries, i)
		}
		f.pass(stream[i : i+1])
	}
	first := len(wsFrame(begins, 1, "ab")) + len(wsFrame(ping, 1, "p")) + len(wsFrame(ends, 1, "c"))
	if want := []int{0, first}; !slices.Equal(boundaries, want) {
		t.Errorf("boundaries at %v, want %v", boundaries, want)
	}
}

func TestFrames_StopsAtInvalidBytes(t *testing.T) {
	for name, stream := range map[string][]byte{
		"compressed":                wsFrame(deflated, 0, "abc"),
		"continues nothing":         wsFrame(ends, 0, "abc"),
		"begins before the end":     slices.Concat(wsFrame(begins, 0, "a"), wsFrame(wholeMessage, 0, "b")),
		"a length of nine exabytes": {wholeMessage, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	} {
		n := &messageSink{}
		f := frames{sink: n}
		f.pass(stream)
		f.pass(wsFrame(wholeMessage, 0, "later"))
		if len(n.msgs) != 0 || f.boundary() {
			t.Errorf("%s: %q, boundary %v", name, n.msgs, f.boundary())
		}
	}
}

func TestMaskedFrame_IsReadBackWhole(t *testing.T) {
	for _, size := range []int{0, 2, 125, 126, 1<<16 - 1, 1 << 16} {
		n := &messageSink{}
		f := frames{sink: n}
		payload := bytes.Repeat([]byte("p"), size)
		f.pass(maskedFrame(payload))
		if len(n.msgs) != 1 || n.msgs[0] != string(payload) || !f.boundary() {
			t.Errorf("%d bytes: %d messages", size, len(n.msgs))
		}
	}
}

func TestCollector_SkipsDataWithoutCopyingIt(t *testing.T) {
	var taken []string
	c := &collector{
		peek: func(p []byte) streamlit.Verdict {
			switch {
			case len(p) < 4:
				return streamlit.More
			case string(p[:4]) == "keep":
				return streamlit.Keep
			}
			return streamlit.Skip
		},
		take: func(msg []byte) { taken = append(taken, string(msg)) },
	}
	f := frames{sink: c}
	data := wsFrame(wholeMessage, 0, "data"+strings.Repeat("x", 50<<20))
	if n := testing.AllocsPerRun(3, func() { f.pass(data) }); n > 1 {
		t.Errorf("a message of 50 MiB costs %v allocations", n)
	}
	if cap(c.buf) > spare {
		t.Errorf("%d bytes are kept", cap(c.buf))
	}
	long := "keep" + strings.Repeat("y", 100_000)
	f.pass(wsFrame(wholeMessage, 0x11223344, long))
	f.pass(wsFrame(wholeMessage, 0, "keep"+strings.Repeat("z", keepLimit)))
	f.pass(wsFrame(wholeMessage, 0, "kee"))
	f.pass(wsFrame(wholeMessage, 0, "keep this"))
	if want := []string{long, "keep this"}; !slices.Equal(taken, want) {
		t.Errorf("took %d messages: %.40q", len(taken), taken)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(slices.Concat(wsFrame(begins, 1, "ab"), wsFrame(ping, 1, "p"), wsFrame(ends, 1, "c")), 3)
	f.Add(wsFrame(deflated, 0, "abc"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size <= 0 {
			size = 1
		}
		a, b := &messageSink{}, &messageSink{}
		one, many := frames{sink: a}, frames{sink: b}
		one.pass(stream)
		for piece := range slices.Chunk(stream, size) {
			many.pass(piece)
		}
		if got, want := fmt.Sprint(b.msgs, many.boundary()), fmt.Sprint(a.msgs, one.boundary()); got != want {
			t.Errorf("in pieces of %d: %s, as a whole: %s", size, got, want)
		}
	})
}
