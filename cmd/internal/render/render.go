// Package render shows events and findings as text. Events become lines for people ([NewPlain]) and
// objects for programs ([NewJSON]); findings of checks become a page ([Findings]) and a report for code
// hosts ([SARIF]). It knows the vocabulary of package dev and nothing else, keeps no clock and starts
// no goroutines. A printer is used by one goroutine at a time.
package render

import (
	"encoding/json"
	"errors"
	"io"

	"sdev/dev"
)

// Printer shows one event after the other.
type Printer interface {
	// Print shows an event. Its error is the writer's.
	Print(dev.Stamped) error
}

// NewJSON prints one object per event and line, as documented in "sdev help events".
func NewJSON(w io.Writer) Printer {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return jsonPrinter{e}
}

type jsonPrinter struct{ encoder *json.Encoder }

func (p jsonPrinter) Print(s dev.Stamped) error { return p.encoder.Encode(s) }

// End turns the error that ended a stream into the one to report: the usual end is none.
func End(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
