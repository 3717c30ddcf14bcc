package docker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"sdev/dev/pattern"
)

// Offsets in the header of a tar archive. Source: POSIX.1-2001, pax, "ustar Interchange Format".
const (
	tarBlock = 512

	tarName, tarNameEnd = 0, 100
	tarSize, tarSizeEnd = 124, 136
	tarTime, tarTimeEnd = 136, 148
	tarSum, tarSumEnd   = 148, 156
	tarType             = 156
)

// clamp copies a tar archive and replaces timestamps after limit, in seconds since 1970, by limit. It changes
// numbers in place, so the archive keeps its length.
//
// A compiled Python file holds the timestamp of its source and is ignored if it differs, so that timestamp is
// changed too.
func clamp(to io.Writer, from io.Reader, limit int64) error {
	header := make([]byte, tarBlock)
	compiled := false // an extended header names a compiled file
	for {
		if _, err := io.ReadFull(from, header); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		size, err := tarNumber(header[tarSize:tarSizeEnd])
		if err != nil {
			return err
		}
		last := header[tarType] == 0 && size == 0 && header[tarName] == 0
		if !last {
			err = clampHeader(header, limit)
		}
		if err == nil {
			_, err = to.Write(header)
		}
		if err != nil {
			return err
		}
		if last { // the rest is padding
			_, err := io.Copy(to, from)
			return err
		}
		if compiled, err = clampContent(to, from, header, size, limit, compiled); err != nil {
			return err
		}
	}
}

// clampContent copies the content after a header. compiled says that the file is compiled Python; next says so
// of the following file, if this content was its name.
func clampContent(to io.Writer, from io.Reader, header []byte, size, limit int64, compiled bool) (next bool, err error) {
	left := (size + tarBlock - 1) / tarBlock * tarBlock
	switch header[tarType] {
	case 'x', 'L':
		return clampExtended(to, from, left, limit)
	case '0', 0:
		if compiled || strings.HasSuffix(text(header[tarName:tarNameEnd]), ".pyc") {
			if left, err = clampCompiled(to, from, size, left, limit); err != nil {
				return false, err
			}
		}
	}
	_, err = io.CopyN(to, from, left)
	return false, err
}

func text(field []byte) string {
	s, _, _ := strings.Cut(string(field), "\x00")
	return s
}

// clampHeader changes the timestamp in a header, and the checksum.
func clampHeader(header []byte, limit int64) error {
	field := header[tarTime:tarTimeEnd]
	when, err := tarNumber(field)
	if err != nil || when <= limit {
		return err
	}
	copy(field, fmt.Sprintf("%011o\x00", limit))
	copy(header[tarSum:tarSumEnd], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[tarSum:tarSumEnd], fmt.Sprintf("%06o\x00 ", sum))
	return nil
}

// tarNumber reads a number of a header: octal digits, or binary if the first bit is set.
func tarNumber(field []byte) (int64, error) {
	if field[0]&0x80 != 0 {
		if field[0]&0x40 != 0 {
			return -1, nil // before 1970
		}
		return int64(binary.BigEndian.Uint64(field[len(field)-8:])), nil // no archive is that long
	}
	digits := strings.Trim(text(field), " ")
	if digits == "" {
		return 0, nil
	}
	return strconv.ParseInt(digits, 8, 64)
}

// extendedTime matches the record of an extended header with the timestamp of the next file.
var extendedTime = pattern.New(`(?m)^(\d+ mtime=)(\d+)((?:\.\d*)?)$`)

// maxExtended limits the size of an extended header, in bytes.
const maxExtended = 8 << 20

// clampExtended copies the records of an extended header, or a long name, and changes the timestamps. compiled
// says that they belong to a compiled Python file.
func clampExtended(to io.Writer, from io.Reader, size, limit int64) (compiled bool, err error) {
	if size > maxExtended {
		return false, fmt.Errorf("a tar header of %d bytes is too long", size)
	}
	records := make([]byte, size)
	if _, err := io.ReadFull(from, records); err != nil {
		return false, err
	}
	changed := extendedTime.Regexp().ReplaceAllFunc(records, func(record []byte) []byte {
		m := extendedTime.FindSubmatch(record)
		when, err := strconv.ParseInt(string(m[2]), 10, 64)
		now := strconv.FormatInt(limit, 10)
		if err != nil || when < limit || len(now) > len(m[2]) {
			return record
		}
		fraction := ""
		if len(m[3]) > 0 {
			fraction = "." + strings.Repeat("0", len(m[3])-1)
		}
		return []byte(string(m[1]) + strings.Repeat("0", len(m[2])-len(now)) + now + fraction)
	})
	_, err = to.Write(changed)
	all := strings.TrimRight(string(records), "\x00")
	return strings.HasSuffix(all, ".pyc") || strings.Contains(all, ".pyc\n"), err
}

// clampCompiled copies the header of a compiled Python file, and returns how much is left to copy. A file with
// a hash of its source instead of a timestamp stays unchanged. Source: PEP 552.
func clampCompiled(to io.Writer, from io.Reader, size, padded, limit int64) (left int64, err error) {
	const head = 16
	if size < head {
		return padded, nil
	}
	start := make([]byte, head)
	if _, err := io.ReadFull(from, start); err != nil {
		return 0, err
	}
	flags, when := binary.LittleEndian.Uint32(start[4:]), binary.LittleEndian.Uint32(start[8:])
	if flags == 0 && int64(when) > limit {
		binary.LittleEndian.PutUint32(start[8:], uint32(limit)) // it is less than the old value
	}
	_, err = to.Write(start)
	return padded - head, err
}
