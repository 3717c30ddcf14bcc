package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"sdev/dev"
	"sdev/dev/config"
)

// expected is an entry of the file of --expect. It has the form of an entry of "explain --matrix --json", of which the
// other fields may change without harm.
type expected struct {
	Path     string         `json:"path"`
	User     string         `json:"user"`
	Decision dev.Decision   `json:"decision"`
	Headers  map[string]any `json:"headers"` // nil is not compared
}

// compareExpected compares decisions with those in a file, prints each difference, and fails if there is one.
func (a *commands) compareExpected(auth config.AuthSettings, decide decider, file string) error {
	want, err := readExpected(file)
	if err != nil {
		return err
	}
	rows := [][]string{{"PATH", "WHO", "EXPECTED", "DECISION", "RULE"}}
	for _, w := range want {
		var who *dev.Person
		name := "nobody"
		if w.User != "" {
			person, known := auth.Person(w.User)
			if !known {
				person = dev.Person{Email: w.User}
			}
			who, name = &person, w.User
		}
		got, err := decide(w.Path, who)
		if err != nil {
			return err
		}
		switch {
		case got.Decision != w.Decision:
			rows = append(rows, []string{got.Path, name, string(w.Decision), string(got.Decision), got.Rule})
		case w.Headers != nil && !sameHeaders(w.Headers, got.Headers):
			rows = append(rows, []string{got.Path, name, string(w.Decision), string(got.Decision) + ", other headers", got.Rule})
		}
	}
	if len(rows) == 1 {
		a.Printf("all %d decisions are as expected\n", len(want))
		return nil
	}
	if err := a.Table(rows); err != nil {
		return err
	}
	return &dev.Error{Code: dev.CodeAuthExpect, Exit: dev.ExitFailed, Message: fmt.Sprintf("%d of %d decisions differ from %s", len(rows)-1, len(want), file),
		Hint: "correct x-sdev.auth in the compose file; or, if the new decisions are right, write the file again: sdev auth explain --matrix --json >" + file}
}

// sameHeaders compares headers in the form that JSON has.
func sameHeaders(want, got map[string]any) bool {
	b, err := json.Marshal(got)
	var plain map[string]any
	return err == nil && json.Unmarshal(b, &plain) == nil && reflect.DeepEqual(want, plain)
}

func readExpected(file string) ([]expected, error) {
	wrong := func(line int, message string) error {
		return &dev.Error{Code: dev.CodeAuthExpect, Exit: dev.ExitProject, File: file, Line: line, Message: message,
			Hint: `write a JSON array of {"path":…,"user":…,"decision":"allow"|"deny"|"login"}, as sdev auth explain --matrix --json prints it`}
	}
	b, err := dev.ReadFile(file)
	if err != nil {
		return nil, wrong(0, "cannot be read: "+err.Error())
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, wrong(lineOf(b, offsetOf(err)), "this is not a JSON array of decisions: "+err.Error())
	}
	if len(raw) == 0 {
		return nil, wrong(0, "it holds no decision")
	}
	out := make([]expected, len(raw))
	at := 0
	for i, item := range raw {
		at += bytes.Index(b[at:], item)
		line := lineOf(b, at)
		at += len(item)
		if err := json.Unmarshal(item, &out[i]); err != nil {
			return nil, wrong(line, "this is not a decision: "+err.Error())
		}
		switch out[i].Decision {
		case dev.Allowed, dev.Denied, dev.LoginNeeded:
		default:
			return nil, wrong(line, fmt.Sprintf("decision is %q", out[i].Decision))
		}
		if out[i].Path == "" {
			return nil, wrong(line, "the decision has no path")
		}
		if u := out[i].User; u != "" && config.CheckEmail(u) != nil {
			return nil, wrong(line, fmt.Sprintf("user %q is not an e-mail address", u))
		}
	}
	return out, nil
}

// offsetOf is the place of an error of the JSON parser.
func offsetOf(err error) int {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return int(syntax.Offset)
	}
	return 0
}

// lineOf is the line of a place in a text, counted from 1.
func lineOf(b []byte, offset int) int {
	return 1 + bytes.Count(b[:min(offset, len(b))], []byte("\n"))
}
