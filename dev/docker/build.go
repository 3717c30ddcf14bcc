package docker

import (
	"context"
	"time"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"

	"sdev/dev"
	"sdev/dev/plan"
)

// Build builds an image, reporting steps as they happen, and gives the image's id. It uses the
// engine's BuildKit, or its classic builder where there is no other. A step that fails is an error
// that ends with what the step printed. Cancelling ctx stops the build.
//
// What the build says of extra certificates and of contexts with names is done to the Dockerfile in
// memory; the one on disk and the lines that errors name stay as they are.
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
	solve, classic := e.buildKit, e.classic(ctx)
	if classic {
		solve = e.buildClassic
	}
	err := solve(ctx, r, emit)
	if err == nil && r.shipped() && !classic && !r.Epoch.IsZero() {
		if serr := e.normalizeTimestamps(ctx, r, emit); serr != nil { // what was built is sound all the same
			emit(dev.BuildStep{Service: b.Service, Text: "files keep the times of this build: " + serr.Error()})
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
		return "", engineError("find the image just built", err)
	}
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag, MS: time.Since(start).Milliseconds()})
	return result.ID, nil
}

// classic says whether the engine's classic builder is to be used. Where neither the user nor the
// engine chooses, BuildKit is there if its door opens: engines that only resemble Docker have none.
func (e *Engine) classic(ctx context.Context) bool {
	switch e.getenv("DOCKER_BUILDKIT") {
	case "0", "false":
		return true
	case "1", "true":
		return false
	}
	switch e.builder {
	case build.BuilderV1:
		return true
	case build.BuilderBuildKit:
		return false
	}
	conn, err := e.api.DialHijack(ctx, "/grpc", "h2c", nil)
	if err != nil {
		return true
	}
	_ = conn.Close()
	return false
}

// removeTempImages removes the images that stood for contexts in a build. The builder's cache keeps what was
// in them.
func (e *Engine) removeTempImages(ctx context.Context, r *recipe) {
	for _, name := range r.tempImages {
		_, _ = e.api.ImageRemove(context.WithoutCancel(ctx), name, image.RemoveOptions{}) // a matter of room on the disk alone
	}
}
