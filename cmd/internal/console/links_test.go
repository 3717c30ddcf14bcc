package console

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sdev/dev"
)

// linked shows links as [text](address).
func linked(text string) string {
	return strings.NewReplacer("\x1b]8;;\x07", "]", "\x1b]8;;", "[", "\x07", "|").Replace(text)
}

func TestLinks_AddressesAndPlacesInFilesThatExist(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	below := filepath.Join(dir, "code_package", "a b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Home.py", "code_package/db.py"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ editor, term, text, want string }{
		{"vscode", "", "see code_package/db.py:12: no", "see [vscode://file" + dir + "/code_package/db.py:12|code_package/db.py:12]: no"},
		{"vscode", "", "Home.py:3", "[vscode://file" + dir + "/Home.py:3|Home.py:3]"},
		{"", "vscode", "Home.py:3", "[vscode://file" + dir + "/Home.py:3|Home.py:3]"},
		{"pycharm", "", "Home.py:3", "[pycharm://open?file=" + dir + "/Home.py&line=3|Home.py:3]"},
		{"x://{path}#{line}", "", "Home.py:3", "[x://" + dir + "/Home.py#3|Home.py:3]"},
		{"none", "", "Home.py:3 http://localhost:8501", "Home.py:3 [http://localhost:8501|http://localhost:8501]"},
		{"vscode", "", "Away.py:3 at 12:30 sdev:1.2 image.tag:5", "Away.py:3 at 12:30 sdev:1.2 image.tag:5"},
		{"vscode", "", "(http://localhost:8501/x?y=1), https://a.example.", "([http://localhost:8501/x?y=1|http://localhost:8501/x?y=1]), [https://a.example|https://a.example]."},
		{"vscode", "", "\x1b[1mhttp://localhost:8501\x1b[0m", "\x1b[1m[http://localhost:8501|http://localhost:8501]\x1b[0m"},
		{"vscode", "", "\x1b]8;;http://evil.example\x07Home.py:3\x1b]8;;\x07", "[vscode://file" + dir + "/Home.py:3|Home.py:3]"},
	} {
		s, out, errs := Buffers(map[string]string{editorVariable: c.editor, "TERM_PROGRAM": c.term})
		s.OutTTY, s.ErrTTY = true, true
		a := &Console{Streams: s, Dir: below}
		if _, err := a.lines().Write([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		if got := linked(out.String()); got != c.want {
			t.Errorf("%s: %q, want %q", c.editor, got, c.want)
		}
		if _, err := a.Stderr().Write([]byte(c.text)); err != nil || errs.String() != out.String() {
			t.Errorf("stderr %q, %v", errs, err)
		}
	}
}

func TestLinks_OnlyForPeopleAtATerminal(t *testing.T) {
	for name, change := range map[string]func(*Console){
		"a pipe":    func(c *Console) { c.OutTTY = false },
		"JSON":      func(c *Console) { c.JSON = true },
		"no colour": func(c *Console) { c.Color = "never" },
		"NO_COLOR":  func(c *Console) { c.Getenv = func(string) string { return "1" } },
	} {
		s, out, _ := Buffers(nil)
		s.OutTTY = true
		a := &Console{Streams: s}
		change(a)
		const text = "http://localhost:8501"
		if _, err := a.lines().Write([]byte(text)); err != nil || out.String() != text {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

func TestLinks_AnUnknownEditorIsAnError(t *testing.T) {
	for value, ok := range map[string]bool{"": true, "vscode": true, "none": true, "my://open/{path}": true, "vim": false, "my://open": false, "{path}": false} {
		s, _, _ := Buffers(map[string]string{editorVariable: value})
		err := (&Console{Streams: s}).CheckEditor()
		if (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
		if e, _ := errors.AsType[*dev.Error](err); err != nil && (e.Code != dev.CodeUsage || !strings.Contains(e.Hint, "vscode")) {
			t.Errorf("%q: %+v", value, e)
		}
	}
}
