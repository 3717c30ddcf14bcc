package gateway

import "encoding/binary"

// frames parses a stream of WebSocket frames (RFC 6455, section 5) from pieces of any size, and hands the
// payload of data messages to sink. It buffers at most a header.
type frames struct {
	sink sink

	// The current frame.
	head   [14]byte // its header, as far as it was read
	have   int      // bytes in head
	inBody bool     // the header is complete
	left   uint64   // payload bytes that follow
	at     uint64   // position in the payload, for the mask
	data   bool     // it carries a data message, as opposed to a control frame
	last   bool     // it is the last frame of its message
	masked bool
	key    [4]byte // of the mask

	open bool // a data message has begun and not ended
	lost bool // the bytes are not valid frames; parsing has stopped
}

// sink receives the messages of one direction.
type sink interface {
	// part gets the pieces of the payload in order. mask is nil if they are not masked; else piece[i] is
	// masked with mask[(at+i)%4]. The piece is only valid during the call.
	part(piece []byte, mask *[4]byte, at uint64)
	// end comes after the last piece of a message.
	end()
}

// The bits of a frame's first two bytes.
const (
	bitFinal    = 0x80
	bitsRSV     = 0x70
	bitsOpcode  = 0x0f
	bitControl  = 0x08
	bitMasked   = 0x80
	bitsLength  = 0x7f
	length16    = 126
	length64    = 127
	opContinued = 0
)

// pass parses the next bytes of the stream.
func (f *frames) pass(p []byte) {
	for len(p) > 0 && !f.lost {
		if !f.inBody {
			n := f.header(p)
			p = p[n:]
			continue
		}
		n := int(min(uint64(len(p)), f.left))
		if f.data && n > 0 {
			mask := &f.key
			if !f.masked {
				mask = nil
			}
			f.sink.part(p[:n], mask, f.at)
		}
		p, f.left, f.at = p[n:], f.left-uint64(n), f.at+uint64(n)
		f.finish()
	}
}

// boundary reports whether the stream is between two messages, where the gateway may insert a frame.
func (f *frames) boundary() bool { return !f.lost && !f.inBody && f.have == 0 && !f.open }

// header reads the rest of a frame's header and returns how many bytes that took.
func (f *frames) header(p []byte) int {
	taken := 0
	for taken < len(p) {
		f.head[f.have] = p[taken]
		f.have++
		taken++
		if f.have == f.headerLength() {
			f.begin()
			return taken
		}
	}
	return taken
}

// headerLength returns the length of the header. It is known once the first two bytes are read; before that, 2.
func (f *frames) headerLength() int {
	if f.have < 2 {
		return 2
	}
	n := 2
	switch f.head[1] & bitsLength {
	case length16:
		n += 2
	case length64:
		n += 8
	}
	if f.head[1]&bitMasked != 0 {
		n += 4
	}
	return n
}

func (f *frames) begin() {
	first, second := f.head[0], f.head[1]
	rest := f.head[2:f.have]
	switch n := uint64(second & bitsLength); n {
	case length16:
		f.left, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
	case length64:
		f.left, rest = binary.BigEndian.Uint64(rest), rest[8:]
	default:
		f.left = n
	}
	f.masked = second&bitMasked != 0
	if f.masked {
		copy(f.key[:], rest)
	}
	f.data = first&bitControl == 0
	f.last = first&bitFinal != 0
	continued := first&bitsOpcode == opContinued
	// A compressed frame cannot be parsed, nor a fragment that continues no message.
	f.lost = first&bitsRSV != 0 || f.data && continued != f.open
	if f.data {
		f.open = true
	}
	f.inBody, f.at, f.have = true, 0, 0
	f.finish()
}

// finish ends the frame once its payload is complete.
func (f *frames) finish() {
	if f.left > 0 || f.lost {
		return
	}
	f.inBody = false
	if f.data && f.last {
		f.open = false
		f.sink.end()
	}
}

// maskedFrame returns one whole binary message from client to server. Its mask is zero: a mask protects
// intermediaries (RFC 6455, 5.3), there are none between gateway and app, and the server only checks that it exists.
func maskedFrame(payload []byte) []byte {
	const binaryMessage = 0x82
	b := []byte{binaryMessage}
	switch n := len(payload); {
	case n < length16:
		b = append(b, bitMasked|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bitMasked|length16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bitMasked|length64), uint64(n))
	}
	b = append(b, 0, 0, 0, 0)
	return append(b, payload...)
}
