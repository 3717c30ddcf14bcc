package detect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTokens_KnowStringsCommentsAndStatements(t *testing.T) {
	for name, c := range map[string]struct{ src, want string }{
		"statements":             {"a\nb; c", `a | b | c |`},
		"brackets join lines":    {"f(a,\n  b)\nc", `f ( a , b ) | c |`},
		"a backslash joins":      {"a \\\n b\nc", `a b | c |`},
		"comments go":            {"a # 'b\n# c\nd", `a | d |`},
		"strings":                {`a 'b' "c" r'\d' f"{e}" b''`, `a "b" "c" "\\d" "{e}" "" |`},
		"escapes":                {`'it\'s' "\\" a`, `"it\\'s" "\\\\" a |`},
		"three quotes":           {"'''a\n'b''' c\n\"\"\"import x\"\"\"", `"a\n'b" c | "import x" |`},
		"never closed":           {"'a\nb", `"a" | b |`},
		"never closed at all":    {"'''a\nb", `"a\nb" |`},
		"a backslash at the end": {"'a\\", `"a\\" |`},
		"too many brackets":      {")))\na", `) ) ) | a |`},
		"names of any letters":   {"größe_1 = 0x1f", `größe_1 = 0x1f |`},
		"nothing":                {"", ``},
	} {
		var got []string
		for _, tok := range tokens(c.src) {
			switch tok.kind {
			case end:
				got = append(got, "|")
			case text:
				got = append(got, fmt.Sprintf("%q", tok.s))
			default:
				got = append(got, tok.s)
			}
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s: %s, want %s", name, g, c.want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{"import a", "'''", "\"\\\n", "f(", "rb'\\''"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		last := 1
		for _, tok := range tokens(src) {
			if tok.line < last {
				t.Fatalf("line %d after %d", tok.line, last)
			}
			last = tok.line
		}
	})
}

func readModule(t *testing.T, src string) *module {
	t.Helper()
	tree, err := walk(fstest.MapFS{"m.py": {Data: []byte(src)}})
	if err != nil {
		t.Fatal(err)
	}
	return tree.module("m.py")
}

func TestModule_ReadsImportsAndUses(t *testing.T) {
	m := readModule(t, `
import os, streamlit as s, a.b.c as d
from streamlit import Page as P, (login)
from streamlit import (
    navigation,  # comment
    user as who,
)
from .. import up
from ..x.y import z
try: import late
except ImportError: pass
text = "import no"
importer = 1; import one
import from_nothing.
s.context.headers["A"]
other.s.secrets
P("views/a.py"), s.Page(func), s.Page('b.py', title="B")
navigation([])
if who.is_logged_in: login()
`)
	var imports []string
	for _, i := range m.imports {
		imports = append(imports, fmt.Sprintf("%d:%s%s%v", i.line, strings.Repeat(".", i.level), i.name, i.from))
	}
	want := []string{"2:os[]", "2:streamlit[]", "2:a.b.c[]", "3:streamlit[Page login]", "4:streamlit[navigation user]", "8:..[up]", "9:..x.y[z]", "10:late[]", "13:one[]", "14:from_nothing[]"}
	if !slices.Equal(imports, want) {
		t.Errorf("imports\n%q, want\n%q", imports, want)
	}
	for use, line := range map[string]int{"context": 15, "context.headers": 15, "Page": 3, "navigation": 5, "user.is_logged_in": 19, "secrets": 0} {
		if m.uses[use] != line {
			t.Errorf("use of %s in line %d, want %d", use, m.uses[use], line)
		}
	}
	if got := []string{m.pages[0].Value, m.pages[1].Value}; len(m.pages) != 2 || got[0] != "views/a.py" || got[1] != "b.py" {
		t.Errorf("pages: %v", m.pages)
	}
}

func TestRuns_FindsTheScriptInCommands(t *testing.T) {
	for command, want := range map[string]string{
		`streamlit run app.py`: "app.py", `["streamlit", "run", "app.py", "--server.port=80"]`: "app.py",
		`python -m streamlit run --server.port 80 'my app.py'`: "my app.py", `sh -c "streamlit run a.py"`: "a.py",
		`/opt/venv/bin/streamlit run /app/x/a.py`: "/app/x/a.py", `uv run streamlit run a.py -- --flag b.py`: "a.py",
		`cd web && streamlit run a.py; echo b.py`: "web a.py", `streamlit run`: "streamlit_app.py", `streamlit run $APP`: "", `streamlit hello`: "",
		`echo streamlit`: "",
	} {
		got := ""
		for _, r := range runs(command, "f", 1) {
			got = strings.TrimSpace(r.dir + " " + r.script)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}

func TestFitting_PicksAVersionOfPython(t *testing.T) {
	for constraint, want := range map[string]string{
		">=3.10": "3.11", ">=3.12": "3.12", "<3.11": "3.10", ">=3.9,<3.11": "3.10", "~=3.13.0": "3.13", "^3.10": "3.11", "3.12.4": "3.12", "==3.10.*": "3.10", "<=3.10": "3.10", "": "", "*": "", "~3.12": "3.12",
	} {
		if got := chooseVersion(constraint); got != want {
			t.Errorf("%q: %q, want %q", constraint, got, want)
		}
	}
}

func TestDockerfile_IsReadStageByStage(t *testing.T) {
	tree, err := walk(fstest.MapFS{"Dockerfile": {Data: []byte(`# syntax=docker/dockerfile:1
ARG V=3.12
FROM --platform=$BUILDPLATFORM python:${V}-slim AS base
ENV A=/srv B="two words"
WORKDIR $A
WORKDIR app
FROM base AS test
CMD ["pytest"]
FROM scratch AS other
FROM base
COPY --chown=1:1 one.py two.py ./
COPY ["with space", "/x/"]
COPY --from=other / /o
COPY <<EOF /etc/conf
CMD not this
EOF
RUN python -m venv .venv && \
    # in between
    uv sync
ENV LATE=${A}/late PYTHONPATH=${PYTHONPATH}:/more
USER 1000
ENTRYPOINT ["streamlit"]
CMD ["run", "one.py"]
`)}})
	if err != nil {
		t.Fatal(err)
	}
	d := readDockerfile(tree, "Dockerfile", "")
	if d.Python.Value != "3.12" || d.Python.Line != 3 || d.Workdir != "/srv/app" || d.User.Value != "1000" || d.Command.Value != `["streamlit"] ["run", "one.py"]` {
		t.Errorf("%+v", d)
	}
	if want := []Copied{{From: "one.py", To: "/srv/app/one.py", Line: 11}, {From: "two.py", To: "/srv/app/two.py", Line: 11}, {From: "with space", To: "/x", Line: 12}}; !slices.Equal(d.Copies, want) {
		t.Errorf("copies: %+v, want %+v", d.Copies, want)
	}
	if len(d.Hidden) != 1 || d.Hidden[0].Value != "/srv/app/.venv" {
		t.Errorf("hidden: %+v", d.Hidden)
	}
	if got := readDockerfile(tree, "Dockerfile", "test").Command.Value; got != `["pytest"]` {
		t.Errorf("the command of another target: %s", got)
	}
}
