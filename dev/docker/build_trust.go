package docker

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
)

// Base images that know an extra certificate authority, for builds whose Dockerfile does not speak
// of one. They are made without running anything, so that images without a shell work too: a
// container is created, files are put into it, and it is kept as an image.

const (
	// trustLabel is on images made so and on what is built from them, with a hash of the bundle.
	trustLabel = "dev.sdev.ca"
	// trustBase is on them too, with the name of the base.
	trustBase = "dev.sdev.ca-base"
	// trustName is what these images are called; the tag says what they are made of.
	trustName = "sdev-ca"
	// trustFile is where the bundle lies in them. No package of a distribution writes there.
	trustFile = "/usr/local/share/sdev/ca.pem"
	// trustVersion is part of the tag, so that another sdev makes them again where it makes others.
	trustVersion = "1"
)

// trustVariables are what programs take the path of a bundle from.
func trustVariables() []string {
	return []string{"AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "CONDA_SSL_VERIFY", "CURL_CA_BUNDLE", "DENO_CERT", "GIT_SSL_CAINFO", "MAMBA_SSL_VERIFY",
		"NIX_SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
}

// replacesBases says whether base images are replaced.
func (r *recipe) replacesBases() bool { return !r.Ships && r.lacksCA() }

// lacksCA says whether the Dockerfile knows nothing of certificates that its steps need.
func (r *recipe) lacksCA() bool {
	return len(r.CA) > 0 && r.file != nil && !r.file.HasSecret("ca")
}

// baseWithCA gives an image that is like a base and knows the build's certificates; "" where the base
// may stay as it is.
func (e *Engine) baseWithCA(ctx context.Context, r *recipe, base dockerfile.Base, emit func(dev.Event)) (string, error) {
	platform := cmp.Or(base.Platform, r.Platform)
	img, err := e.baseImage(ctx, base.Ref, platform, r.Pull, func() {
		emit(dev.BuildStep{Service: r.Service, Text: "pull " + base.Ref})
	})
	if failure, ok := errors.AsType[*dev.Error](err); ok && failure.Code == dev.CodeImageMissing {
		failure.Message = "base " + failure.Message
	}
	if err != nil {
		return "", err
	}
	runs := base.Runs
	if img.Config != nil {
		runs = runs || slices.ContainsFunc(img.Config.OnBuild, func(s string) bool { return strings.HasPrefix(strings.ToUpper(s), "RUN") })
	}
	if !runs {
		return "", nil
	}
	if !matchesPlatform(img, platform) {
		emit(dev.Warning{Code: dev.CodeBuildCA, Message: fmt.Sprintf("%s is here for %s/%s alone, so steps on it for %s do not know the extra CA of this machine", base.Ref, img.Os, img.Architecture, platform),
			Hint: "pull it for that platform: docker pull --platform " + platform + " " + base.Ref})
		return "", nil
	}
	sum := sha256.Sum256([]byte(trustVersion + "\x00" + img.ID + "\x00" + string(r.CA)))
	tag := trustName + ":" + hex.EncodeToString(sum[:12])
	if _, err := e.api.ImageInspect(ctx, tag); err == nil {
		return tag, nil
	} else if !isGone(err) {
		return "", engineError("look at image "+tag, err)
	}
	emit(dev.BuildStep{Service: r.Service, Text: base.Ref + " is made to trust the extra CA, for builds on this machine"})
	ca := sha256.Sum256(r.CA)
	labels := map[string]string{trustLabel: hex.EncodeToString(ca[:8]), trustBase: base.Ref}
	if err := e.commitBaseWithCA(ctx, img, tag, r.CA, labels); err != nil {
		return "", engineError("make a base image with the extra CA from "+base.Ref, err)
	}
	e.removeOlderBases(ctx, tag, labels)
	return tag, nil
}

// removeOlderBases removes the images that one was made in place of: of the same base as it was before,
// with the same certificates. What is still used the engine keeps, and that is fine.
func (e *Engine) removeOlderBases(ctx context.Context, tag string, labels map[string]string) {
	same := filters.NewArgs(filters.Arg("reference", trustName))
	for k, v := range labels {
		same.Add("label", k+"="+v)
	}
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: same})
	if err != nil {
		return // a matter of room on the disk alone
	}
	for _, old := range list {
		for _, name := range old.RepoTags {
			if name != tag && strings.HasPrefix(name, trustName+":") {
				_, _ = e.api.ImageRemove(ctx, name, image.RemoveOptions{})
			}
		}
	}
}

// baseImage finds a base image, and pulls it where that is needed, which is told before.
func (e *Engine) baseImage(ctx context.Context, ref, platform string, pull bool, pulls func()) (image.InspectResponse, error) {
	img, err := e.api.ImageInspect(ctx, ref)
	if err == nil && !pull {
		return img, nil
	}
	if err != nil && !isGone(err) {
		return img, engineError("look at image "+ref, err)
	}
	pulls()
	if err := e.Pull(ctx, ref, platform); err != nil {
		return img, err
	}
	if img, err = e.api.ImageInspect(ctx, ref); err != nil {
		return img, engineError("look at image "+ref, err)
	}
	return img, nil
}

// matchesPlatform says whether an image is for a platform. One that is not is left to the builder, which finds
// the right one by itself, or says that there is none.
func matchesPlatform(img image.InspectResponse, platform string) bool {
	if platform == "" {
		return true
	}
	parts := strings.Split(platform, "/")
	return img.Os == parts[0] && (len(parts) < 2 || img.Architecture == parts[1])
}

// commitBaseWithCA makes the image. The container is never started.
func (e *Engine) commitBaseWithCA(ctx context.Context, base image.InspectResponse, tag string, ca []byte, labels map[string]string) error {
	c, err := e.api.ContainerCreate(ctx, &container.Config{Image: base.ID, Labels: labels, Cmd: commandOf(base), NetworkDisabled: true}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	defer e.api.ContainerRemove(context.WithoutCancel(ctx), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}) //nolint:errcheck // never started, and of no name
	files, err := e.trustFiles(ctx, c.ID, ca)
	if err != nil {
		return err
	}
	archive, err := e.archive(ctx, c.ID, files)
	if err != nil {
		return err
	}
	if err := e.api.CopyToContainer(ctx, c.ID, "/", archive, container.CopyToContainerOptions{}); err != nil {
		return err
	}
	config, err := trustConfig(base, labels)
	if err != nil {
		return err
	}
	_, err = e.api.ContainerCommit(ctx, c.ID, container.CommitOptions{Reference: tag, Comment: "sdev: base image with the extra CA of this machine", Config: config})
	return err
}

// commandOf is a command for images that have none: without one no container can be made.
func commandOf(img image.InspectResponse) []string {
	if img.Config != nil && len(img.Config.Entrypoint)+len(img.Config.Cmd) > 0 {
		return nil
	}
	return []string{"/bin/sh"}
}

// trustConfig is the base's configuration, which making a container and keeping it would lose parts
// of (ONBUILD), with the variables that name the bundle. Those that the base sets itself stay.
func trustConfig(base image.InspectResponse, labels map[string]string) (*container.Config, error) {
	b, err := json.Marshal(base.Config)
	if err != nil {
		return nil, err
	}
	config := &container.Config{}
	if err := json.Unmarshal(b, config); err != nil {
		return nil, err
	}
	set := envMap(config.Env)
	for _, name := range trustVariables() {
		if _, ok := set[name]; !ok {
			config.Env = append(config.Env, name+"="+trustFile)
		}
	}
	if config.Labels == nil {
		config.Labels = map[string]string{}
	}
	for k, v := range labels {
		config.Labels[k] = v
	}
	return config, nil
}
