package streamlit

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// value is the value of a field: number of a varint, bytes of everything with a length. bytes is a part of the message,
// not a copy.
type value struct {
	number uint64
	bytes  []byte
}

// text is a copy of the bytes, so that it does not keep the whole message in memory.
func (v value) text() string { return strings.ToValidUTF8(string(v.bytes), "�") }

// fields calls see for each field of a message, in order, until see returns an error.
func fields(b []byte, see func(protowire.Number, value) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var v value
		switch typ {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := see(num, v); err != nil {
			return err
		}
	}
	return nil
}
