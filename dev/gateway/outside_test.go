package gateway

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sdev/dev"
	"sdev/dev/devtest"
)

func TestGateway_WatchesSourceOutsideTheProject(t *testing.T) {
	devtest.Leaks(t)
	app := newFakeApp(t)
	app.start()
	other := devtest.Project(t, map[string]string{"page.py": "one", "data/big.csv": ""})
	r := newRigWith(t, app, func(c *Config) {
		c.Outside = []dev.OutsideDir{{Dir: other, Path: "../source"}}
		c.Rules = append([]dev.Rule{{Path: "../source", Include: []string{"**/*.py", "*.py"}, Action: dev.Live, Origin: "outside"}}, c.Rules...)
	})
	for _, dir := range []string{other, r.root} {
		if err := os.WriteFile(filepath.Join(dir, "page.py"), []byte("two"), 0o600); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{other: "../source/page.py", r.root: "page.py"}[dir]
		if got := await(r, anyOf[dev.FileChanged]); !slices.Equal(got.Paths, []string{want}) || got.Action != dev.Live {
			t.Errorf("file.changed = %+v, want %s", got, want)
		}
	}
}
