package docker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/client"

	"sdev/dev"
)

// Podman's builder, Buildah.
//
// It has the API of Docker's classic builder and most features of BuildKit: mounts, secrets, heredocs. Docker's client
// cannot ask for those, so sendPodman makes the request itself.
// Source: containers/podman, pkg/api/handlers/compat/images_build.go.

// checkPodman refuses a build that needs what podman's API cannot pass to its builder.
func (r *recipe) checkPodman() error {
	if err := r.checkShippedCA("podman", `let the Dockerfile use the build secret "ca"`); err != nil {
		return err
	}
	refuse := func(line int, what string) error {
		return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, File: r.dockerfilePath(), Line: line,
			Message: what + " of service " + r.Service + " does not work with podman: its API has no way to do that",
			Hint:    "build with Docker (DOCKER_HOST or a Docker context chooses the engine), or do without it"}
	}
	ssh := 0
	if r.file != nil {
		ssh = r.file.Mounts()["ssh"]
	}
	switch {
	case len(r.SSH) > 0 || ssh > 0:
		return refuse(ssh, "build.ssh")
	case remote(r.Context):
		return refuse(0, "the build context "+withoutPassword(r.Context))
	}
	return nil
}

// sendPodman starts a build with podman's builder and returns the builder's output. body is the build context, with the
// secrets as pack names them: podman moves these files out of it before the build.
func (e *Engine) sendPodman(ctx context.Context, r *recipe, o build.ImageBuildOptions, body io.Reader, secrets map[string]string) (io.ReadCloser, error) {
	address, err := client.ParseHostURL(e.api.DaemonHost())
	if err != nil {
		return nil, err
	}
	query, err := podmanQuery(o, secrets)
	if err != nil {
		return nil, err
	}
	if r.Ships && !r.Epoch.IsZero() { // for image, history and files, so that two builds of a commit give one digest
		query.Set("timestamp", strconv.FormatInt(r.Epoch.Unix(), 10))
	}
	target := url.URL{Scheme: "http", Host: address.Host, Path: address.Path + "/v" + e.api.ClientVersion() + "/build", RawQuery: query.Encode()}
	if e.tls != nil {
		target.Scheme = "https"
	}
	if address.Scheme == "unix" || address.Scheme == "npipe" {
		target.Host, target.Path = client.DummyHost, "/v"+e.api.ClientVersion()+"/build"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), body)
	if err != nil {
		return nil, err
	}
	logins, err := json.Marshal(o.AuthConfigs)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-tar")
	request.Header.Set("X-Registry-Config", base64.URLEncoding.EncodeToString(logins))
	response, err := e.api.HTTPClient().Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		return nil, podmanError(response)
	}
	return response.Body, nil
}

// podmanError reads the error with which podman refuses a build.
func podmanError(response *http.Response) error {
	var answer struct {
		Message string `json:"message"`
	}
	const longest = 1 << 20 // bytes
	if err := json.NewDecoder(io.LimitReader(response.Body, longest)).Decode(&answer); err != nil || answer.Message == "" {
		return errors.New("podman answered " + response.Status)
	}
	return errors.New(answer.Message)
}

// podmanQuery is the query of a build. Unlike Docker's, podman's API takes lists as JSON, the network as a policy and a
// namespace, and the secrets. It gets no cache_from: podman would look in the registry for repositories of its own kind.
func podmanQuery(o build.ImageBuildOptions, secrets map[string]string) (url.Values, error) {
	query := url.Values{"t": o.Tags, "dockerfile": {o.Dockerfile}, "rm": {"1"}, "forcerm": {"1"}, "layers": {"1"}, "identitylabel": {"0"}}
	for name, value := range map[string]string{"target": o.Target, "platform": o.Platform} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, set := range map[string]bool{"nocache": o.NoCache, "pull": o.PullParent} {
		if set {
			query.Set(name, "1")
		}
	}
	files := []string{}
	for i, id := range slices.Sorted(maps.Keys(secrets)) {
		files = append(files, fmt.Sprintf("id=%s,src=%s", id, secretFile(i)))
	}
	parameters := map[string]any{"buildargs": o.BuildArgs, "labels": o.Labels, "extrahosts": slices.Concat([]string{}, o.ExtraHosts), "secrets": files}
	// A namespace with neither host nor path is one of the step's own; podman's default is the host's.
	type namespace struct{ Name, Path string }
	switch o.NetworkMode {
	case "", "default", "host":
	case "none":
		query.Set("networkmode", "NetworkDisabled")
		parameters["nsoptions"] = []namespace{{Name: "network"}}
	default:
		query.Set("networkmode", "NetworkEnabled")
		parameters["nsoptions"] = []namespace{{Name: "network", Path: o.NetworkMode}}
	}
	for name, value := range parameters {
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		query.Set(name, string(encoded))
	}
	return query, nil
}

// secretFile is the name in a build context of the secret with a number in the order of their ids.
func secretFile(number int) string { return packedName + ".secret" + strconv.Itoa(number) }
