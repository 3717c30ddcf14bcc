package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"

	"sdev/dev"
	"sdev/dev/plan"
)

// Build builds an image, reports steps as they happen, and returns the image's id. It uses the engine's BuildKit,
// or its classic builder, see classic. The error of a failed step ends with the step's output. Cancelling ctx stops
// the build.
//
// It changes the Dockerfile for the extra CA and for named contexts only in memory; line numbers in errors are
// those of the file on disk.
func (e *Engine) Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	start := time.Now()
	if remote(b.Context) {
		emit(dev.BuildStep{Service: b.Service, Text: "fetch " + withoutPassword(b.Context)})
	}
	if dir, remove, ok, err := checkout(ctx, b.Service, b.Context); err != nil {
		return "", err
	} else if ok {
		defer remove()
		b.Context = dir
	}
	r := &recipe{Build: b}
	defer e.removeTempImages(ctx, r)
	if err := e.prepare(ctx, r, emit); err != nil {
		return "", err
	}
	solve := e.buildKit
	classic, err := e.classic(ctx)
	if err != nil {
		return "", err
	}
	if classic {
		solve = e.buildClassic
	}
	err = solve(ctx, r, emit)
	if err == nil && r.shipped() && !classic && !r.Epoch.IsZero() {
		if serr := e.normalizeTimestamps(ctx, r, emit); serr != nil { // the image works; only its digest is not reproducible
			emit(dev.BuildStep{Service: b.Service, Text: "files keep the timestamps of this build: " + serr.Error()})
			err = ctx.Err()
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", err
	}
	result, err := e.api.ImageInspect(ctx, b.Tag)
	if err != nil {
		return "", engineError("find the built image", err)
	}
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag, MS: time.Since(start).Milliseconds()})
	return result.ID, nil
}

// classic reports whether to use the engine's classic builder. If neither user nor engine chooses, it is used
// unless the engine accepts a BuildKit connection: engines that only resemble Docker do not. Podman has no BuildKit,
// whatever the user chooses.
func (e *Engine) classic(ctx context.Context) (bool, error) {
	if podman, err := e.podman(ctx); podman || err != nil {
		return true, err
	}
	switch e.getenv("DOCKER_BUILDKIT") {
	case "0", "false":
		return true, nil
	case "1", "true":
		return false, nil
	}
	switch e.builder {
	case build.BuilderV1:
		return true, nil
	case build.BuilderBuildKit:
		return false, nil
	}
	return !e.hasBuildKit(ctx), nil
}

// removeTempImages removes the images of named contexts after a build. The build cache keeps their content.
func (e *Engine) removeTempImages(ctx context.Context, r *recipe) {
	for _, name := range r.tempImages {
		_, _ = e.api.ImageRemove(context.WithoutCancel(ctx), name, image.RemoveOptions{}) // best effort: it only frees disk space
	}
}
