package devtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev/plan"
)

func (c *contract) filesInMount()         { c.withFilesInMount(false) }
func (c *contract) filesInMountReadOnly() { c.withFilesInMount(true) }

// withFilesInMount puts files at paths inside mounted directories of this machine: where a file exists, where none
// exists, in a directory that does not exist, in a directory that is mounted read-only, and at a mount itself.
func (c *contract) withFilesInMount(readOnly bool) {
	dir := Project(c.T, map[string]string{"app/.streamlit/secrets.toml": "mine = true\n", "app/Home.py": "", "alone.txt": "mine as well\n", "fixed/settings": "mine, too\n"})
	kept := KeepTree(c.T, dir)
	s := c.service("job", Script{Show: []string{"/app/.streamlit/secrets.toml", "/app/.streamlit/config.toml", "/app/deep/down/key", "/alone.txt", "/opt/word", "/fixed/settings"}, Ends: true})
	s.Config.ReadOnly = readOnly
	s.Config.Volumes = []types.ServiceVolumeConfig{
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "app"), Target: "/app/"},
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "alone.txt"), Target: "/alone.txt"},
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "data", "new"), Target: "/data", Bind: &types.ServiceVolumeBind{CreateHostPath: true}},
		{Type: types.VolumeTypeVolume, Target: "/app/cache"},
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "fixed"), Target: "/fixed", ReadOnly: true},
	}
	s.Files = []plan.File{
		{What: "secret one", Path: "/app/.streamlit/secrets.toml", Content: []byte("given = 1\n"), Mode: 0o400},
		{What: "config two", Path: "/app/.streamlit/config.toml", Content: []byte("given = 2\n"), Mode: 0o444},
		{What: "secret three", Path: "/app/deep/down/key", Content: []byte("given = 3\n"), Mode: 0o400},
		{What: "config four", Path: "/alone.txt", Content: []byte("given = 4\n"), Mode: 0o444},
		{What: "config five", Path: "/opt/word", Content: []byte("given = 5\n"), Mode: 0o444},
		{What: "config six", Path: "/fixed/settings", Content: []byte("given = 6\n"), Mode: 0o444},
	}
	c.do(c.create(s), c.start(s))
	Eventually(c, c.one, hasStopped)
	if got, want := strings.Join(c.Tail(c.Context(), c.one(), 9), "|"), "given = 1|given = 2|given = 3|given = 4|given = 5|given = 6"; got != want {
		c.Errorf("the container read %q, want %q", got, want)
	}
	for _, file := range []string{"app/.streamlit/config.toml", "app/deep/down/key"} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err == nil && len(b) > 0 {
			c.Errorf("%s holds %q on this machine", file, b)
		}
	}
	c.do(removal(c.one()))
	kept.Check("the container was removed")
	if have := c.have(); len(have.Volumes) != 0 {
		c.Errorf("volumes that are left: %v", have.Volumes)
	}
}

// filesBesideNested puts no file inside a mount, but mounts a file of this machine inside a read-only mount. Some
// engines cannot copy anything into such a container.
func (c *contract) filesBesideNested() {
	dir := Project(c.T, map[string]string{"fixed/settings": "mine\n", "other": "other\n"})
	kept := KeepTree(c.T, dir)
	s := c.service("job", Script{Show: []string{"/opt/word"}, Ends: true})
	s.Config.Volumes = []types.ServiceVolumeConfig{
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "fixed"), Target: "/fixed", ReadOnly: true},
		{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "other"), Target: "/fixed/settings"},
	}
	s.Files = []plan.File{{What: "config word", Path: "/opt/word", Content: []byte("given\n"), Mode: 0o444}}
	c.do(c.create(s), c.start(s))
	Eventually(c, c.one, hasStopped)
	if got := strings.Join(c.Tail(c.Context(), c.one(), 9), "|"); got != "given" {
		c.Errorf("the container read %q", got)
	}
	c.do(removal(c.one()))
	kept.Check("the container was removed")
}

func (c *contract) filesInVolume() {
	name := c.labels.Project + "_data"
	c.do(plan.Operation{Verb: plan.Create, Kind: plan.Volume, Name: name, Volume: types.VolumeConfig{Name: name}})
	into := []types.ServiceVolumeConfig{{Type: types.VolumeTypeVolume, Source: name, Target: "/data", Volume: &types.ServiceVolumeVolume{}}}
	first := c.service("first", Script{Show: []string{"/data/settings"}, Ends: true})
	first.Config.Volumes, first.Files = into, []plan.File{{What: "config settings", Path: "/data/settings", Content: []byte("given\n"), Mode: 0o444}}
	c.do(c.create(first), c.start(first))
	Eventually(c, c.one, hasStopped)
	if got := strings.Join(c.Tail(c.Context(), c.one(), 5), "|"); got != "given" {
		c.Errorf("the container read %q", got)
	}
	c.do(removal(c.one()))
	second := c.service("second", Script{Show: []string{"/data/settings"}, Ends: true})
	second.Config.Volumes = into
	c.do(c.create(second), c.start(second))
	Eventually(c, c.one, hasStopped)
	if got := strings.Join(c.Tail(c.Context(), c.one(), 5), "|"); strings.Contains(got, "given") {
		c.Errorf("the volume holds %q", got)
	}
}

// sharedPoints has two containers mount something at the same missing path of a directory.
func (c *contract) sharedPoints() {
	dir := Project(c.T, map[string]string{"app/Home.py": ""})
	kept := KeepTree(c.T, dir)
	both := []plan.Service{c.service("one", Script{}), c.service("two", Script{Show: []string{"/app/deep/.key"}})}
	for i := range both {
		both[i].Config.Volumes = []types.ServiceVolumeConfig{
			{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "app"), Target: "/app"},
			{Type: types.VolumeTypeBind, Source: filepath.Join(dir, "data", "made"), Target: "/data", Bind: &types.ServiceVolumeBind{CreateHostPath: true}},
		}
		both[i].Files = []plan.File{{What: "secret key", Path: "/app/deep/.key", Content: []byte("given\n"), Mode: 0o444}}
		c.do(c.create(both[i]))
	}
	have := c.have().Containers
	c.do(removal(have[0]), c.start(both[1]))
	Eventually(c, func() []string { return c.Tail(c.Context(), c.one(), 5) }, func(lines []string) bool { return slices.Equal(lines, []string{"given"}) })
	c.do(removal(c.one()))
	kept.Check("both containers were removed")
}
