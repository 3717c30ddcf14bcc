package streamlit

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"sdev/dev"
)

// frame is a message captured from a real server, by version and name.
func frame(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".bin"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var versions = []string{"158", "167"}

func parse(t *testing.T, name string) Forward {
	t.Helper()
	f, err := ParseForward(frame(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

func TestParseForward_KnowsWhatRealServersSay(t *testing.T) {
	for _, v := range versions {
		t.Run(v, func(t *testing.T) {
			session := parse(t, v+"-new-session")
			if session.Kind != NewSession || len(session.SessionID) != 36 || len(session.RunID) != 36 || session.PageName() != "" {
				t.Errorf("new session: %+v", session)
			}
			reload := parse(t, v+"-new-session-reload")
			if reload.SessionID != session.SessionID || reload.RunID == session.RunID || len(reload.Pages) != 2 || reload.PageName() != "" {
				t.Errorf("new session after a save: %+v", reload)
			}
			for name, want := range map[string]Outcome{"finished": Succeeded, "not-compiled": NotCompiled, "finished-early": EarlyForRerun} {
				if f := parse(t, v+"-"+name); f.Kind != Finished || f.Outcome != want {
					t.Errorf("%s: %+v", name, f)
				}
			}
			for _, name := range []string{"heading", "block", "status"} {
				if f := parse(t, v+"-"+name); f.Kind != Other {
					t.Errorf("%s: %+v", name, f)
				}
			}
			long := parse(t, v+"-long-exception")
			if long.Kind != ShownException || len(long.Exception.Message) != 12000 {
				t.Errorf("long exception: kind %d, message of %d bytes", long.Kind, len(long.Exception.Message))
			}
			if ref := parse(t, v+"-reference"); ref.Kind != Reference || ref.Ref != long.Hash || ref.Ref == "" {
				t.Errorf("reference to %q: %+v", long.Hash, ref)
			}
		})
	}
}

func TestParseForward_TellsExceptionsApart(t *testing.T) {
	mounts := []dev.Mount{{Container: "/app", Project: "code"}}
	tests := []struct {
		frame, typ, summary, file string
		line                      int
		stack                     bool
		kind                      Kind
	}{
		{"exception", "ZeroDivisionError", "division by zero", "code/Home.py", 11, true, ShownException},
		{"fragment-exception", "ZeroDivisionError", "division by zero", "code/Home.py", 12, true, ShownException},
		{"shown-exception", "ValueError", "shown", "", 0, false, ShownException},
		{"compile-exception", "SyntaxError", "expected ':'", "code/Home.py", 10, true, CompileException},
	}
	for _, v := range versions {
		for _, tt := range tests {
			t.Run(v+"/"+tt.frame, func(t *testing.T) {
				f := parse(t, v+"-"+tt.frame)
				e := f.Exception
				if f.Kind != tt.kind || e.Type != tt.typ || e.Summary() != tt.summary || len(e.Stack) > 0 != tt.stack {
					t.Errorf("got %+v", f)
				}
				if file, line := Location(e, mounts); file != tt.file || line != tt.line {
					t.Errorf("location %s:%d, want %s:%d", file, line, tt.file, tt.line)
				}
			})
		}
	}
}

func TestForward_PageName(t *testing.T) {
	for _, v := range versions {
		nav := parse(t, v+"-navigation")
		if nav.Kind != Navigation || len(nav.Pages) != 2 || nav.PageName() != "" {
			t.Fatalf("navigation: %+v", nav)
		}
		nav.PageHash = nav.Pages[1].Hash
		if got := nav.PageName(); got != "First App" {
			t.Errorf("second page: %q", got)
		}
		nav.PageHash = "unknown"
		if got := nav.PageName(); got != "" {
			t.Errorf("unknown page: %q", got)
		}
		reload := parse(t, v+"-new-session-reload")
		reload.PageHash = reload.Pages[1].Hash
		if got := reload.PageName(); got != "First App" {
			t.Errorf("second page by new session: %q", got)
		}
	}
}

func TestPeekForward_AgreesWithParseForward(t *testing.T) {
	names, err := filepath.Glob("testdata/*.bin")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		name = strings.TrimSuffix(filepath.Base(name), ".bin")
		if strings.Contains(name, "rerun") {
			continue
		}
		msg := frame(t, name)
		want := Keep
		if f := parse(t, name); f.Kind == Other {
			want = Skip
		}
		decided := false
		for n := range msg {
			switch got := PeekForward(msg[:n]); {
			case got == More && !decided:
			case got == want:
				decided = true
			default:
				t.Fatalf("%s: verdict %d after %d bytes, want %d", name, got, n, want)
			}
		}
		if !decided {
			t.Errorf("%s: no verdict", name)
		}
	}
}

func TestPeekForward_SkipsDataByItsFirstBytes(t *testing.T) {
	const element, table = 4, 50 << 20
	b := protowire.AppendString(protowire.AppendTag(nil, forwardHash, protowire.BytesType), strings.Repeat("a", 32))
	b = protowire.AppendVarint(protowire.AppendTag(b, forwardDelta, protowire.BytesType), table+20)
	b = protowire.AppendVarint(protowire.AppendTag(b, deltaNewElement, protowire.BytesType), table+10)
	b = protowire.AppendVarint(protowire.AppendTag(b, element, protowire.BytesType), table)
	if got := PeekForward(b); got != Skip {
		t.Errorf("verdict %d on %d bytes of a message of 50 MiB", got, len(b))
	}
	if n := testing.AllocsPerRun(100, func() { PeekForward(b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseForward_RefusesGarbage(t *testing.T) {
	whole := frame(t, "167-exception")
	for _, b := range [][]byte{{0xff}, {0x2a, 0xff, 0xff, 0xff, 0xff, 0x7f}, whole[:len(whole)-1], []byte("GET / HTTP/1.1")} {
		if f, err := ParseForward(b); err == nil || !reflect.DeepEqual(f, Forward{}) {
			t.Errorf("%x: %+v, %v", b, f, err)
		}
	}
}

func TestLocation_PrefersTheProject(t *testing.T) {
	mounts := []dev.Mount{
		{Container: "/app", Project: "."},
		{Container: "/app/code_package", Project: "src/code_package"},
	}
	at := func(path, line string) string { return `File "` + path + `", line ` + line + ", in f\n    f()" }
	tests := []struct {
		name string
		e    Exception
		file string
		line int
	}{
		{"innermost of the project", Exception{Stack: []string{at("/app/Home.py", "3"), at("/app/util/cloud.py", "9"), at("/usr/lib/python3.11/json.py", "1")}}, "util/cloud.py", 9},
		{"longest mount", Exception{Stack: []string{at("/app/code_package/streamlit/Home.py", "3")}}, "src/code_package/streamlit/Home.py", 3},
		{"a name that only begins alike", Exception{Stack: []string{at("/application/x.py", "3")}}, "/application/x.py", 3},
		{"installed inside the project", Exception{Stack: []string{at("/app/Home.py", "4"), at("/app/.venv/lib/python3.11/site-packages/pandas/x.py", "7")}}, "Home.py", 4},
		{"nothing of the project", Exception{Stack: []string{at("/a.py", "1"), at("/b.py", "2")}}, "/b.py", 2},
		{"nothing of the project, and a package below it", Exception{Stack: []string{at("/x/Home.py", "33"), at("/usr/local/lib/python3.11/dist-packages/driver/net.py", "7"), at("/usr/lib/python3.11/socket.py", "9"), at("<string>", "1")}}, "/x/Home.py", 33},
		{"packages only", Exception{Stack: []string{at("/venv/lib/python3.11/site-packages/streamlit/run.py", "1"), at("/venv/lib/python3.11/site-packages/driver/net.py", "7")}}, "/venv/lib/python3.11/site-packages/driver/net.py", 7},
		{"syntax error in an imported module", Exception{Type: "SyntaxError", Message: "File \"/app/util/cloud.py\", line 5\n  x x\nSyntaxError: invalid syntax", Stack: []string{at("/app/Home.py", "1")}}, "util/cloud.py", 5},
		{"a message that quotes a traceback", Exception{Message: `worker said: File "/app/other.py", line 8`, Stack: []string{at("/app/Home.py", "2")}}, "Home.py", 2},
		{"no place", Exception{Message: "lost"}, "", 0},
		{"a line that is no number", Exception{Stack: []string{at("/app/Home.py", "99999999999999999999")}}, "", 0},
	}
	for _, tt := range tests {
		if file, line := Location(tt.e, mounts); file != tt.file || line != tt.line {
			t.Errorf("%s: %s:%d, want %s:%d", tt.name, file, line, tt.file, tt.line)
		}
	}
}

func FuzzParseForward(f *testing.F) {
	names, err := filepath.Glob("testdata/*.bin")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		f.Add(frame(f, strings.TrimSuffix(filepath.Base(name), ".bin")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseForward(b)
		if err == nil && got.Kind != Other && PeekForward(b) == More {
			t.Errorf("a whole message of kind %d leaves Peek undecided", got.Kind)
		}
		Location(got.Exception, []dev.Mount{{Container: "/app", Project: "."}})
		got.PageName()
		if _, ok, err := ParseBack(b); err == nil && ok && PeekBack(b) == More {
			t.Error("a whole request leaves Peek undecided")
		}
	})
}
