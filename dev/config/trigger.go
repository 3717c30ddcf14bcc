package config

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/patternmatcher"

	"sdev/dev"
)

// trigger is one entry of a service's develop.watch.
type trigger struct {
	project *Project
	service types.ServiceConfig
	index   int
	types.Trigger
}

func (t trigger) place(key ...string) (file string, line int) {
	return t.project.sources.locate(append([]string{"services", t.service.Name, "develop", "watch", strconv.Itoa(t.index)}, key...)...)
}

// bad is an error about the entry; what continues the sentence after its name.
func (t trigger) bad(what, hint string, key ...string) *dev.Error {
	file, line := t.place(key...)
	return bad(dev.CodeComposeInvalid, file, line, t.name()+" "+what, hint)
}

// name is how messages name the entry. Without a service, the app is meant.
func (t trigger) name() string {
	name := fmt.Sprintf("develop.watch[%d]", t.index)
	if t.service.Name != t.project.App {
		name = "services." + t.service.Name + "." + name
	}
	return name
}

// check refuses a rule that could never take effect. earlier are the rules before it.
func (t trigger) check(r dev.Rule, earlier []dev.Rule) error {
	full := filepath.Join(t.project.Dir, filepath.FromSlash(r.Path))
	info, err := os.Stat(full)
	if err != nil {
		return t.bad(fmt.Sprintf("watches %s, which does not exist", r.Path), "correct the path, or create it", "path")
	}
	if err := t.checkMatches(r, info, earlier); err != nil {
		return err
	}
	if r.Action == dev.Rebuild && t.service.Build == nil {
		return t.bad("asks for a rebuild, but the service has no build", "add build to the service, or use restart", "action")
	}
	if r.Action == dev.SyncExec && len(r.Exec.Command) == 0 {
		return t.bad("is sync+exec without a command", "add exec: {command: …}", "action")
	}
	if !r.Action.Syncs() {
		return nil
	}
	return t.checkTarget(r)
}

// checkMatches refuses a rule that can match no path.
func (t trigger) checkMatches(r dev.Rule, info fs.FileInfo, earlier []dev.Rule) error {
	for _, e := range earlier {
		if shadows(e, r, info.IsDir()) {
			first, _, _ := strings.Cut(e.Origin, " (")
			return t.bad(fmt.Sprintf("can never match: %s comes first and covers its whole path", first), "put the narrower rule first, or remove one", "path")
		}
	}
	if len(r.ContextIgnore) > 0 {
		rel, below := strings.CutPrefix(r.Path, r.Context+"/")
		if r.Context == "." {
			rel, below = r.Path, r.Path != "."
		}
		if below && coversAll(r.ContextIgnore, rel) {
			return t.bad(fmt.Sprintf("can never match: .dockerignore excludes %s", r.Path), "remove it from .dockerignore, or mount the directory instead", "path")
		}
	}
	if !info.IsDir() {
		return nil
	}
	excepted := slices.ContainsFunc(r.Ignore, func(p string) bool { return strings.HasPrefix(p, "!") })
	if !excepted && coversAll(r.Ignore, "any") && coversAll(r.Ignore, "any/thing.py") {
		return t.bad("can never match: everything below its path is ignored", "narrow the ignore patterns", "ignore")
	}
	if len(r.Include) > 0 && !slices.ContainsFunc(r.Include, func(p string) bool { return !literal(p) || !coversAll(r.Ignore, p) }) {
		return t.bad("can never match: everything that it includes is ignored", "narrow the ignore patterns", "ignore")
	}
	return nil
}

func literal(pattern string) bool { return !strings.ContainsAny(pattern, `*?[!\`) }

// shadows reports whether the earlier of two rules matches every path of the later one. If that depends on
// comparing patterns, it returns false.
func shadows(e, r dev.Rule, dir bool) bool {
	rel, below := strings.CutPrefix(r.Path, e.Path+"/")
	switch e.Path {
	case ".":
		rel, below = r.Path, true
	case r.Path:
		rel, below = ".", true
	}
	if !below || len(e.ContextIgnore) > 0 {
		return false
	}
	same := rel == "." && slices.Equal(e.Include, r.Include)
	if !dir && len(e.Include) > 0 {
		return coversAll(e.Include, rel) && !coversAll(e.Ignore, rel)
	}
	return len(e.Ignore) == 0 && (len(e.Include) == 0 || same)
}

// coversAll reports whether patterns surely match a path and everything below it.
func coversAll(patterns []string, rel string) bool {
	m, err := patternmatcher.New(patterns)
	if err != nil || len(patterns) == 0 {
		return false
	}
	hit, err := m.MatchesOrParentMatches(rel)
	if err != nil || !hit {
		return false
	}
	return !slices.ContainsFunc(m.Patterns(), func(p *patternmatcher.Pattern) bool { return p.Exclusion() && mayReach(p.String(), rel) })
}

// mayReach reports whether a pattern could name something below a path; in doubt it could.
func mayReach(pattern, rel string) bool {
	fixed, _, wild := strings.Cut(pattern, "*")
	return wild && strings.HasPrefix(rel, strings.TrimSuffix(fixed, "/")) || pattern == rel || strings.HasPrefix(pattern, rel+"/")
}

// checkTarget refuses targets that copies cannot be written to.
func (t trigger) checkTarget(r dev.Rule) error {
	switch {
	case !path.IsAbs(r.Target):
		return t.bad(fmt.Sprintf("has the target %s, which is not absolute", r.Target), "use the full path in the container", "target")
	case path.Clean(r.Target) == "/":
		return t.bad("has the target /", "use the directory in the container that the files belong to", "target")
	}
	target := path.Clean(r.Target)
	for _, v := range t.service.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		mounted := path.Clean(v.Target)
		if dev.IsWithin(mounted, target) {
			return t.bad(fmt.Sprintf("syncs to %s, where %s is mounted: saves are already live there", r.Target, t.shown(v.Source)), "remove the rule or the volume", "target")
		}
		if rel, ok := strings.CutPrefix(mounted, target+"/"); ok && !coversAll(r.Ignore, rel) {
			return t.bad(fmt.Sprintf("syncs to %s, but %s inside it is a mount of %s", r.Target, mounted, t.shown(v.Source)), "add to the rule: ignore: ["+rel+"/]", "target")
		}
	}
	if t.service.ReadOnly && !t.writable(target) {
		return t.bad(fmt.Sprintf("syncs to %s, but the service is read_only", r.Target), "put a volume or tmpfs there, or remove read_only", "target")
	}
	return nil
}

// writable reports whether a path of a read-only container lies on a writable mount.
func (t trigger) writable(target string) bool {
	for _, v := range t.service.Volumes {
		if v.Type != types.VolumeTypeBind && !v.ReadOnly && dev.IsWithin(path.Clean(v.Target), target) {
			return true
		}
	}
	return slices.ContainsFunc(t.service.Tmpfs, func(entry string) bool {
		at, _, _ := strings.Cut(entry, ":")
		return dev.IsWithin(path.Clean(at), target)
	})
}

func (t trigger) shown(source string) string {
	if rel, ok := t.project.relative(source); ok {
		return "./" + rel
	}
	return source
}
