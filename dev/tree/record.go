package tree

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sdev/dev"
)

// EncodeRecord encodes a record for a file: indented JSON that ends in a newline and contains no control sequence for a
// terminal. The same record gives the same bytes. A record always encodes.
func EncodeRecord(record any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(record); err != nil {
		panic(err) // strings, numbers, times, and lists and maps of them always encode
	}
	return dev.EscapeJSON(out.Bytes())
}

// DecodeRecord decodes a record. Its field "v" must be version.
func DecodeRecord(raw []byte, version int, record any) error {
	var header struct{ V int }
	if err := json.Unmarshal(raw, &header); err != nil {
		return err
	}
	if header.V != version {
		return fmt.Errorf("its version is %d, but this sdev reads %d", header.V, version)
	}
	return json.Unmarshal(raw, record)
}
