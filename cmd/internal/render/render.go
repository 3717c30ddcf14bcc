// Package render shows events and findings as text: lines for people ([NewPlain]) and objects for programs
// ([NewJSON]), a page of findings ([Findings]) and a report for code hosts ([SARIF]). The dashboard shares
// its wording ([Duration], [Count], [Outcome]). It knows only package dev, has no clock and starts no
// goroutine. Only one goroutine at a time may use a printer.
package render

import (
	"encoding/json"
	"errors"
	"io"

	"sdev/dev"
)

// Printer prints events one after the other.
type Printer interface {
	// Print prints an event. Its error is the writer's.
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

// End turns the error that ended a stream into the one to report: nil for the regular end.
func End(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
