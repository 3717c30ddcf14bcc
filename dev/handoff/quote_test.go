package handoff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/zclconf/go-cty/cty"
	"go.yaml.in/yaml/v4"
	xhtml "golang.org/x/net/html"

	"sdev/dev/handoff"
)

// nasty are values with a meaning in some language.
func nasty() []string {
	return []string{
		"", " ", "plain", "two words", " begins and ends with space ", `"`, `'`, "`", `\`, `\\"`, `'"'"`, `""`, "''", "```", "a`b|c",
		"${x}", "$${x}", "$$${x}", "%{ if true }", "%%{x}", "$", "%", "$(id)", "`id`", "${{ secrets.TOKEN }}", "${{ '${{' }}", "{{ .V }}", "<% .V.x %>", "&{x}",
		"#", "a # b", "# heading", "---", "--- a", "...", "a: b", "- a", "+ a", "1. a", "12) a", "* a", "=", "===", "? a", "!tag", "&anchor", "*alias", "|", ">", "@at", "%TAG", ",", "[a]", "{a}", "<b>bold</b>", "&amp;", "~", "~~a~~",
		"null", "true", "no", "on", "~", "0x1f", "1e3", "012345678901", "2026-01-31", "1:30", "=", "<<", "-", "-rf", "--help", "\\n", `\u0041`, "\\", "a\\",
		"a\nb", "a\r\nb", "\n", "a\n", "\ta", "a\tb", "a\n---\nb", "a\n  b: c", "a\n}\nresource \"x\" \"y\" {", "a\u2028b", "a\u2029b", "a\u0085b", "a\x7fb", "a\x01b", "a\x1bb", "\ufeffa", "a\ufeff", "a\b\f", `a\b`, `\\b`, `a\\f`,
		"é", "日本語", "😀", "e\u0301", "</script>", "*/", "//", "/* a", "; rm -rf /", "a && b", "a;b", "$HOME", "!!", "${#x}", "%s", "$'x'", "\ufffe", "\uffff", "*_*", "_a_", "[a](b)", "![a](b)", "a  \nb", "    a", "|a|b|",
	}
}

// ownLanguages is a target that adds languages of its own.
func ownLanguages(t testing.TB) handoff.Target {
	t.Helper()
	target, err := handoff.Find(handoff.Targets(), "snowflake")
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// render renders a template with one value, and returns the file.
func render(t testing.TB, name, template, value string) (string, error) {
	t.Helper()
	tree := fstest.MapFS{"x/" + name + ".tmpl": {Data: []byte(template)}}
	target := ownLanguages(t)
	target.Name, target.Params, target.Derive = "x", []handoff.Param{{Name: "v"}}, nil
	files, _, err := target.Render(tree, handoff.Facts{}, handoff.Values{"v": {Text: value}})
	if err != nil {
		return "", err
	}
	if len(files) != 1 || files[0].Path != name {
		t.Fatalf("rendered %v", files)
	}
	return string(files[0].Content), nil
}

// reader reads back, with a real parser, what was written in one place.
type reader struct {
	name, template string
	read           func(testing.TB, []byte) (string, error)
	means          func(string) string // what the value becomes if it cannot stay the same; nil if it does
}

func readers() []reader {
	yamlRead := func(_ testing.TB, b []byte) (string, error) {
		var out struct{ A, Z string }
		err := yaml.Unmarshal(b, &out)
		return out.A + strings.TrimPrefix(out.Z, "end"), err
	}
	jsonRead := func(_ testing.TB, b []byte) (string, error) {
		var out struct{ A, Z string }
		err := json.Unmarshal(b, &out)
		return out.A + strings.TrimPrefix(out.Z, "end"), err
	}
	return []reader{
		{name: "a.yml", template: "a: <% .V.v %>\nz: end\n", read: yamlRead},
		{name: "b.yaml", template: "{a: <% .V.v %>, z: end}\n", read: yamlRead},
		{name: "c.yml", template: "a: \"<% .V.v | inside %>\"\nz: end\n", read: yamlRead},
		{name: "a.json", template: "{\"a\": <% .V.v %>, \"z\": \"end\"}\n", read: jsonRead},
		{name: "b.json", template: "{\"a\": \"<% .V.v | inside %>\", \"z\": \"end\"}\n", read: jsonRead},
		{name: "a.tf", template: "a = <% .V.v %>\nz = \"end\"\n", read: readHCL, means: cty.NormalizeString},
		{name: "b.tf", template: "a = \"<% .V.v | inside %>\"\nz = \"end\"\n", read: readHCL, means: cty.NormalizeString},
		{name: "a.sh", template: "printf %s <% .V.v %>; printf end\n", read: readShell},
		{name: "w.yml", template: "a: |\n  printf %s <% .V.v | sh %>; printf end\nz: end\n", read: readShellInYAML},
		{name: "deploy/compose.yml", template: "a: <% .V.v %>\nz: end\n", read: func(t testing.TB, b []byte) (string, error) {
			t.Helper()
			s, err := yamlRead(t, b)
			return strings.ReplaceAll(s, "$$", "$"), err
		}},
		{name: "@repository/.github/workflows/deploy.yml", template: "a: <% .V.v %>\nz: end\n", read: func(t testing.TB, b []byte) (string, error) {
			t.Helper()
			s, err := yamlRead(t, b)
			return evaluate(s), err
		}},
		{name: "a.md", template: "⟦ <% .V.v %> ⟧\n", read: readMarkdown, means: oneLine},
		{name: "b.md", template: "<% .V.v %>\n\n⟧\n", read: readMarkdown, means: oneLine},
		{name: "c.md", template: "⟦ <% .V.v | code %> ⟧\n", read: readMarkdown, means: oneLine},
		{name: "d.md", template: "| a | b |\n|---|---|\n| ⟦ <% .V.v %> | ⟧ |\n", read: readMarkdown, means: oneLine},
		{name: "e.md", template: "| a | b |\n|---|---|\n| ⟦ <% .V.v | code %> | ⟧ |\n", read: readMarkdown, means: oneLine},
		{name: "a.sql", template: "select <% .V.v %> end", read: readSQL},
	}
}

func oneLine(s string) string {
	return strings.TrimSpace(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " "))
}

func readHCL(_ testing.TB, b []byte) (string, error) {
	file, diags := hclparse.NewParser().ParseHCL(b, "a.tf")
	if diags.HasErrors() {
		return "", diags
	}
	attrs, diags := file.Body.JustAttributes()
	if diags.HasErrors() || len(attrs) != 2 {
		return "", fmt.Errorf("%d attributes: %w", len(attrs), diags)
	}
	v, diags := attrs["a"].Expr.Value(&hcl.EvalContext{}) // nothing can be evaluated in it
	if diags.HasErrors() {
		return "", diags
	}
	return v.AsString(), nil
}

func readShell(t testing.TB, b []byte) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-c", string(b)).Output()
	return strings.TrimSuffix(string(out), "end"), err
}

func readShellInYAML(t testing.TB, b []byte) (string, error) {
	t.Helper()
	var out struct{ A, Z string }
	if err := yaml.Unmarshal(b, &out); err != nil || out.Z != "end" {
		return "", fmt.Errorf("%v, %w", out, err)
	}
	return readShell(t, []byte(out.A))
}

// evaluate replaces an expression as GitHub does, if it is a string, and removes any other.
func evaluate(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		inner, ok := strings.CutPrefix(rest, " '${{' }}")
		if !ok {
			return b.String() + "EVALUATED" + rest
		}
		b.WriteString("${{")
		s = inner
	}
}

// readMarkdown returns the text of a page. It fails if the page has anything but a paragraph, a table and inline code.
func readMarkdown(_ testing.TB, b []byte) (string, error) {
	var page bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := md.Convert(b, &page); err != nil {
		return "", err
	}
	var out strings.Builder
	cells := 0
	for tokens := xhtml.NewTokenizer(&page); ; {
		switch tokens.Next() {
		case xhtml.ErrorToken:
			if cells != 0 && cells != 4 {
				return "", fmt.Errorf("%d cells", cells)
			}
			return withoutFrame(out.String()), nil
		case xhtml.TextToken:
			out.Write(tokens.Text())
		case xhtml.CommentToken, xhtml.DoctypeToken, xhtml.SelfClosingTagToken:
			return "", fmt.Errorf("HTML: %s", tokens.Raw())
		case xhtml.StartTagToken:
			switch name, _ := tokens.TagName(); string(name) {
			case "p", "code", "table", "thead", "tbody", "tr", "th":
			case "td":
				cells += 2
			case "a": // a bare URL is a link, too
			default:
				return "", fmt.Errorf("a %s", name)
			}
		case xhtml.EndTagToken:
		}
	}
}

// withoutFrame removes what the template writes around the value.
func withoutFrame(s string) string {
	if _, after, ok := strings.Cut(s, "⟦"); ok {
		s = after
	}
	s, _, _ = strings.Cut(s, "⟧")
	return strings.TrimSpace(s)
}

func readSQL(_ testing.TB, b []byte) (string, error) {
	s, ok := strings.CutPrefix(string(b), "select '")
	var out strings.Builder
	for ok && s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case strings.HasPrefix(s, "''"):
			out.WriteByte('\'')
			s = s[2:]
		case strings.HasPrefix(s, `\\`):
			out.WriteByte('\\')
			s = s[2:]
		case strings.HasPrefix(s, `\u`):
			var n rune
			if _, err := fmt.Sscanf(s[2:6], "%04X", &n); err != nil {
				return "", err
			}
			out.WriteRune(n)
			s = s[6:]
		case r == '\'':
			if s != "' end" {
				return "", fmt.Errorf("the text ends before %s", s)
			}
			return out.String(), nil
		default:
			out.WriteRune(r)
			s = s[size:]
		}
	}
	return "", fmt.Errorf("no text: %s", b)
}

func TestRender_NoValueBecomesCode(t *testing.T) {
	for _, r := range readers() {
		t.Run(r.name, func(t *testing.T) {
			for _, value := range nasty() {
				check(t, r, value)
			}
		})
	}
}

func check(t *testing.T, r reader, value string) {
	t.Helper()
	content, err := render(t, r.name, r.template, value)
	if err != nil {
		t.Errorf("%q: %v", value, err)
		return
	}
	want := value
	if r.means != nil {
		want = r.means(value)
	}
	if got, err := r.read(t, []byte(content)); err != nil || got != want {
		t.Errorf("%q became %q in\n%s%v\n%s", value, got, content, err, cmp.Diff(want, got))
	}
}

func FuzzRender_NoValueBecomesCode(f *testing.F) {
	for _, value := range nasty() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, r := range readers() {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				if _, err := render(t, r.name, r.template, value); err == nil {
					t.Errorf("%q was written", value)
				}
				continue
			}
			check(t, r, value)
		}
	})
}
