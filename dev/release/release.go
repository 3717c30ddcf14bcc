package release

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// Options say what is handed over, and how.
type Options struct {
	Target   handoff.Target
	Out      string            // directory of the bundle; "" is the target's in [Bundles]
	Set      map[string]string // values by name; "" forgets an earlier answer
	Image    string            // a reference on the engine, or a file; "" is that of the last hand-off
	Build    bool              // build the image; Image is "" then
	Check    bool              // write nothing, and start nothing
	Prompter Prompter          // is asked for what is missing, and before files are written; nil asks nobody
}

// Release is one hand-off of a project to a target. It is closed after use.
type Release struct {
	Bundle   *handoff.Bundle
	Findings []dev.Finding
	Record   handoff.Record // as it is written, or would be
	Written  bool           // something was written

	project  *Project
	options  Options
	facts    handoff.Facts // the project's, with bundle and image
	values   handoff.Values
	proof    []dev.Finding // about an image that this hand-off has started
	archive  v1.Image      // nil where the image is on the engine, or there is none
	outdated error         // the bundle is not what would be rendered
}

// Prepare gets everything ready, up to the record, and writes nothing. Its error means that no hand-off could be
// prepared. Whether a prepared one may happen is for [Release.Err] to say.
func (p *Project) Prepare(ctx context.Context, o Options) (*Release, error) {
	r, err := p.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	r.outdated = r.Bundle.OutdatedError() // before the record, which names commits, joins the files
	if err := r.record(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Check gives the findings about everything that would ship. It does not compare the record, so it says nothing of
// whether the files are up to date.
func (p *Project) Check(ctx context.Context, o Options) ([]dev.Finding, error) {
	o.Check = true
	r, err := p.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	r.Close()
	return r.Findings, nil
}

// prepare is Prepare without the record.
func (p *Project) prepare(ctx context.Context, o Options) (*Release, error) {
	r := &Release{project: p, options: o, facts: p.Facts}
	place, err := p.bundlePlace(o.Target.Name, o.Out)
	if err != nil {
		return nil, err
	}
	if r.Bundle, err = handoff.Open(place); err != nil {
		return nil, err
	}
	r.Bundle.DisplayPath, r.facts.Bundle = r.DisplayPath, place.Bundle
	err = r.Bundle.Last.CheckTemplates(p.releaser.TemplatesVersion, r.File(handoff.RecordFile))
	if err == nil {
		err = r.resolve(ctx)
	}
	if err == nil {
		err = r.render(ctx)
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// render makes the files, compares them with what is there, and checks everything.
func (r *Release) render(ctx context.Context) error {
	target := r.options.Target
	files, findings, err := target.Render(r.project.releaser.Templates, r.facts, r.values)
	if err != nil {
		return err
	}
	if err := r.Bundle.Compare(files); err != nil {
		return err
	}
	missing := target.MissingFindings(r.values, r.Bundle.Changes) // without a value nothing can be deployed, whoever decides that
	for i, f := range missing {
		if f.File != "" {
			missing[i].File = r.DisplayPath(f.File)
		}
	}
	own := slices.Concat(findings, r.proof, r.project.absentSubmodules(), r.project.withheldVariables(r.secretVariables()), r.staleImage(), r.unproven())
	found, err := r.check(ctx, own)
	r.Findings = append(missing, found...)
	return err
}

// record makes the record of the hand-off, and adds its summary to the files.
func (r *Release) record(ctx context.Context) (err error) {
	p, target := r.project, r.options.Target
	commit, err := p.Repository.LastChange(ctx, p.handoffPaths(r.Bundle))
	if err != nil {
		return err
	}
	record := handoff.Record{Target: target.Name, Status: handoff.StatusOf(r.Findings), Project: p.config.Name, Sdev: p.releaser.Version, Templates: p.releaser.TemplatesVersion, Commit: commit, Remote: p.Repository.Remote,
		Dirty: p.modified(r.Bundle), Values: target.NamedValues(r.values), Findings: r.Findings, Checks: handoff.Checks{Rules: len(preflight.Rules())}.Count(r.Findings)}
	if r.facts.Image != (handoff.Image{}) {
		image := r.facts.Image
		record.Image = &image
	}
	if r.Bundle.ConflictError() != nil {
		record.Status = handoff.Blocked
	}
	if record.Findings == nil {
		record.Findings = []dev.Finding{}
	}
	record.Next = []handoff.Step{}
	if target.NextSteps != nil {
		record.Next = append(record.Next, target.NextSteps(r.facts, r.values)...)
	}
	r.Record, err = r.Bundle.AddRecord(record, p.releaser.Now())
	return err
}

// Write writes what has to be written, if the [Person] agrees. It writes nothing for a check, and nothing where
// files of somebody else are in the way. It also writes a hand-off that findings block, so that its user can fix
// the files.
func (r *Release) Write(ctx context.Context) error {
	if r.options.Check || r.Bundle.UntrackedError() != nil {
		return nil
	}
	if len(r.Bundle.Writes()) == 0 {
		return nil
	}
	if r.options.Prompter != nil {
		yes, err := r.options.Prompter.Confirm(ctx, r.Dir())
		if err != nil {
			return err
		}
		if !yes {
			return &dev.Error{Code: dev.CodeInterrupted, Message: "nothing was written", Exit: dev.ExitFailed}
		}
	}
	if err := r.Bundle.Apply(ctx); err != nil {
		return err
	}
	r.Written = true
	return nil
}

// filled are the variables whose values the platform puts in.
func (r *Release) secretVariables() []string {
	if r.options.Target.SecretVariables == nil {
		return nil
	}
	return r.options.Target.SecretVariables(r.values)
}

// Err says why the hand-off must not happen; nil where it may. Missing values are an error of a check alone,
// because otherwise their placeholders are what was asked for.
func (r *Release) Err() error {
	if err := r.Bundle.UntrackedError(); err != nil {
		return err
	}
	err := cmp.Or(r.Bundle.ConflictError(), r.blocked())
	if r.options.Check {
		err = cmp.Or(err, r.outdated)
	}
	return err
}

// blocked is the error of findings that block.
func (r *Release) blocked() error {
	status := handoff.StatusOf(r.Findings)
	if status == handoff.Ready || status == handoff.Incomplete && !r.options.Check {
		return nil
	}
	message := "1 finding blocks"
	if n := (handoff.Checks{}).Count(r.Findings).Blocks; n != 1 {
		message = fmt.Sprintf("%d findings block", n)
	}
	message += ", so nothing is handed over"
	if r.Written {
		message += "; the files are written, so that you can fix them"
	}
	hint := "fix the findings, then run it again"
	if status == handoff.Incomplete {
		hint = "set what is missing: " + r.Command()
	}
	return &dev.Error{Code: dev.CodeDeployBlocked, Exit: dev.ExitFailed, Message: message, Hint: hint}
}

// Close lets the bundle go.
func (r *Release) Close() { r.Bundle.Close() }

// Missing are the parameters that placeholders stand for.
func (r *Release) Missing() []handoff.Param {
	return r.options.Target.Missing(r.values, r.Bundle.Changes)
}

// Command is the command line that gives the missing values.
func (r *Release) Command() string {
	text := "sdev deploy " + r.options.Target.Name
	for _, p := range r.Missing() {
		text += " --set " + p.Name + "=…"
	}
	return text
}

// Shown is how a path below the bundle's root is shown: relative to the project, or whole where the bundle lies
// elsewhere.
func (r *Release) DisplayPath(name string) string {
	full := filepath.Join(r.Bundle.Place.Root, filepath.FromSlash(name))
	if r.Bundle.Place.Root != r.project.root() {
		return full
	}
	rel, err := filepath.Rel(r.project.config.Dir, full)
	if err != nil {
		return full
	}
	return filepath.ToSlash(rel)
}

// Dir is the bundle's directory, as it is shown.
func (r *Release) Dir() string { return r.DisplayPath(r.Bundle.Place.Bundle) }

// File is a file of the bundle, as it is shown.
func (r *Release) File(name string) string {
	return r.DisplayPath(path.Join(r.Bundle.Place.Bundle, name))
}
