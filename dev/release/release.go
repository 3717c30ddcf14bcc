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
	Image    string            // a reference on the engine, or a file; "" is the image of the last hand-off
	Build    bool              // build the image; Image is "" then
	Check    bool              // write nothing, and start nothing
	Prompter Prompter          // asked for missing values, and before files are written; nil asks nobody
}

// Release is one hand-off of a project to a target. The caller closes it.
type Release struct {
	Bundle   *handoff.Bundle
	Findings []dev.Finding
	Record   handoff.Record // that Write writes
	Written  bool           // Write has changed files

	project  *Project
	options  Options
	facts    handoff.Facts // the project's, with bundle and image
	values   handoff.Values
	proof    []dev.Finding // about an image that this hand-off has started
	archive  v1.Image      // nil where the image is on the engine, or there is none
	outdated error         // the bundle differs from what sdev would render
}

// Prepare prepares a hand-off, up to its record, and writes nothing. Its error means that there is no hand-off to show.
// [Release.Err] says whether a prepared one may happen.
func (p *Project) Prepare(ctx context.Context, o Options) (*Release, error) {
	r, err := p.prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	r.outdated = r.Bundle.OutdatedError() // before AddRecord, because every commit changes the record
	if err := r.record(ctx); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Check returns the findings about everything that would ship. It makes no record, and does not check whether the files
// are up to date.
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
	r, err := p.open(o.Target, o.Out)
	if err != nil {
		return nil, err
	}
	r.options = o
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

// open opens the bundle of a target in a directory; "" is the usual one.
func (p *Project) open(target handoff.Target, out string) (*Release, error) {
	r := &Release{project: p, options: Options{Target: target, Out: out}, facts: p.Facts}
	place, err := p.bundlePlace(target.Name, out)
	if err != nil {
		return nil, err
	}
	if r.Bundle, err = handoff.Open(place); err != nil {
		return nil, err
	}
	r.Bundle.DisplayPath, r.facts.Bundle = r.DisplayPath, place.Bundle
	return r, nil
}

// render renders the files, compares them with the bundle, and checks everything that would ship.
func (r *Release) render(ctx context.Context) error {
	target := r.options.Target
	files, findings, err := target.Render(r.project.releaser.Templates, r.facts, r.values)
	if err != nil {
		return err
	}
	if err := r.Bundle.Compare(files); err != nil {
		return err
	}
	missing := target.MissingFindings(r.values, r.Bundle.Changes) // added after the checks, because nobody may suppress them
	for i, f := range missing {
		if f.File != "" {
			missing[i].File = r.DisplayPath(f.File)
		}
	}
	own := slices.Concat(findings, r.proof, r.project.absentSubmodules(), r.project.withheldVariables(r.secretVariables()), r.missingInputs(), r.staleImage(), r.failedProof())
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

// Write writes the changes, if the [Prompter] confirms. It writes nothing for a check, and nothing if it would have to
// overwrite a file that sdev did not write. It also writes a hand-off that findings block, so that the user can fix the
// files.
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

// secretVariables are the variables that the platform sets from its secret store.
func (r *Release) secretVariables() []string {
	if r.options.Target.SecretVariables == nil {
		return nil
	}
	return r.options.Target.SecretVariables(r.values)
}

// Err says why the hand-off must not happen; nil if it may. Missing values are an error only of a check: otherwise the
// user has chosen to write placeholders.
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
		hint = "set the missing values: " + r.Command()
	}
	return &dev.Error{Code: dev.CodeDeployBlocked, Exit: dev.ExitFailed, Message: message, Hint: hint}
}

// Close closes the bundle.
func (r *Release) Close() { r.Bundle.Close() }

// Missing are the parameters without a value, whose placeholders are in the files.
func (r *Release) Missing() []handoff.Param {
	return r.options.Target.Missing(r.values, r.Bundle.Changes)
}

// Command is the command line that sets the missing values.
func (r *Release) Command() string {
	text := "sdev deploy " + r.options.Target.Name
	for _, p := range r.Missing() {
		text += " --set " + p.Name + "=…"
	}
	return text
}

// DisplayPath formats a path below the bundle's root: relative to the project, or absolute if the bundle is outside of
// it.
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

// Dir is the bundle's directory, formatted for people.
func (r *Release) Dir() string { return r.DisplayPath(r.Bundle.Place.Bundle) }

// File is the path of a file in the bundle, formatted for people.
func (r *Release) File(name string) string {
	return r.DisplayPath(path.Join(r.Bundle.Place.Bundle, name))
}
