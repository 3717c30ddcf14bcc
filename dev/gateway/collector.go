package gateway

import "sdev/dev/streamlit"

// Limits of a collector, in bytes.
const (
	// peekLimit is how much of a message peek may need for its decision; a longer beginning is skipped.
	peekLimit = 4 << 10
	// keepLimit is the longest message that it collects. A tab's requests hold the values of all its
	// widgets, so they may be large.
	keepLimit = 1 << 20
	// spare is the largest buffer that it keeps between messages.
	spare = 1 << 10
)

// collector is a sink that collects the messages that the tracker needs. It decides by the first bytes of a message,
// and copies nothing else of one that it skips.
type collector struct {
	peek func(prefix []byte) streamlit.Verdict
	take func(msg []byte) // called with each collected message; msg is only valid during the call

	buf     []byte
	verdict streamlit.Verdict
}

func (c *collector) part(piece []byte, mask *[4]byte, at uint64) {
	for c.verdict != streamlit.Skip && len(piece) > 0 {
		room := keepLimit - len(c.buf)
		if c.verdict == streamlit.More {
			room = min(64, peekLimit-len(c.buf))
		}
		if room <= 0 {
			c.verdict = streamlit.Skip
			return
		}
		n := min(room, len(piece))
		from := len(c.buf)
		c.buf = append(c.buf, piece[:n]...)
		if mask != nil {
			for i := range c.buf[from:] {
				c.buf[from+i] ^= mask[(at+uint64(i))%4]
			}
		}
		piece, at = piece[n:], at+uint64(n)
		if c.verdict == streamlit.More {
			c.verdict = c.peek(c.buf)
		}
	}
}

func (c *collector) end() {
	if c.verdict == streamlit.Keep {
		c.take(c.buf)
	}
	c.verdict = streamlit.More
	if cap(c.buf) > spare {
		c.buf = nil
	}
	c.buf = c.buf[:0]
}
