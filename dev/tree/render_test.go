package tree_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"sdev/dev/tree"
)

// rendered returns the files of a tree, as "path mode content" lines. It renders a template by changing it to capitals.
func rendered(t tree.Templates, paths ...string) (string, error) {
	fsys := fstest.MapFS{}
	for _, p := range paths {
		name, content, ok := strings.Cut(p, ":")
		if !ok {
			content = "text"
		}
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	t.FS = fsys
	t.Value = func(key string) (string, bool) {
		value, ok := map[string]string{"deps": "uv", "auth": "none", "empty": ""}[key]
		return value, ok
	}
	t.Execute = func(_, text string) ([]byte, error) {
		if text == "broken" {
			return nil, errors.New("it is broken")
		}
		return []byte(strings.ToUpper(text)), nil
	}
	files, err := t.Render()
	var out []string
	for _, f := range files {
		out = append(out, fmt.Sprintf("%s %o %s", f.Path, f.Mode, f.Content))
	}
	return strings.Join(out, "\n"), err
}

func TestTemplates_LayersAreTakenByTheirNames(t *testing.T) {
	for name, tc := range map[string]struct {
		of   tree.Templates
		in   []string
		want string
	}{
		"what belongs to the values is taken": {
			in:   []string{"all/a", "deps=uv/b", "deps=pip/c", "deps=uv,auth=none/d", "deps=uv,auth=oauth/e", "empty=/f"},
			want: "a 644 text\nb 644 text\nd 644 text\nf 644 text",
		},
		"a layer of several values is taken for each of them": {
			in:   []string{"deps=pip+uv/a", "deps=uv+conda,auth=none/b", "deps=pip+conda/c", "deps=uvx+u/d", "empty=+x/e"},
			want: "a 644 text\nb 644 text\ne 644 text",
		},
		"an open tree holds files beside its layers": {
			of: tree.Templates{AllowUnlayered: true}, in: []string{"a", "sub/b", "deps=uv/sub/c", "deps=pip/d", "x=y"},
			want: "a 644 text\nsub/b 644 text\nsub/c 644 text\nx=y 644 text",
		},
		"a template loses its ending, and is rendered": {in: []string{"all/a.md.tmpl", "all/b.tmpl.md"}, want: "a.md 644 TEXT\nb.tmpl.md 644 text"},
		"a script can be executed":                     {in: []string{"all/run.sh", "all/do.sh.tmpl"}, want: "do.sh 755 TEXT\nrun.sh 755 text"},
		"an empty file is one":                         {in: []string{"all/a:", "all/b.tmpl: \n"}, want: "a 644 \nb 644  \n"},
		"blank files are dropped where asked for":      {of: tree.Templates{DropBlank: true}, in: []string{"all/a:", "all/b.tmpl: \n", "all/c"}, want: "c 644 text"},
		"paths may be put elsewhere": {
			of:   tree.Templates{PlacePath: func(path string) (string, error) { return strings.ReplaceAll(path, "{name}", "shop"), nil }},
			in:   []string{"deps=uv/{name}/a.tmpl"},
			want: "shop/a 644 TEXT",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rendered(tc.of, tc.in...)
			if err != nil || got != tc.want {
				t.Errorf("rendered:\n%s\nwant:\n%s\n%v", got, tc.want, err)
			}
		})
	}
}

func TestTemplates_AFaultyTreeIsAnErrorThatNamesThePlace(t *testing.T) {
	place := func(string) (string, error) { return "", errors.New("no such place") }
	for name, tc := range map[string]struct {
		of   tree.Templates
		in   string
		want string
	}{
		"layer without a meaning": {in: "some/a", want: `"some"`},
		"file in no layer":        {in: "a", want: `"a"`},
		"value that is unknown":   {in: "color=red/a", want: `"color"`},
		"the same, open":          {of: tree.Templates{AllowUnlayered: true}, in: "color=red/a", want: `"color"`},
		"condition without value": {in: "deps=uv,color/a", want: `"color"`},
		"file of two layers":      {in: "deps=uv/twice", want: "twice"},
		"template that is broken": {in: "all/b.tmpl:broken", want: "b.tmpl: it is broken"},
		"path of no place":        {of: tree.Templates{PlacePath: place}, in: "all/a", want: "no such place"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := rendered(tc.of, "all/twice", tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("rendered %q, %v", got, err)
			}
		})
	}
}

func TestRelate_TellsWhoseAFileIs(t *testing.T) {
	old, now, edited := []byte("old"), []byte("now"), []byte("edited")
	for _, tc := range []struct {
		there    []byte
		written  []byte
		relation tree.Relation
	}{
		{nil, nil, tree.IsNew},
		{nil, old, tree.IsGone},
		{now, nil, tree.IsSame},
		{now, old, tree.IsSame},
		{edited, nil, tree.IsUntracked},
		{[]byte{}, nil, tree.IsUntracked},
		{old, old, tree.IsUntouched},
		{edited, old, tree.IsEdited},
		{edited, now, tree.IsEdited},
	} {
		written := ""
		if tc.written != nil {
			written = tree.Hash(tc.written)
		}
		if got := tree.Relate(tc.there, now, written); got != tc.relation {
			t.Errorf("there %q, written %q: relation %d, want %d", tc.there, tc.written, got, tc.relation)
		}
	}
}

func TestRecord_IsReadAsItWasWrittenAndInItsVersionAlone(t *testing.T) {
	type record struct {
		V    int    `json:"v"`
		Text string `json:"text"`
	}
	const evil = "a\u202eb\x1b <&>"
	raw := tree.EncodeRecord(record{V: 2, Text: evil})
	if text := string(raw); !strings.HasSuffix(text, "\n}\n") || strings.ContainsAny(text, "\u202e\x1b") || !strings.Contains(text, "<&>") {
		t.Errorf("record: %q", text)
	}
	var back record
	if err := tree.DecodeRecord(raw, 2, &back); err != nil || back.Text != evil {
		t.Errorf("read as %+v, %v", back, err)
	}
	for _, version := range []int{1, 3} {
		if err := tree.DecodeRecord(raw, version, &back); err == nil || !strings.Contains(err.Error(), "its version is 2") {
			t.Errorf("as version %d: %v", version, err)
		}
	}
	if err := tree.DecodeRecord([]byte("no JSON"), 2, &back); err == nil {
		t.Error("what is no JSON was read")
	}
}
