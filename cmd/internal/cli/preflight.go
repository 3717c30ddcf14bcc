package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
	"sdev/dev/git"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
	"sdev/dev/session"
)

// preflightOptions are the flags of "sdev preflight".
type preflightOptions struct {
	target string
	image  string
	json   bool
	sarif  string // file, or "-"
}

func (a *app) newPreflightCmd() *cobra.Command {
	var o preflightOptions
	cmd := &cobra.Command{
		Use:   "preflight [TARGET]",
		Short: "Check that nothing ships that must not",
		Long: `Checks the project, and what it is given of the hand-off: with TARGET its bundle, as it is and as
"sdev deploy TARGET" would renew it, with --image the image that ships. It looks for what is only meant for this machine,
for credentials (in files, in every layer of the image, in the history of the repository), and for
what is known to fail where it will run. It needs neither a container engine nor a network, unless
--image names an image of the engine. What blocks a hand-off ends it with exit code 1.

"sdev help preflight" lists the rules, and says how one is suppressed.`,
		Example: `  sdev preflight
  sdev preflight ecs --image shop-release:1a2b3c4
  docker save shop -o shop.tar && sdev preflight --image shop.tar --sarif shop.sarif`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("sdev preflight takes one target, and got "+quote(args[1]), "see: sdev preflight --help")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, t := range handoff.Targets() {
				names = append(names, t.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.target = args[0]
			}
			if a.json = o.json; o.json && o.sarif == "-" {
				return usage("--json and --sarif - both print on stdout", "name a file: --sarif FILE")
			}
			return a.runPreflight(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.image, "image", "", "also check `REF|TAR`: an image of the engine, or an archive (docker save, OCI layout)")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.StringVar(&o.sarif, "sarif", "", "write a SARIF 2.1.0 report to `FILE`; - is stdout")
	return cmd
}

func (a *app) runPreflight(ctx context.Context, o preflightOptions) error {
	found, err := a.check(ctx, o)
	if err != nil {
		return err
	}
	if o.sarif != "" {
		if err := a.writeSARIF(o.sarif, found); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		err = a.printJSON(newPreflightReport(o.target, found))
	case o.sarif != "-":
		err = a.print(preflightText(found, a.Width))
	}
	if err == nil && dev.Block(found) {
		return exitError(dev.ExitFailed)
	}
	return err
}

// check looks at everything that there is. With a target that is a hand-off that ends before it writes.
func (a *app) check(ctx context.Context, o preflightOptions) ([]dev.Finding, error) {
	if o.target != "" {
		d, err := a.deliver(ctx, deployOptions{target: o.target, image: o.image, check: true, yes: true})
		if err != nil {
			return nil, err
		}
		d.bundle.Close()
		return d.findings, nil
	}
	s, err := a.preflightSubject(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.image != "" {
		img, done, err := a.imageFrom(ctx, o.image, s.Platform)
		if err != nil {
			return nil, err
		}
		defer done()
		s.Image = img
	}
	return preflight.Run(ctx, s)
}

// preflightSubject is everything but the image. Without a project an image is checked by itself.
func (a *app) preflightSubject(ctx context.Context, o preflightOptions) (preflight.Subject, error) {
	p, err := a.load(ctx, session.Options{})
	if e, ok := errors.AsType[*dev.Error](err); ok && e.Code == dev.CodeProjectMissing && o.image != "" && a.dir == "" && len(a.files) == 0 {
		return preflight.Subject{Now: a.now()}, nil
	}
	if err != nil {
		return preflight.Subject{}, err
	}
	repo, err := git.Read(ctx, p.Dir, a.Env)
	if err != nil {
		return preflight.Subject{}, err
	}
	found, err := detect.Dir(p.Dir)
	if err != nil {
		return preflight.Subject{}, err
	}
	if entry := p.Settings.Entry; entry != "" {
		found.Choose(entry, detect.Fact{Why: "x-sdev.entry"})
	}
	return a.subject(ctx, p, found, repo)
}

// inProject is a path of the repository as it is seen from the project.
func inProject(p *config.Project, root, name string) string {
	dir := p.Dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	rel, err := filepath.Rel(dir, filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// imageFrom opens an archive, or an image of the engine. What done removes is needed until then.
func (a *app) imageFrom(ctx context.Context, name, platform string) (img v1.Image, done func(), err error) {
	nothing := func() {}
	if file, ok := a.archive(name); ok {
		img, err = preflight.Open(ctx, file, platform)
		return img, nothing, err
	}
	e, err := a.open(ctx)
	if err != nil {
		return nil, nothing, err
	}
	defer e.Close() //nolint:errcheck // nothing is left to say to it
	archive, err := e.Save(ctx, name)
	if err != nil {
		return nil, nothing, err
	}
	defer archive.Close()
	spooled, err := a.spool(archive)
	if ctx.Err() != nil {
		return nil, nothing, errors.Join(ctx.Err(), os.RemoveAll(spooled))
	}
	if err != nil {
		return nil, nothing, &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: "cannot keep image " + name + " while it is checked: " + err.Error(), Hint: "make room, or point XDG_CACHE_HOME to a larger disk"}
	}
	done = func() { _ = os.Remove(spooled) }
	if img, err = preflight.Open(ctx, spooled, platform); err != nil {
		done()
		return nil, nothing, err
	}
	return img, done, nil
}

// archive is the file that --image names; ok is false where it names an image of the engine.
func (a *app) archive(name string) (file string, ok bool) {
	file = name
	if !filepath.IsAbs(name) {
		file = filepath.Join(a.dir, name)
	}
	st, err := os.Stat(file)
	return file, (err == nil && !st.IsDir()) || slices.Contains([]string{".tar", ".tgz", ".gz"}, filepath.Ext(name)) || strings.HasPrefix(name, ".") || filepath.IsAbs(name)
}

// spool keeps an archive in the cache directory: its description comes last, and layers are read one after
// another.
func (a *app) spool(archive io.Reader) (name string, err error) {
	dir, err := a.cacheDir()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	a.sweep(dir)
	f, err := os.CreateTemp(dir, "image-*.tar")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, archive)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// sweep removes archives that a run left behind which was killed.
func (a *app) sweep(dir string) {
	const old = 24 * time.Hour
	names, _ := filepath.Glob(filepath.Join(dir, "image-*.tar")) // the pattern is a good one
	for _, name := range names {
		if st, err := os.Stat(name); err == nil && a.now().Sub(st.ModTime()) > old {
			_ = os.Remove(name) // another run may have been faster
		}
	}
}

// preflightReport is what "sdev preflight --json" prints.
type preflightReport struct {
	V        int           `json:"v"`
	Target   string        `json:"target"`
	Findings []dev.Finding `json:"findings"`
	Rules    int           `json:"rules"`
	Blocks   int           `json:"blocks"`
}

func newPreflightReport(target string, found []dev.Finding) preflightReport {
	return preflightReport{V: dev.WireVersion, Target: target, Findings: found, Rules: len(preflight.Rules()), Blocks: tally(found).Blocks}
}

func tally(found []dev.Finding) handoff.Checks {
	return handoff.Checks{Rules: len(preflight.Rules())}.Count(found)
}

// preflightText shows findings to a person: what blocks first, each with its place and what helps.
func preflightText(found []dev.Finding, width int) *page {
	var b page
	group := func(title string, in func(dev.Finding) bool) {
		first := true
		for _, f := range found {
			if !in(f) {
				continue
			}
			if first {
				b.add("%s:\n", title)
				first = false
			}
			b.add("%s", findingText(f, width))
		}
		if !first {
			b.add("\n")
		}
	}
	of := func(s dev.Severity) func(dev.Finding) bool {
		return func(f dev.Finding) bool { return f.Severity == s && f.Suppressed == nil }
	}
	group("Blocks the hand-off", of(dev.Blocks))
	group("Ships, and somebody should know", of(dev.Warns))
	group("For information", of(dev.Informs))
	group("Suppressed", func(f dev.Finding) bool { return f.Suppressed != nil })
	c := tally(found)
	notes := len(found) - c.Blocks - c.Warnings - c.Suppressed
	b.add("%s: %s", count(c.Rules, "rule"), blockText(c.Blocks))
	for _, part := range []string{some(c.Warnings, "warning"), some(notes, "note")} {
		if part != "" {
			b.add(", %s", part)
		}
	}
	if c.Suppressed > 0 {
		b.add(", %d suppressed", c.Suppressed)
	}
	b.add("\n")
	return &b
}

func blockText(n int) string {
	switch n {
	case 0:
		return "nothing blocks"
	case 1:
		return "1 blocks"
	}
	return fmt.Sprintf("%d block", n)
}

func some(n int, what string) string {
	if n == 0 {
		return ""
	}
	return count(n, what)
}

// findingText is one finding: id and place, what is wrong, what helps.
func findingText(f dev.Finding, width int) dev.Text {
	const indent = "    "
	at := f.File
	if f.File != "" && f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	if f.Where != "" {
		at = strings.TrimPrefix(at+", "+f.Where, ", ")
	}
	head := "  " + f.ID
	if at != "" {
		head += "  " + at
	}
	var b page
	b.add("  %s", wrap(strings.TrimSpace(head), width, len(indent)))
	line := func(label, text string) {
		if text != "" {
			b.add("\n%s%s%s", indent, label, wrap(text, width, len(indent)+len(label)))
		}
	}
	line("", f.Message)
	if s := f.Suppressed; s != nil {
		line("reason: ", fmt.Sprintf("%s (until %s, %s)", s.Reason, s.Until.Format("2006-01-02"), s.Origin))
	} else {
		line("fix: ", f.Fix)
		line("see: ", f.Docs)
	}
	b.add("\n")
	return dev.Text(b.text.String())
}
