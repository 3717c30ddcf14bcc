package handoff_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev"
	"sdev/dev/handoff"
)

// renderAll returns the files of a tree, as "path: content" lines.
func renderAll(t *testing.T, target handoff.Target, values handoff.Values, tree map[string]string) (string, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range tree {
		fsys["x/"+name] = &fstest.MapFile{Data: []byte(content)}
	}
	target.Name = "x"
	files, _, err := target.Render(fsys, handoff.Facts{Name: "shop", App: handoff.App{Python: handoff.Value{Text: "3.11"}}}, values)
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "%s: %s\n", f.Path, strings.TrimSpace(string(f.Content)))
	}
	return out.String(), err
}

func TestRender_Trees(t *testing.T) {
	derive := func(handoff.Facts, handoff.Values) (map[string]any, []dev.Finding) {
		return map[string]any{
			"list": []string{"a", `"b"`}, "none": []string{}, "map": map[string]any{"z": 1, "a": []any{true, nil}}, "kind": "full",
		}, nil
	}
	for name, tc := range map[string]struct {
		tree   map[string]string
		values handoff.Values
		want   string
	}{
		"a file that is no template is copied": {
			tree: map[string]string{"main.tf": `a = "<% .V.x %>${b}"`}, want: `main.tf: a = "<% .V.x %>${b}"` + "\n",
		},
		"a file of space alone is left out": {
			tree: map[string]string{"a.md.tmpl": "<% if eq .V.x \"\" %>\n\n<% end %>", "b.md": "b"}, want: "b.md: b\n",
		},
		"a directory is taken by a value": {
			tree: map[string]string{"x=light/main.tf": "light", "x=full/main.tf": "full"}, values: handoff.Values{"x": {Text: "light"}}, want: "main.tf: light\n",
		},
		"a directory is taken by a derived value": {
			tree: map[string]string{"kind=light/a/main.tf": "light", "kind=full/a/main.tf": "full"}, want: "a/main.tf: full\n",
		},
		"a value is part of a name": {
			tree: map[string]string{"@repository/.github/workflows/deploy-{x}.yml": "a"}, values: handoff.Values{"x": {Text: "shop"}}, want: "@repository/.github/workflows/deploy-shop.yml: a\n",
		},
		"lists and mappings are those of the language": {
			tree: map[string]string{
				"a.json.tmpl": "{\n  \"a\": <% .D.map %>,\n  \"b\": <% .D.none %>\n}",
				"c.yml.tmpl":  "a: <% .D.map %>\nb: <% .D.none %>\nc: <% .D.list %>",
			},
			want: `a.json: {
  "a": {
    "a": [
      true,
      null
    ],
    "z": 1
  },
  "b": []
}
c.yml: a: {"a": [true, null], "z": 1}
b: []
c: ["a", "\"b\""]
`,
		},
		"another language inside, in its own words": {
			tree: map[string]string{"a.yml.tmpl": "run: |\n  jq <% .V.x | sh %>\npolicy: '<% .D.list | json %>'"}, values: handoff.Values{"x": {Text: "a b"}},
			want: "a.yml: run: |\n  jq 'a b'\npolicy: '[\"a\",\"\\\"b\\\"\"]'\n",
		},
		"ranges, variables, conditions and definitions are quoted too": {
			tree: map[string]string{"a.yml.tmpl": `<% define "one" %>{<% . %>}<% end %><% $v := .V.x %><% range $i, $e := .D.list %><% if $i %>, <% end %><% template "one" $e %><% end %> <% with $v %><% . %><% else %><% upper "no" %><% end %>`},
			want: `a.yml: {"a"}, {"\"b\""} "NO"` + "\n",
		},
		"a value that carries its source is its text": {
			tree: map[string]string{"a.yml.tmpl": `<% .F.App.Python %> "<% .F.App.Python | inside %>" <% .F.App.Port %>`}, want: `a.yml: "3.11" "3.11" 0` + "\n",
		},
		"constants may be printed as they are": {
			tree: map[string]string{"a.yml.tmpl": `<% "<%" | raw %> <% raw "%}" %>`}, want: "a.yml: <% %}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := renderAll(t, handoff.Target{Params: []handoff.Param{{Name: "x"}}, Derive: derive}, tc.values, tc.tree)
			if err != nil || got != tc.want {
				t.Errorf("got %s(%v), want %s", got, err, tc.want)
			}
		})
	}
}

func TestRender_Errors(t *testing.T) {
	for name, tc := range map[string]struct {
		file, template, value string
		want                  string
		code                  dev.Code
	}{
		"zero byte":                     {"a.yml.tmpl", "a", "a\x00b", `V.x is "a\x00b", which is not text`, dev.CodeDeployValue},
		"no text":                       {"a.yml.tmpl", "a", "a\xff", `which is not text`, dev.CodeDeployValue},
		"two lines where one can stand": {"a.txt.tmpl", "<% .V.x %>", "a\nb", `cannot write a value into a.txt: "a\nb" is more than one line`, dev.CodeDeployValue},
		"evaluated by the reader":       {"snowflake.yml.tmpl", "<% .V.x %>", "<% ctx.env.TOKEN %>", "which the Snowflake CLI would evaluate", dev.CodeDeployValue},
		"not a file's name":             {"{x}.yml", "a", "../../etc/passwd", "which cannot be part of a file name", dev.CodeDeployValue},
		"empty as a file's name":        {"{x}.yml", "a", "", "which cannot be part of a file name", dev.CodeDeployValue},
		"language unknown":              {"a.xyz.tmpl", "<% .V.x %>", "", "no language is known for this file name", ""},
		"raw of a value":                {"a.yml.tmpl", "\n<% .V.x | raw %>", "", "line 2: raw accepts only constants", ""},
		"raw of an expression":          {"a.yml.tmpl", "<% raw (print .V.x) %>", "", "raw accepts only constants", ""},
		"value that is not declared":    {"a.yml.tmpl", "<% .V.y %>", "", `no entry for key "y"`, ""},
		"derived value that is missing": {"a.yml.tmpl", "<% .D.y %>", "", `y`, ""},
		"inside has no meaning":         {"a.sh.tmpl", `"<% .V.x | inside %>"`, "", `function "inside" not defined`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := ownLanguages(t)
			target.Params, target.Derive = []handoff.Param{{Name: "x"}}, func(handoff.Facts, handoff.Values) (map[string]any, []dev.Finding) {
				return map[string]any{"z": 1}, nil
			}
			got, err := renderAll(t, target, handoff.Values{"x": {Text: tc.value}}, map[string]string{tc.file: tc.template})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %s, %v, want %s", got, err, tc.want)
			}
			e, _ := errors.AsType[*dev.Error](err)
			if tc.code != "" && (e == nil || e.Code != tc.code || e.Hint == "") || tc.code == "" && e != nil {
				t.Errorf("%#v", err)
			}
		})
	}
}

func TestRender_TwoTemplatesOfOneFile(t *testing.T) {
	_, err := renderAll(t, handoff.Target{Params: []handoff.Param{{Name: "x"}}}, handoff.Values{"x": {Text: "1"}}, map[string]string{"a.md": "a", "x=1/a.md": "b"})
	if err == nil || err.Error() != "two templates render a.md" {
		t.Error(err)
	}
}
