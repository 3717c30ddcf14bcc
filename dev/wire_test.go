package dev_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sdev/dev"
	"sdev/dev/devtest"
)

func TestJSON_OfEveryEventIsAsDocumented(t *testing.T) {
	var out strings.Builder
	for _, e := range samples(t) {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", line)
	}
	devtest.Golden(t, "events.jsonl", out.String())
}

func TestJSON_OfEveryEventCanBeReadBack(t *testing.T) {
	for _, want := range append(samples(t), zeros()...) {
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got dev.Stamped
		if err := json.Unmarshal(line, &got); err != nil {
			t.Errorf("%s: %v", line, err)
		} else if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s was read back as something else (-want +got):\n%s", line, diff)
		}
	}
}

func TestJSON_ListsAreNeverNull(t *testing.T) {
	for _, e := range zeros() {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(line), "null") {
			t.Errorf("%s", line)
		}
	}
	ev := dev.FileChanged{}
	if _, err := json.Marshal(dev.Stamped{Event: ev}); err != nil || ev.Paths != nil {
		t.Errorf("writing changed the event: %+v, %v", ev, err)
	}
}

func TestJSON_TimesAreUTC(t *testing.T) {
	east := time.FixedZone("east", 3600)
	line, err := json.Marshal(dev.Stamped{Seq: 1, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, east), Event: dev.Stopped{}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `"time":"2026-01-02T02:04:05.000000006Z"`; !strings.Contains(string(line), want) {
		t.Errorf("%s does not contain %s", line, want)
	}
}

func TestJSON_OfOtherVersionsAndTypesIsRefused(t *testing.T) {
	for name, line := range map[string]string{
		"another version": `{"v":2,"seq":1,"time":"2026-01-02T03:04:05Z","type":"stopped","ms":1}`,
		"unknown type":    `{"v":1,"seq":1,"time":"2026-01-02T03:04:05Z","type":"party"}`,
		"wrong field":     `{"v":1,"seq":1,"time":"2026-01-02T03:04:05Z","type":"stopped","ms":"long"}`,
		"no object":       `[]`,
	} {
		var got dev.Stamped
		if err := json.Unmarshal([]byte(line), &got); err == nil {
			t.Errorf("%s was read as %+v", name, got)
		}
	}
	var got dev.Stamped
	line := `{"v":1,"seq":1,"time":"2026-01-02T03:04:05Z","type":"stopped","ms":1,"added":"later"}`
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Event != (dev.Stopped{MS: 1}) {
		t.Errorf("a field that was added later: %+v, %v", got, err)
	}
}

func TestEvents_ListsEveryTypeOnce(t *testing.T) {
	listed := make(map[string]bool)
	names := make(map[string]bool)
	for _, e := range dev.Events() {
		if names[e.Type()] {
			t.Errorf("two events are called %s", e.Type())
		}
		names[e.Type()] = true
		listed[reflect.TypeOf(e).Name()] = true
	}
	if declared := receivers(t, "event"); !maps.Equal(listed, declared) {
		t.Errorf("listed: %v; declared: %v", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(declared)))
	}
}

// Events are values: holding one must be safe whatever happens to it elsewhere.
func TestEvents_HoldNeitherPointersNorFunctions(t *testing.T) {
	var check func(t *testing.T, typ reflect.Type, path string)
	check = func(t *testing.T, typ reflect.Type, path string) {
		switch typ.Kind() {
		case reflect.Struct:
			for i := range typ.NumField() {
				f := typ.Field(i)
				if f.Tag.Get("json") == "" {
					t.Errorf("%s.%s has no JSON name", path, f.Name)
				}
				check(t, f.Type, path+"."+f.Name)
			}
		case reflect.Slice:
			check(t, typ.Elem(), path+"[]")
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		default:
			t.Errorf("%s is a %s", path, typ.Kind())
		}
	}
	for _, e := range dev.Events() {
		check(t, reflect.TypeOf(e), reflect.TypeOf(e).Name())
	}
}

// samples returns one event of every type with every field set, numbered from 1.
func samples(t *testing.T) []dev.Stamped {
	t.Helper()
	out := zeros()
	for i := range out {
		v := reflect.New(reflect.TypeOf(out[i].Event)).Elem()
		fill(t, v, "")
		out[i].Event = v.Interface().(dev.Event)
	}
	return out
}

func zeros() []dev.Stamped {
	var out []dev.Stamped
	for i, e := range dev.Events() {
		at := time.Date(2026, 1, 2, 3, 4, 5, i+1, time.UTC)
		out = append(out, dev.Stamped{Seq: uint64(i + 1), Time: at, Event: e})
	}
	return out
}

// fill sets every field in v: strings to the field's name, numbers to 7.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), strings.ToLower(v.Type().Field(i).Name))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), strings.TrimSuffix(name, "s"))
	case reflect.String:
		v.SetString(name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	default:
		t.Fatalf("field %s has a kind that events do not have: %s", name, v.Kind())
	}
}

// receivers returns the types of this package that have the method.
func receivers(t *testing.T, method string) map[string]bool {
	t.Helper()
	out := make(map[string]bool)
	for _, d := range declarations(t) {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == method {
			if id, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				out[id.Name] = true
			}
		}
	}
	return out
}

// declarations returns all declarations of the package's files.
func declarations(t *testing.T) []ast.Decl {
	t.Helper()
	var out []ast.Decl
	for _, name := range []string{"event.go", "error.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.Decls...)
	}
	return out
}
