package cli

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/watch"
)

func (a *app) newWatchCmd() *cobra.Command {
	var o struct {
		path string
		sync bool
		json bool
	}
	cmd := &cobra.Command{
		Use:   "watch --explain PATH",
		Short: "Say what a save of a file or directory would do",
		Long: `Says which rule applies to a path and what a save of it would do, or why nothing would
happen. The path need not exist. "sdev up" does the watching; no engine is needed for this.`,
		Example: `  sdev watch --explain code_package/streamlit/Home.py
  sdev watch --explain .venv --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = o.json
			if o.path == "" {
				return usage("sdev watch needs --explain PATH", "sdev up watches the project; for example: sdev watch --explain Home.py")
			}
			e, err := a.explain(cmd.Context(), o.path, o.sync)
			if err != nil {
				return err
			}
			return a.printExplanation(e, o.json)
		},
	}
	cmd.Flags().StringVar(&o.path, "explain", "", "the `PATH` to explain")
	cmd.Flags().BoolVar(&o.sync, "sync", false, "as it is with: sdev up --sync")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	return cmd
}

// explanation is the object that "sdev watch --explain --json" prints.
type explanation struct {
	V       int            `json:"v"`
	Path    string         `json:"path"`    // relative to the project, with slashes; as given where it lies outside
	Kind    string         `json:"kind"`    // file, directory, link, missing
	Real    string         `json:"real"`    // where it is, if links lead there; else ""
	Action  dev.Action     `json:"action"`  // ignored where nothing would happen
	Rule    string         `json:"rule"`    // "" where none applies
	Targets []string       `json:"targets"` // where it is copied to, in the app's container
	Exec    string         `json:"exec"`    // what runs afterwards
	Watched bool           `json:"watched"` // of a directory: it is watched
	Why     string         `json:"why"`     // in words
	Passed  []passedRule   `json:"passed"`  // rules that cover the path and leave it out
	Below   []explainedFor `json:"below"`   // of a directory: what saves of files in it can do
}

type passedRule struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}

type explainedFor struct {
	Rule   string     `json:"rule"`
	Action dev.Action `json:"action"`
}

func (a *app) explain(ctx context.Context, given string, sync bool) (explanation, error) {
	p, err := a.load(ctx, runOptions{})
	if err != nil {
		return explanation{}, err
	}
	parts, _, err := a.parts(p)
	if err != nil {
		return explanation{}, err
	}
	parts.Sync = sync || engine.Copied(p.StatePath())
	effective, err := config.Overlay(p, parts)
	if err != nil {
		return explanation{}, err
	}
	e := explanation{V: dev.WireVersion, Path: given, Action: dev.Ignored, Targets: []string{}, Passed: []passedRule{}, Below: []explainedFor{}}
	rel, err := a.locate(p.Dir, given, &e)
	if err != nil || e.Why != "" {
		return e, err
	}
	e.Path = rel
	rules, err := watch.Compile(effective.Sidecar.Rules)
	if err != nil {
		return e, err
	}
	if e.Kind == "directory" {
		e.directory(rules, effective.Sidecar.Rules)
		return e, nil
	}
	e.file(rules)
	l, err := newLayout(p.Dir, effective.Sidecar.Rules, effective.Copies)
	if err != nil {
		return e, err
	}
	for _, at := range l.Places(rel) {
		e.Targets = append(e.Targets, path.Join(l.Roots()[at.Root].Path, at.Path))
	}
	return e, nil
}

// locate finds the path in the project. Where it lies outside, or is reached through a link, e says so.
func (a *app) locate(dir, given string, e *explanation) (string, error) {
	full := given
	if !filepath.IsAbs(full) {
		full = filepath.Join(a.dir, given)
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
	if err != nil || !filepath.IsLocal(rel) {
		e.Why = "it lies outside the project, " + dir
		if lexical, lerr := filepath.Rel(dir, full); lerr == nil && filepath.IsLocal(lexical) {
			e.Why = "a link leads out of the project, and links are not followed"
			e.Real = at
		}
		return "", nil
	}
	if lexical, lerr := filepath.Rel(dir, full); lerr == nil && lexical != rel && filepath.IsLocal(lexical) {
		e.Real = at // it is watched under its true name
	}
	return filepath.ToSlash(rel), nil
}

// resolved follows the links of the part of a path that exists.
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

func (e *explanation) file(rules *watch.Rules) {
	found := rules.Explain(e.Path)
	for _, p := range found.Passed {
		e.Passed = append(e.Passed, passedRule{p.Origin, p.Why})
	}
	switch {
	case found.Found:
		e.Rule, e.Action = found.Rule.Origin, found.Rule.Action
		e.Exec = strings.Join(found.Rule.Exec.Command, " ")
		e.Why = meaning(e.Action)
	case len(found.Passed) > 0:
		e.Why = "every rule that covers it leaves it out"
	default:
		e.Why = "no rule covers it"
	}
}

func (e *explanation) directory(rules *watch.Rules, all []dev.Rule) {
	e.Watched = rules.Explain(e.Path).Watched
	e.Why = "a directory: what counts are the files in it"
	if !e.Watched {
		e.Why = "no rule can mean anything in it, so it is not watched"
		for _, p := range rules.Explain(path.Join(e.Path, "file.py")).Passed {
			e.Passed = append(e.Passed, passedRule{p.Origin, p.Why})
		}
		return
	}
	for _, r := range all {
		one, err := watch.Compile([]dev.Rule{r})
		if err == nil && r.Action != dev.Ignored && one.Reaches(e.Path) {
			e.Below = append(e.Below, explainedFor{r.Origin, r.Action})
		}
	}
	if len(e.Below) > 0 {
		e.Rule, e.Action = e.Below[0].Rule, e.Below[0].Action // the one that comes first
	}
}

// meaning says what an action does, as the end of "a save …".
func meaning(a dev.Action) string {
	switch a {
	case dev.Live:
		return "the app sees it through its mount, and open tabs run again"
	case dev.Sync:
		return "it is copied into the container, and open tabs run again"
	case dev.SyncRestart:
		return "it is copied into the container, then the app is restarted"
	case dev.SyncExec:
		return "it is copied into the container, then a command runs there"
	case dev.Restart:
		return "the app is restarted"
	case dev.Rebuild:
		return "the image is rebuilt and the app replaced"
	case dev.Ignored:
	}
	return "nothing happens"
}

func (a *app) printExplanation(e explanation, asJSON bool) error {
	if asJSON {
		return a.printJSON(e)
	}
	var b page
	row := func(name, text string) {
		if text != "" {
			b.add("%-7s %s\n", name, a.wrapped(text, 8))
		}
	}
	row("path", e.Path+" ("+e.Kind+")")
	row("real", e.Real)
	row("action", string(e.Action)+": "+e.Why)
	row("rule", e.Rule)
	for _, t := range e.Targets {
		row("copy", t)
	}
	row("exec", e.Exec)
	for _, r := range e.Below {
		row("below", string(r.Action)+" by "+r.Rule)
	}
	passed := map[string][]string{} // rules by why they leave it out
	var whys []string
	for _, p := range e.Passed {
		if strings.HasPrefix(p.Rule, "derived:") && strings.HasPrefix(p.Why, "not among") {
			continue // what sdev itself limits to certain names surprises nobody
		}
		if passed[p.Why] == nil {
			whys = append(whys, p.Why)
		}
		passed[p.Why] = append(passed[p.Why], p.Rule)
	}
	for _, why := range whys {
		row("not by", strings.Join(passed[why], "; ")+": "+why)
	}
	return a.print(&b)
}
