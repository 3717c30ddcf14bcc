package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"runtime"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"

	"sdev/dev"
	"sdev/dev/plan"
)

// Image looks up an image by reference; found is false if the engine does not have it.
func (e *Engine) Image(ctx context.Context, ref string) (info plan.ImageInfo, found bool, err error) {
	img, err := e.api.ImageInspect(ctx, ref)
	if isGone(err) {
		return plan.ImageInfo{}, false, nil
	}
	if err != nil {
		return plan.ImageInfo{}, false, engineError("inspect image "+ref, err)
	}
	info = plan.ImageInfo{ID: img.ID, ForeignPlatform: e.foreignPlatform(ctx, img.Os, img.Architecture)}
	if img.Config != nil {
		info.Env = envMap(img.Config.Env)
		info.WorkingDir, info.User = img.Config.WorkingDir, img.Config.User
		info.Command = append(append([]string{}, img.Config.Entrypoint...), img.Config.Cmd...)
	}
	return info, true, nil
}

// foreignPlatform returns an image's platform if the engine's machine cannot run it without emulation.
func (e *Engine) foreignPlatform(ctx context.Context, system, architecture string) string {
	// An engine on this machine has this machine's architecture. Asking it would take longer than everything else in
	// an "up" without changes, so its answer counts only if it was asked already.
	if architecture == "" || strings.HasPrefix(e.endpoint.Host, "unix://") && architecture == runtime.GOARCH && !e.asked() {
		return ""
	}
	machine, err := e.Architecture(ctx)
	if err != nil || architecture == machine || compatible(architecture, machine) {
		return ""
	}
	return system + "/" + architecture
}

// asked reports whether the engine has told its version and platform.
func (e *Engine) asked() bool {
	e.machine.Lock()
	defer e.machine.Unlock()
	return e.told != nil
}

// compatible reports whether machines of one architecture run programs of another as well.
func compatible(architecture, machine string) bool {
	return architecture == "386" && machine == "amd64" || architecture == "arm" && machine == "arm64"
}

func envMap(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, kv := range list {
		k, v, _ := strings.Cut(kv, "=")
		env[k] = v
	}
	return env
}

// Pull gets an image from its registry, with the credentials that "docker login" stored. platform is "" for the
// engine's own.
func (e *Engine) Pull(ctx context.Context, ref, platform string) error {
	out, err := e.api.ImagePull(ctx, ref, image.PullOptions{RegistryAuth: registryLogin(ref), Platform: platform})
	if err != nil {
		return imageMissing(ref, err)
	}
	defer out.Close()
	decoder := json.NewDecoder(out)
	for {
		var m struct {
			Error string `json:"error"`
		}
		if err := decoder.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return imageMissing(ref, err)
		}
		if m.Error != "" {
			return imageMissing(ref, errorText(m.Error))
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

// registryLogin is the stored login for an image's registry, in the format of the engine's API; "" if none.
func registryLogin(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	host := reference.Domain(named)
	if host == "docker.io" {
		host = "https://index.docker.io/v1/"
	}
	auth, err := dockerLogins().GetAuthConfig(host)
	if err != nil || (auth.Username == "" && auth.IdentityToken == "" && auth.RegistryToken == "") {
		return ""
	}
	b, err := json.Marshal(registry.AuthConfig{Username: auth.Username, Password: auth.Password, ServerAddress: auth.ServerAddress, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken})
	if err != nil {
		return ""
	}
	return base64.URLEncoding.EncodeToString(b)
}

// ImageIdentity identifies an image that ships.
type ImageIdentity struct {
	ID             string
	Digest         string // digest in a registry; "" if no registry is known to have it
	Platform       string // "linux/amd64"
	Size           int64  // of its layers, unpacked, in bytes
	NeedsEmulation bool   // the engine's machine cannot run it natively
	Labels         map[string]string
}

// IdentifyImage identifies an image. A missing one is an error with dev.CodeImageMissing.
func (e *Engine) IdentifyImage(ctx context.Context, ref string) (ImageIdentity, error) {
	img, err := e.api.ImageInspect(ctx, ref)
	if isGone(err) {
		return ImageIdentity{}, imageNotFound(ref, err)
	}
	if err != nil {
		return ImageIdentity{}, engineError("inspect image "+ref, err)
	}
	s := ImageIdentity{ID: img.ID, Platform: img.Os + "/" + img.Architecture, Size: img.Size, NeedsEmulation: e.foreignPlatform(ctx, img.Os, img.Architecture) != ""}
	if img.Variant != "" {
		s.Platform += "/" + img.Variant
	}
	if img.Config != nil {
		s.Labels = img.Config.Labels
	}
	for _, name := range img.RepoDigests {
		_, s.Digest, _ = strings.Cut(name, "@")
	}
	return s, nil
}

// imageNotFound is the error for an image that the engine does not have.
func imageNotFound(ref string, err error) error {
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err, Message: "image " + ref + " is not on the container engine",
		Hint: "build or pull it (docker images lists local images), or pass a tarball of docker save"}
}
