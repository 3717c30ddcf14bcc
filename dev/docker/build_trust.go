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

// Copies of base images that trust the extra CA, for Dockerfiles that do not mention one. They are made without
// running anything, so that images without a shell work too: create a container, copy files into it, commit it.

const (
	// trustLabel is the label of these images, and of those built from them, with a hash of the bundle.
	trustLabel = "dev.sdev.ca"
	// trustBase is their label with the name of the base image.
	trustBase = "dev.sdev.ca-base"
	// trustName is their repository; the tag is a hash of base image and bundle.
	trustName = "sdev-ca"
	// trustFile is the path of the bundle in them. No package of a distribution writes there.
	trustFile = "/usr/local/share/sdev/ca.pem"
	// trustVersion is part of the tag. Change it together with the code that makes these images.
	trustVersion = "1"
)

// trustVariables are environment variables from which programs read the path of a CA bundle.
func trustVariables() []string {
	return []string{"AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "CONDA_SSL_VERIFY", "CURL_CA_BUNDLE", "DENO_CERT", "GIT_SSL_CAINFO", "MAMBA_SSL_VERIFY",
		"NIX_SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
}

// replacesBases reports whether the build starts from copies of its base images with the extra CA.
func (r *recipe) replacesBases() bool { return !r.Ships && r.lacksCA() }

// lacksCA reports whether there is an extra CA that the Dockerfile does not mention.
func (r *recipe) lacksCA() bool {
	return len(r.CA) > 0 && r.file != nil && !r.file.HasSecret("ca")
}

// baseWithCA returns a copy of a base image that trusts the extra CA; "" if the build uses the base image itself.
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
		emit(dev.Warning{Code: dev.CodeBuildCA, Message: fmt.Sprintf("%s is only available for %s/%s, so steps on it for %s do not trust this machine's extra CA", base.Ref, img.Os, img.Architecture, platform),
			Hint: "pull it for that platform: docker pull --platform " + platform + " " + base.Ref})
		return "", nil
	}
	sum := sha256.Sum256([]byte(trustVersion + "\x00" + img.ID + "\x00" + string(r.CA)))
	tag := trustName + ":" + hex.EncodeToString(sum[:12])
	if _, err := e.api.ImageInspect(ctx, tag); err == nil {
		return tag, nil
	} else if !isGone(err) {
		return "", engineError("inspect image "+tag, err)
	}
	emit(dev.BuildStep{Service: r.Service, Text: "add this machine's extra CA to " + base.Ref + ", for local builds only"})
	ca := sha256.Sum256(r.CA)
	labels := map[string]string{trustLabel: hex.EncodeToString(ca[:8]), trustBase: base.Ref}
	if err := e.commitBaseWithCA(ctx, img, tag, r.CA, labels); err != nil {
		return "", engineError("make a base image with the extra CA from "+base.Ref, err)
	}
	e.removeOlderBases(ctx, tag, labels)
	return tag, nil
}

// removeOlderBases removes earlier copies of the same base image with the same CA. The engine keeps those that
// are in use.
func (e *Engine) removeOlderBases(ctx context.Context, tag string, labels map[string]string) {
	same := filters.NewArgs(filters.Arg("reference", trustName))
	for k, v := range labels {
		same.Add("label", k+"="+v)
	}
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: same})
	if err != nil {
		return // best effort: it only frees disk space
	}
	for _, old := range list {
		for _, name := range old.RepoTags {
			if name != tag && strings.HasPrefix(name, trustName+":") {
				_, _ = e.api.ImageRemove(ctx, name, image.RemoveOptions{})
			}
		}
	}
}

// baseImage inspects a base image. If it has to pull the image first, it calls onPull before that.
func (e *Engine) baseImage(ctx context.Context, ref, platform string, pull bool, onPull func()) (image.InspectResponse, error) {
	img, err := e.api.ImageInspect(ctx, ref)
	if err == nil && !pull {
		return img, nil
	}
	if err != nil && !isGone(err) {
		return img, engineError("inspect image "+ref, err)
	}
	onPull()
	if err := e.Pull(ctx, ref, platform); err != nil {
		return img, err
	}
	if img, err = e.api.ImageInspect(ctx, ref); err != nil {
		return img, engineError("inspect image "+ref, err)
	}
	return img, nil
}

// matchesPlatform reports whether an image is for a platform. If it is not, the builder pulls the right image, or
// reports that there is none.
func matchesPlatform(img image.InspectResponse, platform string) bool {
	if platform == "" {
		return true
	}
	parts := strings.Split(platform, "/")
	return img.Os == parts[0] && (len(parts) < 2 || img.Architecture == parts[1])
}

// commitBaseWithCA creates the image from a container that it never starts.
func (e *Engine) commitBaseWithCA(ctx context.Context, base image.InspectResponse, tag string, ca []byte, labels map[string]string) error {
	c, err := e.api.ContainerCreate(ctx, &container.Config{Image: base.ID, Labels: labels, Cmd: commandOf(base), NetworkDisabled: true}, nil, nil, nil, "")
	if err != nil {
		return err
	}
	defer e.api.ContainerRemove(context.WithoutCancel(ctx), c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true}) //nolint:errcheck // never started, and without a name
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

// commandOf returns a command for an image that has none, because the engine creates no container without one; nil
// keeps the image's.
func commandOf(img image.InspectResponse) []string {
	if img.Config != nil && len(img.Config.Entrypoint)+len(img.Config.Cmd) > 0 {
		return nil
	}
	return []string{"/bin/sh"}
}

// trustConfig returns the configuration of the copy: that of the base image, parts of which a commit would lose
// (ONBUILD), and the variables that name the bundle. A variable that the base image sets keeps its value.
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
