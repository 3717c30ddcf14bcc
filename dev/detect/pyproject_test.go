package detect

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func readToml(t *testing.T, content string) []toml {
	t.Helper()
	tree, err := walk(fstest.MapFS{"a.toml": {Data: []byte(content)}})
	if err != nil {
		t.Fatal(err)
	}
	return readTOML(tree, "a.toml")
}

func TestReadTOML_GivesTextsWithTheirLines(t *testing.T) {
	for content, want := range map[string]string{
		"[project]\ndependencies = [ # one\n  \"a>=1\", # two\n  'b',\n]\n": "1 project/=|3 project/dependencies=a>=1|4 project/dependencies=b",
		"[tool.poetry]\nx.y = {extras = [\"e\"], version = \"^1\"}\n":       "1 tool.poetry/=|2 tool.poetry/x.y=e|2 tool.poetry/x.y=^1",
		"a = \"\\u0062\"\nc = 3\n":                                          "1 /a=b|2 /c=3",
		"a = \"\"\"\n[project]\n\"\"\"\nb = \"c\"\n":                        "1 /a=[project]\n|4 /b=c",
		"a = \"b\"\n<<<<<<< HEAD\nc = \"d\"\n":                              "1 /a=b",
	} {
		var got []string
		for _, e := range readToml(t, content) {
			got = append(got, fmt.Sprintf("%d %s/%s=%s", e.line, e.section, e.key, e.value))
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%q: %q, want %q", content, g, want)
		}
	}
}

func FuzzReadTOML(f *testing.F) {
	f.Add("[a.\"b\"]\nc.d = [\"e\", {f = 'g'}]\n[[h]]\ni = 1979-05-27\n")
	f.Fuzz(func(t *testing.T, content string) {
		last := 1
		for _, e := range readToml(t, content) {
			if e.line < last {
				t.Fatalf("line %d after %d", e.line, last)
			}
			last = e.line
		}
	})
}
