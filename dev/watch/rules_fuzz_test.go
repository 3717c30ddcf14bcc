package watch

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"sdev/dev"
)

// Whatever the patterns are, they are refused or they answer for every path; and no directory is left
// unwatched that holds a file that means something.
func FuzzRules(f *testing.F) {
	f.Add(".", "*.py\n**/*.py", "*_test.py\n!keep_test.py", "", "dist\n!dist/keep", "a/b/Home.py", byte(0))
	f.Add("src", "", "**/node_modules\n**/*.log\n!important.log", "src", "**\n!**/x", "src/x/y", byte(1))
	f.Add("a/../b", "[a-", "\\", ".", "!", "b/c", byte(2))
	f.Add(".", "**", "!**", ".", "a/**/b\n!a/x/b", "a/x/b", byte(3))
	f.Add(".", "a*/b?c", "[^x]*", "", "", "ab/bcc", byte(4))
	actions := []dev.Action{dev.Live, dev.Sync, dev.SyncRestart, dev.Restart, dev.Rebuild, dev.Ignored}
	f.Fuzz(func(t *testing.T, at, include, ignore, context, outside, file string, action byte) {
		lines := func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
		}
		rules := []dev.Rule{
			{Path: at, Include: lines(include), Ignore: lines(ignore), Context: context, ContextIgnore: lines(outside), Action: actions[int(action)%len(actions)], Origin: "first"},
			{Path: ".", Include: []string{"**/*.toml"}, Ignore: lines(ignore), Action: dev.Restart, Origin: "second"},
		}
		rs, err := Compile(rules)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "rule ") {
				t.Errorf("the error names no rule: %v", err)
			}
			return
		}
		if file == "." || !fs.ValidPath(file) {
			return
		}
		found, ok := rs.Match(file)
		if again, okAgain := Match(rules, file); okAgain != ok || again.Origin != found.Origin {
			t.Errorf("%q is matched by %q, and on its own by %q", file, found.Origin, again.Origin)
		}
		if !ok || found.Action == dev.Ignored {
			return
		}
		for dir := path.Dir(file); ; dir = path.Dir(dir) {
			if !rs.reaches(dir) {
				t.Errorf("%q means something by %s, and its directory %q is not watched: %+v", file, found.Origin, dir, rules[0])
			}
			if dir == "." {
				return
			}
		}
	})
}
