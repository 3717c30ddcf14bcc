package release

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"sdev/dev"
	"sdev/dev/handoff"
	"sdev/dev/preflight"
)

// resolveImage finds the image that is handed over: it builds one, takes the one that the options name, or keeps the
// one of the last hand-off, which the facts already have.
func (r *Release) resolveImage(ctx context.Context) error {
	switch {
	case r.options.Build:
		return r.project.releaser.withEngine(ctx, func(e Engine) error { return r.buildImage(ctx, e) })
	case r.options.Image == "":
		return nil
	}
	if file, ok := r.project.releaser.archiveFile(r.options.Image); ok {
		return r.openArchive(ctx, file)
	}
	return r.project.releaser.withEngine(ctx, func(e Engine) (err error) {
		if r.facts.Image, err = describeImage(ctx, e, r.options.Image); err != nil || r.options.Check {
			return err
		}
		return r.prove(ctx, e)
	})
}

// buildImage builds the image that ships and starts it once.
func (r *Release) buildImage(ctx context.Context, e Engine) error {
	repo := r.project.Repository
	repo.Modified = r.project.modified(r.Bundle) // the image does not contain a bundle
	build, err := r.project.releaseBuild(repo)
	if err != nil {
		return err
	}
	if build.Platform == "" {
		build.Platform = r.platform()
	}
	if _, err := e.Build(ctx, build, r.project.releaser.Emit); err != nil {
		return err
	}
	if r.facts.Image, err = describeImage(ctx, e, build.Tag); err != nil {
		return err
	}
	return r.prove(ctx, e)
}

// describeImage describes an image of the engine.
func describeImage(ctx context.Context, e Engine, ref string) (handoff.Image, error) {
	i, err := e.Inspect(ctx, ref)
	return handoff.Image{Ref: ref, ID: i.ID, Digest: i.Digest, Platform: i.Platform, Size: i.Size, Revision: i.Labels[labelRevision]}, err
}

// openArchive opens the image in an archive.
func (r *Release) openArchive(ctx context.Context, file string) (err error) {
	if r.archive, err = preflight.Open(ctx, file, r.platform()); err != nil {
		return err
	}
	r.facts.Image, err = describeArchive(r.archive, filepath.Base(file))
	return err
}

// describeArchive describes the image of an archive. It has a digest only if the archive has an OCI manifest: a
// registry would not know the manifest of "docker save".
func describeArchive(img v1.Image, ref string) (handoff.Image, error) {
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

func unreadableImage(ref string, err error) error {
	return &dev.Error{Code: dev.CodeImageInvalid, Exit: dev.ExitFailed, Cause: err, Message: "cannot read image " + dev.Sanitize(ref+": "+err.Error()), Hint: "save it again: docker save IMAGE -o FILE"}
}

// keepProof keeps the proof of the last hand-off if the image is the same and only the start-up time differs, so that
// an unchanged hand-off leaves the record unchanged.
func (r *Release) keepProof() {
	last := r.Bundle.Last
	if last == nil || last.Image == nil || last.Image.ID == "" || last.Image.ID != r.facts.Image.ID || last.Image.Proof == nil {
		return
	}
	then, now := *last.Image.Proof, r.facts.Image.Proof
	if now != nil {
		then.Health = now.Health
		if then != *now {
			return
		}
	}
	r.facts.Image.Proof = last.Image.Proof
}

// platform is the platform that the image has to be built for; "" is any.
func (r *Release) platform() string {
	if target := r.options.Target; target.Platform != nil {
		return target.Platform(r.values)
	}
	if r.project.service.Platform == "" && r.options.Target.NeedsImage {
		return "linux/amd64"
	}
	return r.project.service.Platform
}

// staleImage is the finding about an image that was built from another commit.
func (r *Release) staleImage() []dev.Finding {
	i, commit := r.facts.Image, r.project.Repository.Commit
	if i.Revision == "" || commit == "" || strings.TrimSuffix(i.Revision, dirtySuffix) == commit || r.options.Build {
		return nil
	}
	return []dev.Finding{{ID: "ship.image", Severity: dev.Warns, Where: i.Ref, Message: fmt.Sprintf("image %s was built from commit %.12s, but this is commit %.12s", i.Ref, i.Revision, commit),
		Fix: "rebuild it: sdev deploy " + r.options.Target.Name + " --build"}}
}

// failedProof is the finding about an image that served no page at an earlier hand-off.
func (r *Release) failedProof() []dev.Finding {
	if len(r.proof) > 0 {
		return nil
	}
	return r.facts.Image.FailedProof("sdev deploy " + r.options.Target.Name + " --build")
}
