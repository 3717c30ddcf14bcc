package tree

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sdev/dev"
)

// EncodeRecord writes a record as files keep it: indented JSON with a line end, in which nothing can steer a
// terminal. The same record gives the same bytes. A record always encodes.
func EncodeRecord(record any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(record); err != nil {
		panic(err) // texts, numbers, times, lists and maps of them always encode
	}
	return dev.EscapeJSON(out.Bytes())
}

// DecodeRecord reads a record whose field "v" is its version. One of another version is an error.
func DecodeRecord(raw []byte, version int, record any) error {
	var is struct{ V int }
	if err := json.Unmarshal(raw, &is); err != nil {
		return err
	}
	if is.V != version {
		return fmt.Errorf("its version is %d, and this sdev knows %d", is.V, version)
	}
	return json.Unmarshal(raw, record)
}
