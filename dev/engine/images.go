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

// images builds and pulls the project's images where needed, in parallel, and returns them by reference. changed
// reports whether any reference now names another image than before.
func (e *Engine) images(ctx context.Context, p Project, want Request, state *savedState) (infos map[string]plan.ImageInfo, changed bool, err error) {
	update := imageUpdate{engine: e, want: want, app: p.imageOf(p.App), state: state, infos: map[string]plan.ImageInfo{}}
	group, gctx := errgroup.WithContext(ctx)
	all := distinctImages(p.Images)
	done := map[string]chan struct{}{}
	for _, img := range all {
		done[img.Ref] = make(chan struct{})
	}
	for _, img := range all {
		group.Go(func() error {
			for _, ref := range img.After {
				other, ok := done[ref]
				if !ok {
					continue // that image belongs to a service that does not run: use it as it is
				}
				select {
				case <-other:
				case <-gctx.Done():
					return gctx.Err()
				}
			}
			if err := update.ensure(gctx, img); err != nil {
				return err
			}
			close(done[img.Ref])
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	return update.infos, update.changed, nil
}

// distinctImages returns one source per reference. Of several services with one image, the one that builds it
// counts.
func distinctImages(all []plan.ImageSource) []plan.ImageSource {
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

// imageUpdate builds and pulls the images of one up. One goroutine per image works on it.
type imageUpdate struct {
	engine *Engine
	want   Request
	app    string // reference of the app's image

	mu      sync.Mutex // guards the fields below
	state   *savedState
	infos   map[string]plan.ImageInfo
	changed bool
}

// ensure builds or pulls one image if needed, and records the result.
func (u *imageUpdate) ensure(ctx context.Context, img plan.ImageSource) error {
	before, found, err := u.engine.Images.Image(ctx, img.Ref)
	if err != nil {
		return err
	}
	info, why := before, ""
	switch {
	case img.Build != nil:
		why = u.whyBuild(img, before, found)
		if why != "" {
			info, err = u.engine.build(ctx, img, why, !u.wantsFull())
		}
	default:
		if why = u.whyPull(img, found); why != "" {
			info, err = u.engine.pull(ctx, img, why, found)
		}
	}
	if err == nil {
		err = checkPlatform(img, info)
	}
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.infos[img.Ref] = info
	u.changed = u.changed || info.ID != before.ID
	switch {
	case why == "":
	case img.Build != nil:
		u.state.Builds[img.Ref] = savedBuild{Input: img.Input, Rest: img.Rest, Image: info.ID}
	default:
		u.state.Pulls[img.Ref] = time.Now()
	}
	return nil
}

// whyBuild is the reason to build an image; "" if it stays as it is.
func (u *imageUpdate) whyBuild(img plan.ImageSource, info plan.ImageInfo, found bool) string {
	u.mu.Lock()
	last := u.state.Builds[img.Ref]
	u.mu.Unlock()
	switch {
	case !found:
		return "missing"
	case u.want.Build && u.isRequested(img):
		if u.want.Trigger != "" && last.Image == info.ID && last.Input == img.Input && img.Input != "" {
			u.engine.emit(dev.BuildStep{Service: img.Service, Text: u.want.Trigger + " has the content that the image was built from: nothing to build"})
			return ""
		}
		return "requested"
	case img.Assumed && last.Image != info.ID:
		return ""
	case !last.isCurrent(img, u.want) || last.Image != info.ID:
		return "its sources changed"
	case img.Pull == plan.PullBuild && !u.want.Quiet:
		return "pull_policy: build"
	}
	return ""
}

// isRequested reports whether a requested build includes this image.
func (u *imageUpdate) isRequested(img plan.ImageSource) bool {
	switch {
	case u.want.Service != "":
		return img.Service == u.want.Service
	case u.want.How != "":
		return img.Ref == u.app // an announcement concerns the app, and so does its build
	}
	return true
}

// whyPull is the reason to pull an image; "" if it stays as it is. While the project is supervised, a save is no
// reason to ask a registry.
func (u *imageUpdate) whyPull(img plan.ImageSource, found bool) string {
	u.mu.Lock()
	last := u.state.Pulls[img.Ref]
	u.mu.Unlock()
	switch {
	case !found:
		return "missing"
	case img.Pull == plan.PullAlways && !u.want.Quiet:
		return "pull_policy: always"
	case img.Pull == plan.PullEvery && time.Since(last) > img.Every:
		return "pull_policy: its last pull is older than the policy allows"
	}
	return ""
}

// wantsFull reports whether the user asked for a build, and not a save: that one starts from nothing, whatever the last
// one left.
func (u *imageUpdate) wantsFull() bool { return u.want.Build && u.want.Trigger == "" }

// build builds an image. continued says that it may start from the last one.
func (e *Engine) build(ctx context.Context, img plan.ImageSource, why string, continued bool) (plan.ImageInfo, error) {
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "build", Object: "image " + img.Ref, Reason: why}}})
	b := *img.Build
	b.Continue = continued
	if _, err := e.Images.Build(ctx, b, e.emit); err != nil {
		return plan.ImageInfo{}, err
	}
	info, found, err := e.Images.Image(ctx, img.Ref)
	return info, errors.Join(err, notFound(found, img.Ref))
}

// pull pulls an image. If that fails and the engine has the image already, pull emits a warning and uses that one.
func (e *Engine) pull(ctx context.Context, img plan.ImageSource, why string, found bool) (plan.ImageInfo, error) {
	if img.Pull == plan.PullNever {
		return plan.ImageInfo{}, &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed,
			Message: fmt.Sprintf("image %s of service %s is not on the engine, and pull_policy: never forbids pulling it", img.Ref, img.Service), Hint: "run: docker pull " + img.Ref}
	}
	e.emit(dev.PlanMade{Operations: []dev.Operation{{Verb: "pull", Object: "image " + img.Ref, Reason: why}}})
	if err := e.Images.Pull(ctx, img.Ref, img.Platform); err != nil {
		if !found || ctx.Err() != nil {
			return plan.ImageInfo{}, err
		}
		failure := dev.AsError(err)
		e.emit(dev.Warning{Code: dev.CodeImageOld, Message: fmt.Sprintf("service %s uses the local copy of image %s: %s", img.Service, img.Ref, failure.Message), Hint: failure.Hint})
	}
	info, found, err := e.Images.Image(ctx, img.Ref)
	return info, errors.Join(err, notFound(found, img.Ref))
}

func notFound(found bool, ref string) error {
	if found {
		return nil
	}
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: "image " + ref + " disappeared right after sdev built or pulled it", Hint: "check whether another program removes images on this machine"}
}

// checkPlatform refuses an image for a platform that the engine cannot run, unless the compose file names a
// platform: then the user has installed an emulator, or knows better.
func checkPlatform(img plan.ImageSource, info plan.ImageInfo) error {
	if info.ForeignPlatform == "" || img.Platform != "" {
		return nil
	}
	return &dev.Error{Code: dev.CodeImagePlatform, Exit: dev.ExitFailed,
		Message: fmt.Sprintf("image %s of service %s is for %s, which the container engine's machine does not run", img.Ref, img.Service, info.ForeignPlatform),
		Hint:    fmt.Sprintf("use an image for this machine's platform or, with an emulator installed, set platform: %s in the compose file", info.ForeignPlatform)}
}
