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

// layout says where files of a project go, by the same matcher that judges saves. It is not safe for
// concurrent use, as the matcher is not.
type layout struct {
	rules *watch.Rules
	parts []part
	roots []mirror.Root
}

// part is one copy.
type part struct {
	dev.Copy
	own  *watch.Rules // matches what lies below Path; nil where the project's rules decide
	file bool         // Path is a file, and Target the name that it gets
}

func newLayout(dir string, rules []dev.Rule, copies []dev.Copy) (*layout, error) {
	all, err := watch.Compile(rules)
	if err != nil {
		return nil, err
	}
	l := &layout{rules: all}
	for _, c := range copies {
		p := part{Copy: c}
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
		l.parts, l.roots = append(l.parts, p), append(l.roots, root)
	}
	return l, nil
}

// Roots is one for each part.
func (l *layout) Roots() []mirror.Root { return l.roots }

// Places gives a file's place in each part that means it.
func (l *layout) Places(file string) []mirror.Place {
	var out []mirror.Place
	for i, p := range l.parts {
		if !l.means(p, file) {
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

func (l *layout) means(p part, file string) bool {
	if p.own != nil {
		_, ok := p.own.Match(file)
		return ok
	}
	r, ok := l.rules.Match(file)
	return ok && r.Origin == p.Rule
}

// hidden reports whether another part, or something that is mounted, has a place of its own deeper
// inside, as a mount in a mount.
func (l *layout) hidden(of int, full string) bool {
	for _, at := range l.parts[of].Hidden {
		if full == at || strings.HasPrefix(full, at+"/") {
			return true
		}
	}
	for i, p := range l.parts {
		deeper := strings.HasPrefix(p.Target, l.parts[of].Target+"/")
		if i != of && deeper && (full == p.Target || strings.HasPrefix(full, p.Target+"/")) {
			return true
		}
	}
	return false
}

// Reaches reports whether a part may mean something below a directory.
func (l *layout) Reaches(dir string) bool {
	for _, p := range l.parts {
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

// hostRules are the rules for watching the project from this machine: it ignores what the gateway
// notices itself.
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
