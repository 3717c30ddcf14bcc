package session

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/watch"
)

// Explanation says what a save of a path would do. "sdev watch --explain --json" prints it.
type Explanation struct {
	V       int          `json:"v"`
	Path    string       `json:"path"`    // relative to the project, with slashes; as given if it lies outside
	Kind    string       `json:"kind"`    // file, directory, link, missing
	Real    string       `json:"real"`    // the path after following links; "" if there are none
	Action  dev.Action   `json:"action"`  // "ignored" if nothing would happen
	Rule    string       `json:"rule"`    // "" if none applies
	Targets []string     `json:"targets"` // the paths in the app's container to which it is copied
	Exec    string       `json:"exec"`    // the command that runs afterwards; "" for none
	Watched bool         `json:"watched"` // for a directory: sdev watches it
	Why     string       `json:"why"`     // the explanation in words
	Passed  []PassedRule `json:"passed"`  // rules that cover the path but exclude it
	Below   []RuleBelow  `json:"below"`   // for a directory: what saves of files in it can do
	// Services are what happens besides, by rules of the services around the app.
	Services []ServiceExplanation `json:"services,omitempty"`
	Outside  bool                 `json:"-"` // it is no path of the project; Why has the reason
}

// ServiceExplanation says what a save would do for a service around the app.
type ServiceExplanation struct {
	Service string     `json:"service"`
	Action  dev.Action `json:"action"`
	Rule    string     `json:"rule"`
	Why     string     `json:"why"`
	Targets []string   `json:"targets"`
	Exec    string     `json:"exec"`
}

// PassedRule is a rule that covers a path but excludes it, and why.
type PassedRule struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
	// NotIncluded says that nothing excludes the path: the rule's include patterns name other files.
	NotIncluded bool `json:"-"`
}

// RuleBelow is what a rule does with files in a directory.
type RuleBelow struct {
	Rule   string     `json:"rule"`
	Action dev.Action `json:"action"`
}

// Explain says what a save of a path would do. The path is absolute or relative to the host's directory, and need not
// exist. copied explains it for "sdev up --sync".
func Explain(ctx context.Context, h Host, given string, copied bool) (Explanation, error) {
	p, err := Load(ctx, h, Options{})
	if err != nil {
		return Explanation{}, err
	}
	parts, _, err := newParts(h, p)
	if err != nil {
		return Explanation{}, err
	}
	parts.Sync = copied || engine.WasCopied(p.StatePath())
	effective, err := config.Overlay(p, parts)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{V: dev.WireVersion, Path: given, Action: dev.Ignored, Targets: []string{}, Passed: []PassedRule{}, Below: []RuleBelow{}}
	rel, err := e.locate(h.Dir, p.Dir, given, effective.GatewayConfig.Outside)
	if err != nil || e.Why != "" {
		return e, err
	}
	e.Path = rel
	rules, err := watch.Compile(effective.GatewayConfig.Rules)
	if err != nil {
		return e, err
	}
	if err := e.forServices(p.Dir, effective.Neighbours); err != nil {
		return e, err
	}
	if e.Kind == "directory" {
		e.directory(rules, effective.GatewayConfig.Rules)
		return e, nil
	}
	e.file(rules)
	e.Targets, err = targets(p.Dir, rel, effective.GatewayConfig.Rules, effective.Copies)
	return e, err
}

// targets returns the paths in the container to which a file is copied.
func targets(dir, rel string, rules []dev.Rule, copies []dev.Copy) ([]string, error) {
	l, err := newLayout(dir, rules, copies)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, at := range l.Places(rel) {
		out = append(out, path.Join(l.Roots()[at.Root].Path, at.Path))
	}
	return out, nil
}

// forServices explains the path for the services around the app that have a rule for it.
func (e *Explanation) forServices(dir string, all []config.Neighbour) error {
	for _, n := range all {
		rules, err := watch.Compile(n.Rules)
		if err != nil {
			return err
		}
		of := Explanation{Path: e.Path, Kind: e.Kind}
		to := []string{}
		if e.Kind == "directory" {
			of.directory(rules, n.Rules)
		} else {
			of.file(rules)
			if to, err = targets(dir, e.Path, n.Rules, n.Copies); err != nil {
				return err
			}
		}
		if of.Rule != "" {
			e.Services = append(e.Services, ServiceExplanation{n.Service, of.Action, of.Rule, meaning(of.Action, n.Service), to, of.Exec})
		}
	}
	return nil
}

// locate finds a path in the project and returns it relative to the project's directory, dir. given is absolute or
// relative to from. outside are directories outside the project that have rules too. locate sets the kind, the path after
// following links, and why another path outside the project has no rule.
func (e *Explanation) locate(from, dir, given string, outside []dev.OutsideDir) (string, error) {
	full := given
	if !filepath.IsAbs(full) {
		full = filepath.Join(from, given)
	}
	full, err := filepath.Abs(full)
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(full)
	switch {
	case err != nil:
		e.Kind = "missing"
	case info.IsDir():
		e.Kind = "directory"
	case info.Mode()&fs.ModeSymlink != 0:
		e.Kind = "link"
	default:
		e.Kind = "file"
	}
	parent := resolved(filepath.Dir(full))
	root := resolved(dir)
	at := filepath.Join(parent, filepath.Base(full))
	if full == dir || at == root {
		at = root
	}
	if target, err := filepath.EvalSymlinks(full); err == nil && e.Kind == "link" {
		e.Real = target
	}
	rel, err := filepath.Rel(root, at)
	if slices.ContainsFunc(outside, func(o dev.OutsideDir) bool { return dev.IsWithin(o.Path, filepath.ToSlash(rel)) }) {
		return filepath.ToSlash(rel), nil
	}
	if err != nil || !filepath.IsLocal(rel) {
		e.Outside, e.Why = true, "it is outside the project, "+dir
		if lexical, lerr := filepath.Rel(dir, full); lerr == nil && filepath.IsLocal(lexical) {
			e.Why = "a link leads out of the project, and links are not followed"
			e.Real = at
		}
		return "", nil
	}
	if lexical, lerr := filepath.Rel(dir, full); lerr == nil && lexical != rel && filepath.IsLocal(lexical) {
		e.Real = at // the watcher reports it under this name
	}
	return filepath.ToSlash(rel), nil
}

// resolved follows the links in a path, as far as the path exists.
func resolved(full string) string {
	if real, err := filepath.EvalSymlinks(full); err == nil {
		return real
	}
	parent := filepath.Dir(full)
	if parent == full {
		return full
	}
	return filepath.Join(resolved(parent), filepath.Base(full))
}

func (e *Explanation) file(rules *watch.Rules) {
	found := rules.Explain(e.Path)
	for _, p := range found.Passed {
		e.Passed = append(e.Passed, PassedRule{p.Origin, p.Why, p.NotIncluded})
	}
	switch {
	case found.Found:
		e.Rule, e.Action = found.Rule.Origin, found.Rule.Action
		e.Exec = strings.Join(found.Rule.Exec.Command, " ")
		e.Why = meaning(e.Action, "")
	case len(found.Passed) > 0:
		e.Why = "every rule that covers it excludes it"
	default:
		e.Why = "no rule covers it"
	}
}

func (e *Explanation) directory(rules *watch.Rules, all []dev.Rule) {
	e.Watched = rules.Explain(e.Path).Watched
	e.Why = "it is a directory: the rules apply to the files in it"
	if !e.Watched {
		e.Why = "no rule can match a file in it, so sdev does not watch it"
		for _, p := range rules.Explain(path.Join(e.Path, "file.py")).Passed {
			e.Passed = append(e.Passed, PassedRule{p.Origin, p.Why, p.NotIncluded})
		}
		return
	}
	for _, r := range all {
		one, err := watch.Compile([]dev.Rule{r})
		if err == nil && r.Action != dev.Ignored && one.Reaches(e.Path) {
			e.Below = append(e.Below, RuleBelow{r.Origin, r.Action})
		}
	}
	if len(e.Below) > 0 {
		e.Rule, e.Action = e.Below[0].Rule, e.Below[0].Action // the first rule wins
	}
}

// meaning says in words what an action does. service is a service around the app; "" means the app.
func meaning(a dev.Action, service string) string {
	name, then := "the app", "open tabs run the script again"
	if service != "" {
		name, then = service, service+" goes on with it"
	}
	switch a {
	case dev.Live:
		return "the app sees the file through its mount, and open tabs run the script again"
	case dev.Sync:
		return "sdev copies the file into the container, and " + then
	case dev.SyncRestart:
		return "sdev copies the file into the container, then restarts " + name
	case dev.SyncExec:
		return "sdev copies the file into the container, then runs the command there"
	case dev.Restart:
		return "sdev restarts " + name
	case dev.Rebuild:
		return "sdev rebuilds the image and replaces " + name
	case dev.Ignored:
	}
	return "nothing happens"
}
