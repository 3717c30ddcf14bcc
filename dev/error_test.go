package dev_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
)

func TestCodes_DocumentsEveryConstantOnceAndInOrder(t *testing.T) {
	var declared []string
	for _, d := range declarations(t) {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == "Code" {
				declared = append(declared, strings.Trim(v.Values[0].(*ast.BasicLit).Value, `"`))
			}
		}
	}
	var documented []string
	shape := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?$`)
	for _, c := range dev.Codes() {
		documented = append(documented, string(c.Code))
		if !shape.MatchString(string(c.Code)) {
			t.Errorf("code %q is not dotted lower case", c.Code)
		}
		if c.About == "" || strings.HasSuffix(c.About, ".") {
			t.Errorf("code %s: about %q", c.Code, c.About)
		}
	}
	if len(declared) == 0 || !slices.Equal(declared, documented) {
		t.Errorf("declared and documented codes differ:\n%q\n%q", declared, documented)
	}
}

func TestExitCodes_AreTheContract(t *testing.T) {
	var got []int
	for _, c := range dev.ExitCodes() {
		got = append(got, c.Code)
		if c.About == "" {
			t.Errorf("exit code %d means nothing", c.Code)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 130}; !slices.Equal(got, want) {
		t.Errorf("exit codes %v, want %v", got, want)
	}
}

func TestError_NamesFileAndLineIfKnown(t *testing.T) {
	for _, c := range []struct {
		err  dev.Error
		want string
	}{
		{dev.Error{Message: "port 8501 is taken"}, "port 8501 is taken"},
		{dev.Error{Message: "unknown key", File: "compose.yml"}, "compose.yml: unknown key"},
		{dev.Error{Message: "unknown key", File: "compose.yml", Line: 12}, "compose.yml:12: unknown key"},
		{dev.Error{Message: "unknown key", Line: 12}, "unknown key"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestError_AsAnEventHasEveryFieldButTheCause(t *testing.T) {
	e := &dev.Error{Code: dev.CodePortTaken, Message: "m", Hint: "h", File: "f", Line: 3, Exit: dev.ExitFailed, Cause: io.EOF}
	got := reflect.ValueOf(e.Event())
	for i := range got.NumField() {
		name := got.Type().Field(i).Name
		if want := reflect.ValueOf(*e).FieldByName(name); !got.Field(i).Equal(want) {
			t.Errorf("%s is %v, want %v", name, got.Field(i), want)
		}
	}
}

func TestAsError_KeepsAnErrorAndWrapsOthers(t *testing.T) {
	own := &dev.Error{Code: dev.CodeBusy, Message: "busy", Exit: dev.ExitFailed, Cause: io.EOF}
	if got := dev.AsError(fmt.Errorf("up: %w", own)); got != own {
		t.Errorf("%+v", got)
	}
	if !errors.Is(own, io.EOF) {
		t.Error("the cause cannot be found")
	}
	foreign := errors.New("who knows")
	got := dev.AsError(foreign)
	if got.Code != dev.CodeInternal || got.Exit != dev.ExitFailed || got.Message != "who knows" || !errors.Is(got, foreign) {
		t.Errorf("%+v", got)
	}
}
