package cli

import (
	"context"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"sdev/dev"
	"sdev/dev/docker"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// takeImage finds out about the image that is handed over: one that is built now, one that is named, or
// the one of the last hand-off, which the facts have already.
func (a *app) takeImage(ctx context.Context, d *delivery) error {
	switch {
	case d.options.build:
		return a.buildImage(ctx, d)
	case d.options.image == "":
		return nil
	}
	if file, ok := a.archive(d.options.image); ok {
		var err error
		if d.archive, err = preflight.Open(ctx, file, d.platform()); err != nil {
			return err
		}
		d.facts.Image, err = describe(d.archive, filepath.Base(file))
		return err
	}
	e, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // nothing is left to say to it
	if d.facts.Image, err = imageOn(ctx, e, d.options.image); err != nil || d.options.check {
		return err
	}
	return a.proveImage(ctx, e, d)
}

// describe is what an archive says of its image. The digest is that of a manifest that is in it: the
// archives of "docker save" have none that a registry would know.
func describe(img v1.Image, ref string) (handoff.Image, error) {
	out := handoff.Image{Ref: ref}
	id, err := img.ConfigName()
	if err != nil {
		return out, unreadableImage(ref, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return out, unreadableImage(ref, err)
	}
	out.ID, out.Revision = id.String(), config.Config.Labels[labelRevision]
	if config.OS != "" {
		out.Platform = config.OS + "/" + config.Architecture
	}
	if kind, err := img.MediaType(); err == nil && kind == types.OCIManifestSchema1 {
		digest, err := img.Digest()
		if err != nil {
			return out, unreadableImage(ref, err)
		}
		out.Digest = digest.String()
	}
	return out, nil
}

// keepProof keeps what was seen of an image when it was started before: the same image runs the same, and
// where only the time differs that it took, a hand-off that changes nothing changes no record.
func (d *delivery) keepProof() {
	last := d.bundle.Last
	if last == nil || last.Image == nil || last.Image.ID == "" || last.Image.ID != d.facts.Image.ID || last.Image.Proof == nil {
		return
	}
	then, now := *last.Image.Proof, d.facts.Image.Proof
	if now != nil {
		then.Health = now.Health
		if then != *now {
			return
		}
	}
	d.facts.Image.Proof = last.Image.Proof
}

func unreadableImage(ref string, err error) error {
	return &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: "cannot read image " + dev.Printable(ref+": "+err.Error()), Hint: "save it again: docker save IMAGE -o FILE"}
}

// platform is the one that the image has to be for.
func (d *delivery) platform() string {
	if d.target.Platform != nil {
		return d.target.Platform(d.values)
	}
	if d.service.Platform == "" && d.target.Image {
		return "linux/amd64"
	}
	return d.service.Platform
}

// buildImage builds the image that ships and starts it once.
func (a *app) buildImage(ctx context.Context, d *delivery) error {
	e, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // nothing is left to say to it
	repo := d.repo
	repo.Modified = d.dirty(bundlesOf(d.subject, d.bundle)) // a bundle is not in the image
	progress := a.printer(view{})
	emit := func(e dev.Event) {
		if !d.options.json {
			_ = progress.Print(dev.Stamped{Time: a.now(), Event: e}) // whoever reads has left
		}
	}
	if d.facts.Image, err = a.buildRelease(ctx, e, d.project, repo, d.platform(), emit); err != nil {
		return err
	}
	return a.proveImage(ctx, e, d)
}

// proveImage starts the image once.
func (a *app) proveImage(ctx context.Context, e *docker.Engine, d *delivery) error {
	app := d.facts.App
	app.Command = slices.Concat([]string(d.service.Entrypoint), []string(d.service.Command)) // else the image's own runs
	proof, findings, err := a.prove(ctx, e, d.project.Name, app, d.facts.Image)
	if err != nil {
		return err
	}
	d.facts.Image.Proof, d.proof = proof, findings
	return nil
}

// judge checks what would ship, and applies what somebody decided to ship all the same, also to own, the
// findings of the target and of the hand-off itself.
func (a *app) judge(ctx context.Context, d *delivery, own []dev.Finding) ([]dev.Finding, error) {
	s, err := a.subject(ctx, d.project, d.found, d.repo)
	if err != nil {
		return nil, err
	}
	s.Target, s.Hosting, s.Platform, s.Built = d.target.Name, d.target.Hosting, d.platform(), d.options.build
	s.App.Port, s.App.BasePath = d.facts.App.Port, d.facts.App.BasePath
	bundles := bundlesOf(d.subject, d.bundle)
	s.Repository.Modified = nil
	for _, name := range d.dirty(bundles) {
		s.Repository.Modified = append(s.Repository.Modified, inProject(d.project, d.repo.Root, name))
	}
	for _, c := range d.bundle.Changes {
		if c.Content != nil {
			s.Bundle = append(s.Bundle, preflight.File{Path: d.shown(c.Path), Data: c.Content})
		}
	}
	s.Others = own
	switch {
	case d.archive != nil:
		s.Image = d.archive
	case d.options.image != "" || d.options.build:
		img, done, err := a.imageFrom(ctx, d.facts.Image.Ref, s.Platform)
		if err != nil {
			return nil, err
		}
		defer done()
		s.Image = img
	}
	return preflight.Run(ctx, s)
}

func (d *delivery) checks() handoff.Checks {
	return handoff.Checks{Rules: len(preflight.Rules())}.Count(d.findings)
}
