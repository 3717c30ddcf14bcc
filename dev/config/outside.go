package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// outsideMounts are the directories outside the project's own that are bind-mounted into the app and contain its source:
// those of the same repository, and those of the directory that the image is built from. A compose file in docker/
// mounts ../src, for example. Their paths begin with "..". Other directories are data, and may be of any size.
func outsideMounts(p *Project, app types.ServiceConfig) []dev.Mount {
	var around []string
	if repository := repositoryOf(p.Dir); repository != "" {
		around = append(around, repository)
	}
	if app.Build != nil && filepath.IsAbs(app.Build.Context) {
		around = append(around, filepath.Clean(app.Build.Context))
	}
	var out []dev.Mount
	for _, v := range app.Volumes {
		if _, inside := p.relative(v.Source); v.Type != types.VolumeTypeBind || inside || !filepath.IsAbs(v.Source) || strings.HasPrefix(filepath.Base(v.Source), ".") {
			continue
		}
		if !slices.ContainsFunc(around, func(dir string) bool { return !dev.IsTop(dir) && dev.IsWithin(dir, filepath.Clean(v.Source)) }) {
			continue
		}
		if st, err := os.Stat(v.Source); err != nil || !st.IsDir() {
			continue
		}
		if rel, err := filepath.Rel(p.Dir, v.Source); err == nil {
			out = append(out, dev.Mount{Container: v.Target, Project: filepath.ToSlash(rel)})
		}
	}
	return out
}

// repositoryOf is the top directory of the git repository that contains a directory; "" if there is none.
func repositoryOf(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}

// outside lets the gateway watch the outside mounts too.
func (o *overlay) outside() {
	g := &o.out.GatewayConfig
	for i, m := range outsideMounts(o.p, o.app) {
		g.Mounts = append(g.Mounts, m)
		g.Outside = append(g.Outside, dev.OutsideDir{Dir: fmt.Sprintf("%s/%d", dev.GatewayOutsideDir, i), Path: m.Project})
	}
}
