package devtest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sdev/dev"
	"sdev/dev/plan"
)

// PortOwner names the container that publishes a port.
func (f *Fake) PortOwner(_ context.Context, port uint16) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		for _, binding := range f.containers[name].Ports {
			host, _, _ := strings.Cut(binding, "->")
			if f.containers[name].Running && strings.HasSuffix(host, ":"+strconv.Itoa(int(port))) {
				return "container " + name
			}
		}
	}
	return ""
}

// OnBuild sets a function that Build calls. If it returns nil, Build creates a new image.
func (f *Fake) OnBuild(call func(context.Context, plan.Build) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.build = call
}

// SetForeign creates an image for a platform that the engine's machine cannot run; "" for one that it can.
func (f *Fake) SetForeign(ref, platform string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.images[ref] = plan.ImageInfo{ID: f.id("sha256:"), ForeignPlatform: platform}
}

// Image looks up an image.
func (f *Fake) Image(_ context.Context, ref string) (plan.ImageInfo, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, ok := f.images[ref]
	return info, ok, nil
}

// Build creates a new image.
func (f *Fake) Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	f.mu.Lock()
	build := f.build
	f.mu.Unlock()
	if build != nil {
		if err := build(ctx, b); err != nil {
			return "", err
		}
	}
	f.mu.Lock()
	info := plan.ImageInfo{ID: f.id("sha256:")}
	f.images[b.Tag] = info
	f.mu.Unlock()
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag})
	return info.ID, nil
}

// Pull creates any image whose reference names a registry, that is, a host with a dot.
func (f *Fake) Pull(_ context.Context, ref, _ string) error {
	if registry, _, ok := strings.Cut(ref, "/"); !ok || !strings.Contains(registry, ".") {
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: cmp.Or(ref, "nothing") + " cannot be pulled"}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.images[ref] = plan.ImageInfo{ID: f.id("sha256:")}
	return nil
}
