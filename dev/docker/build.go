package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	dockerconfig "github.com/docker/cli/cli/config"
	bk "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"

	"sdev/dev"
	"sdev/dev/plan"
)

// Build builds an image with the engine's BuildKit, reporting steps as they happen, and gives the
// image's id. The session runs over the engine's own API (its /grpc and /session upgrades), so
// cache mounts and secrets work without the buildx plugin. A step that fails is an error that ends
// with what the step printed. Cancelling ctx stops the build.
func (e *Engine) Build(ctx context.Context, b plan.Build, emit func(dev.Event)) (string, error) {
	start := time.Now()
	builder, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		bk.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return "", refused("start a build", err)
	}
	defer builder.Close() //nolint:errcheck // nothing is lost with the connection
	opt, err := solveOpt(b)
	if err != nil {
		return "", err
	}
	progress := newProgress(b.Service, emit)
	group, gctx := errgroup.WithContext(ctx)
	statuses := make(chan *bk.SolveStatus)
	group.Go(func() error {
		_, err := builder.Solve(gctx, nil, opt, statuses)
		return err
	})
	group.Go(func() error {
		for s := range statuses {
			progress.update(s)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", failed(b, err, progress)
	}
	image, err := e.api.ImageInspect(ctx, b.Tag)
	if err != nil {
		return "", refused("find the image just built", err)
	}
	emit(dev.BuildDone{Service: b.Service, Image: b.Tag, MS: time.Since(start).Milliseconds()})
	return image.ID, nil
}

func solveOpt(b plan.Build) (bk.SolveOpt, error) {
	dockerfile := b.Dockerfile
	if !filepath.IsAbs(dockerfile) {
		dockerfile = filepath.Join(b.Context, dockerfile)
	}
	if _, err := os.Stat(dockerfile); err != nil {
		return bk.SolveOpt{}, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
			Message: fmt.Sprintf("service %s is built from %s, which cannot be read: %v", b.Service, dockerfile, errors.Unwrap(err)),
			Hint:    "correct build.context and build.dockerfile in the compose file"}
	}
	contextFS, err := fsutil.NewFS(b.Context)
	if err != nil {
		return bk.SolveOpt{}, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err,
			Message: fmt.Sprintf("the build context of service %s cannot be read: %v", b.Service, err), Hint: "correct build.context in the compose file"}
	}
	dockerfileFS, err := fsutil.NewFS(filepath.Dir(dockerfile))
	if err != nil {
		return bk.SolveOpt{}, refused("read the Dockerfile's folder", err)
	}
	var files []secretsprovider.Source
	for id, file := range b.Secrets {
		files = append(files, secretsprovider.Source{ID: id, FilePath: file})
	}
	store, err := secretsprovider.NewStore(files)
	if err != nil {
		return bk.SolveOpt{}, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: "build secret: " + err.Error(), Hint: "check the secrets of the build"}
	}
	return bk.SolveOpt{
		Frontend:      "dockerfile.v0",
		FrontendAttrs: attrs(b, filepath.Base(dockerfile)),
		LocalMounts:   map[string]fsutil.FS{"context": contextFS, "dockerfile": dockerfileFS},
		// "moby" is the exporter of a BuildKit inside the engine: the result is an image of the engine's.
		Exports: []bk.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": b.Tag}}},
		Session: []session.Attachable{
			secretsprovider.NewSecretProvider(store),
			authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{ConfigFile: dockerconfig.LoadDefaultConfigFile(io.Discard)}),
		},
	}, nil
}

func attrs(b plan.Build, dockerfile string) map[string]string {
	attrs := map[string]string{"filename": dockerfile}
	if b.Target != "" {
		attrs["target"] = b.Target
	}
	if b.NoCache {
		attrs["no-cache"] = ""
	}
	if b.Platform != "" {
		attrs["platform"] = b.Platform
	}
	for k, v := range maps.All(b.Args) {
		attrs["build-arg:"+k] = v
	}
	for k, v := range maps.All(b.Labels) {
		attrs["label:"+k] = v
	}
	return attrs
}

// failed words a failed build: which step, and the end of what it printed.
func failed(b plan.Build, err error, p *progress) error {
	name, tail := p.failure()
	if _, ref, ok := strings.Cut(name, "load metadata for "); ok {
		ref = strings.TrimPrefix(ref, "docker.io/library/")
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err,
			Message: fmt.Sprintf("base image %s of service %s is not here and cannot be pulled: %s", ref, b.Service, reason(err)),
			Hint:    "check its name in the Dockerfile, your network and your registry login (docker login)"}
	}
	e := &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("the image of service %s does not build: %s", b.Service, reason(err)),
		Hint: "mend the Dockerfile or what the step names, then run it again"}
	if m := parseError.FindStringSubmatch(err.Error()); m != nil {
		e.File, e.Message = b.Dockerfile, m[2]
		e.Line, _ = strconv.Atoi(m[1])
	} else if name != "" {
		e.Message = fmt.Sprintf("the image of service %s does not build: step %s", b.Service, name)
		if len(tail) > 0 {
			e.Message += "\n  " + strings.Join(tail, "\n  ")
		}
	}
	return e
}

// parseError is how the Dockerfile frontend says where it stopped reading.
var parseError = regexp.MustCompile(`(?s)dockerfile parse error (?:on )?line (\d+): ([^\n]*)`)

// reason is the innermost of the layers that BuildKit wraps an error in.
func reason(err error) string {
	text := firstLine(err.Error())
	for _, layer := range []string{"failed to solve: ", "failed to solve with frontend dockerfile.v0: ", "failed to create LLB definition: "} {
		text = strings.TrimPrefix(text, layer)
	}
	return text
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
