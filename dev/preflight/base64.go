package preflight

import (
	"bytes"
	"encoding/base64"
)

// Credentials in base64, as in Kubernetes manifests, data files and pipeline variables.

// minRun is the length of the shortest run of base64 that can hold a key.
const minRun = 28

// searchBase64 searches runs of base64 that begin in piece[from:until], over several lines too, for credentials. If a
// run goes on in the next piece, its alignment is unknown there, so all four are tried.
func (s *scanner) searchBase64(piece []byte, from, until, line int, visit func(hit)) {
	at := lineCounter(piece, line)
	for i := from; i+minRun <= len(piece) && i < until; {
		// A run has no gaps: if the byte at its minimal end is none of it, no run begins before that byte.
		if !isBase64(piece[i+minRun-1]) {
			i += minRun
			continue
		}
		start := i + minRun - 1
		for start > i && isBase64(piece[start-1]) {
			start--
		}
		if start >= until {
			return
		}
		begins := start == 0 || !isBase64(piece[start-1])
		end := endOfRun(piece, start)
		if end-start >= minRun {
			s.searchDecoded(piece[start:end], begins, func(h hit) {
				h.line = at(start)
				visit(h)
			})
		}
		i = end
	}
}

// searchDecoded decodes a run of base64 and searches the result.
func (s *scanner) searchDecoded(run []byte, begins bool, visit func(hit)) {
	text := bytes.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return -1
		}
		return r
	}, run)
	shifts := 4
	if begins {
		shifts = 1
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text)))
	for shift := range shifts {
		part := text[min(shift, len(text)):]
		if len(part)%4 == 1 { // which no encoding ends with
			part = part[:len(part)-1]
		}
		n, err := base64.RawStdEncoding.Decode(out, part)
		if err != nil {
			continue
		}
		inner := scanner{attempts: s.attempts, attemptsPerLiteral: s.attemptsPerLiteral}
		inner.searchCredentials(out[:n], 0, n, 1, func(h hit) {
			visit(hit{what: h.what + ", in base64"})
		})
		s.attempts = inner.attempts
	}
}

// minWrappedLine is the shortest line that an encoder wraps base64 at.
const minWrappedLine = 60

// endOfRun returns the end of the run of base64 that begins at i.
func endOfRun(piece []byte, i int) int {
	start := i
	for i < len(piece) {
		switch c := piece[i]; {
		case isBase64(c):
			i++
		case c == '\n' || c == '\r':
			next := i + 1
			for next < len(piece) && (piece[next] == '\n' || piece[next] == '\r') && next < i+2 {
				next++
			}
			if i-start < minWrappedLine || next >= len(piece) || !isBase64(piece[next]) {
				return i
			}
			start, i = next, next
		default:
			return i
		}
	}
	return i
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}
