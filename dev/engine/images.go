package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// images makes sure that the images of a project are there and up to date, side by side. It gives
// them by reference; built is true where one is another than before.
func (e *Engine) images(ctx context.Context, p Project, want Request, memory *savedState) (infos map[string]plan.ImageInfo, built bool, err error) {
	j := imageJob{engine: e, want: want, app: p.imageOf(p.App), memory: memory, infos: map[string]plan.ImageInfo{}}
	group, gctx := errgroup.WithContext(ctx)
	all := distinct(p.Images)
	done := map[string]chan struct{}{}
	for _, img := range all {
		done[img.Ref] = make(chan struct{})
	}
	for _, img := range all {
		group.Go(func() error {
			for _, ref := range img.After {
				other, ok := done[ref]
				if !ok {
					continue // of a service that does not run: it is as it is
				}
				select {
				case <-other:
				case <-gctx.Done():
					return gctx.Err()
				}
			}
			if err := j.one(gctx, img); err != nil {
				return err
			}
			close(done[img.Ref])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return j.infos, j.changed, nil
}

// distinct leaves one of those that several services share: the one that says how it is built.
func distinct(all []plan.ImageSource) []plan.ImageSource {
	var out []plan.ImageSource
	for _, img := range all {
		i := slices.IndexFunc(out, func(o plan.ImageSource) bool { return o.Ref == img.Ref })
		switch {
		case i < 0:
			out = append(out, img)
		case out[i].Build == nil && img.Build != nil:
			out[i] = img
		}
	}
	return out
}

// imageJob collects what comes of several images at once.
type imageJob struct {
	engine *Engine
	want   Request
	app    string // reference of the app's image

	mu      sync.Mutex // guards what is below
	memory  *savedState
	infos   map[string]plan.ImageInfo
	changed bool
}

func (j *imageJob) one(ctx context.Context, img plan.ImageSource) error {
	before, found, err := j.engine.Images.Image(ctx, img.Ref)
	if err != nil {
		return err
	}
	info, how := before, ""
	switch {
	case img.Build != nil:
		how = j.whyBuild(img, before, found)
		if how != "" {
			info, err = j.engine.build(ctx, img, how)
		}
	default:
		if how = j.whyPull(img, found); how != "" {
			info, err = j.engine.pull(ctx, img, how, found)
		}
	}
	if err == nil {
		err = runnable(img, info)
	}
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.infos[img.Ref] = info
	j.changed = j.changed || info.ID != before.ID
	switch {
	case how == "":
	case img.Build != nil:
		j.memory.Builds[img.Ref] = savedBuild{Input: img.Input, Rest: img.Rest, Image: info.ID}
	default:
		j.memory.Pulls[img.Ref] = time.Now()
	}
	return nil
}

// whyBuild is "" where the image stays as it is.
func (j *imageJob) whyBuild(img plan.ImageSource, info plan.ImageInfo, found bool) string {
	j.mu.Lock()
	last := j.memory.Builds[img.Ref]
	j.mu.Unlock()
	switch {
	case !found:
		return "missing"
	case j.want.Build && j.asked(img):
		return "asked for"
	case img.Assumed && last.Image != info.ID:
		return ""
	case !last.isCurrent(img, j.want) || last.Image != info.ID:
		return "what it is built from changed"
	case img.Pull == plan.PullBuild && !j.want.Quiet:
		return "pull_policy: build"
	}
	return ""
}

// asked says whether a build that was asked for is of this image.
func (j *imageJob) asked(img plan.ImageSource) bool {
	switch {
	case j.want.Service != "":
		return img.Service == j.want.Service
	case j.want.How != "":
		return img.Ref == j.app // what is announced is about the app
	}
	return true
}

// whyPull is "" where the image stays as it is. While somebody supervises the project, a save is no
// reason to ask a registry.
func (j *imageJob) whyPull(img plan.ImageSource, found bool) string {
	j.mu.Lock()
	last := j.memory.Pulls[img.Ref]
	j.mu.Unlock()
	switch {
	case !found:
		return "missing"
	case img.Pull == plan.PullAlways && !j.want.Quiet:
		return "pull_policy: always"
	case img.Pull == plan.PullEvery && time.Since(last) > img.Every:
		return "pull_policy: its last pull is too long ago"
	}
	return ""
}

func (e *Engine) build(ctx context.Context, img plan.ImageSource, why string) (plan.ImageInfo, error) {
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "build", Object: "image " + img.Ref, Reason: why}}})
	if _, err := e.Images.Build(ctx, *img.Build, e.emit); err != nil {
		return plan.ImageInfo{}, err
	}
	info, found, err := e.Images.Image(ctx, img.Ref)
	return info, errors.Join(err, notFound(found, img.Ref))
}

// pull gets an image. One that is here already is good enough where its registry does not answer.
func (e *Engine) pull(ctx context.Context, img plan.ImageSource, why string, found bool) (plan.ImageInfo, error) {
	if img.Pull == plan.PullNever {
		return plan.ImageInfo{}, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed,
			Message: fmt.Sprintf("image %s of service %s is not here, and pull_policy: never keeps it from being pulled", img.Ref, img.Service), Hint: "run: docker pull " + img.Ref}
	}
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "pull", Object: "image " + img.Ref, Reason: why}}})
	if err := e.Images.Pull(ctx, img.Ref, img.Platform); err != nil {
		if !found || ctx.Err() != nil {
			return plan.ImageInfo{}, err
		}
		said := dev.AsError(err)
		e.emit(dev.Warning{Code: dev.CodeImageOld, Message: fmt.Sprintf("service %s uses the local copy of image %s: %s", img.Service, img.Ref, said.Message), Hint: said.Hint})
	}
	info, found, err := e.Images.Image(ctx, img.Ref)
	return info, errors.Join(err, notFound(found, img.Ref))
}

func notFound(found bool, ref string) error {
	if found {
		return nil
	}
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "image " + ref + " is gone right after it was made", Hint: "see whether something removes images on this machine"}
}

// runnable refuses an image for another kind of machine, unless the compose file asks for that kind:
// then there is an emulator, or its author knows better.
func runnable(img plan.ImageSource, info plan.ImageInfo) error {
	if info.ForeignPlatform == "" || img.Platform != "" {
		return nil
	}
	return &dev.Error{Code: dev.CodeImagePlatform, Exit: dev.ExitFailed,
		Message: fmt.Sprintf("image %s of service %s is for %s, which the container engine's machine does not run", img.Ref, img.Service, info.ForeignPlatform),
		Hint:    fmt.Sprintf("get it for this machine, or, where an emulator is installed, say so in the compose file: platform: %s", info.ForeignPlatform)}
}
