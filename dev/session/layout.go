package session

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"sdev/dev"
	"sdev/dev/mirror"
	"sdev/dev/watch"
)

// layout implements [mirror.Layout]: it says to which paths in the container a file of the project is copied. It uses
// the same rules that decide what a save does. Like the rules, it is not safe for concurrent use.
type layout struct {
	rules  *watch.Rules
	copies []copySpec
	roots  []mirror.Root // one for each copy
}

// copySpec is a copy together with the files that it includes.
type copySpec struct {
	dev.Copy
	own  *watch.Rules // matches the files below Path; nil if the project's rules decide
	file bool         // Path is a file, and Target its name in the container
}

func newLayout(dir string, rules []dev.Rule, copies []dev.Copy) (*layout, error) {
	all, err := watch.Compile(rules)
	if err != nil {
		return nil, err
	}
	l := &layout{rules: all}
	for _, c := range copies {
		p := copySpec{Copy: c}
		info, err := os.Stat(filepath.Join(dir, filepath.FromSlash(c.Path)))
		p.file = err == nil && !info.IsDir()
		if p.file && strings.HasSuffix(c.Target, "/") {
			p.Target = path.Join(c.Target, path.Base(c.Path))
		}
		p.Target = path.Clean(p.Target)
		root := mirror.Root{Path: p.Target, Own: c.Rule == ""}
		if p.file {
			root = mirror.Root{Path: path.Dir(p.Target)}
		}
		if c.Rule == "" {
			if p.own, err = watch.Compile([]dev.Rule{{Path: c.Path, Action: dev.Sync}}); err != nil {
				return nil, err
			}
		}
		l.copies, l.roots = append(l.copies, p), append(l.roots, root)
	}
	return l, nil
}

// Roots returns one directory for each copy.
func (l *layout) Roots() []mirror.Root { return l.roots }

// Places returns a file's place in each copy that includes it.
func (l *layout) Places(file string) []mirror.Place {
	var out []mirror.Place
	for i, p := range l.copies {
		if !l.includes(p, file) {
			continue
		}
		full := p.Target
		if rel, below := strings.CutPrefix(file, p.Path+"/"); below {
			full = path.Join(full, rel)
		} else if p.Path == "." {
			full = path.Join(full, file)
		}
		if l.hidden(i, full) {
			continue
		}
		out = append(out, mirror.Place{Root: i, Path: strings.TrimPrefix(strings.TrimPrefix(full, l.roots[i].Path), "/"), Whole: p.Whole})
	}
	return out
}

func (l *layout) includes(p copySpec, file string) bool {
	if p.own != nil {
		_, ok := p.own.Match(file)
		return ok
	}
	r, ok := l.rules.Match(file)
	return ok && r.Origin == p.Rule
}

// hidden reports whether another copy or a mount covers a path inside the target of a copy, like a mount inside a mount.
func (l *layout) hidden(of int, full string) bool {
	for _, at := range l.copies[of].Hidden {
		if full == at || strings.HasPrefix(full, at+"/") {
			return true
		}
	}
	for i, p := range l.copies {
		deeper := strings.HasPrefix(p.Target, l.copies[of].Target+"/")
		if i != of && deeper && (full == p.Target || strings.HasPrefix(full, p.Target+"/")) {
			return true
		}
	}
	return false
}

// Reaches reports whether a copy may include a file below a directory.
func (l *layout) Reaches(dir string) bool {
	for _, p := range l.copies {
		rules := l.rules
		if p.own != nil {
			rules = p.own
		}
		if rules.Reaches(dir) {
			return true
		}
	}
	return false
}

// hostRules returns the rules for watching the project on this machine. They ignore the files that the gateway watches
// itself.
func hostRules(s dev.GatewayConfig) []dev.Rule {
	if s.Root == "" {
		return s.Rules
	}
	out := make([]dev.Rule, len(s.Rules))
	for i, r := range s.Rules {
		if !r.Action.Syncs() {
			r.Action = dev.Ignored
		}
		out[i] = r
	}
	return out
}
