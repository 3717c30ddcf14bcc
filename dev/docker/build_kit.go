package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bk "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/session/secrets"
	"github.com/moby/buildkit/session/secrets/secretsprovider"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/moby/buildkit/util/entitlements"
	"github.com/moby/buildkit/util/staticfs"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"golang.org/x/sync/errgroup"

	"sdev/dev"
)

// buildKit builds with the engine's BuildKit. The session runs over the engine's own socket, so cache mounts and secrets
// work without the buildx plugin.
func (e *Engine) buildKit(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	builder, err := e.connectBuildKit(ctx)
	if err != nil {
		return err
	}
	defer builder.Close() //nolint:errcheck // closing cannot lose anything
	opt, err := e.solveOpt(ctx, r)
	if err != nil {
		return err
	}
	steps := newProgress(r.Service, r.displayNames(), emit)
	group, gctx := errgroup.WithContext(ctx)
	statuses := make(chan *bk.SolveStatus)
	group.Go(func() (err error) {
		if r.shipped() {
			_, err = builder.Build(gctx, opt, "", r.ship, statuses)
		} else {
			_, err = builder.Solve(gctx, nil, opt, statuses)
		}
		return err
	})
	group.Go(func() error {
		for s := range statuses {
			steps.update(s)
		}
		return nil
	})
	err = group.Wait()
	switch {
	case err == nil:
		return nil
	case !r.NoCache && ctx.Err() == nil && isLostLayer(err):
		emit(dev.BuildStep{Service: r.Service, Text: "the build cache refers to a layer that the engine has lost; building again without the cache"})
		r.NoCache = true
		return e.buildKit(ctx, r, emit)
	}
	name, tail := steps.failure(err)
	return r.failed(err, name, tail)
}

// isLostLayer reports whether the cache of the engine's BuildKit refers to a layer that the engine no longer has.
// This happens when images are removed, or the cache is pruned, after a restart of the engine. Every build that
// uses such a layer fails from then on, but works without the cache.
func isLostLayer(err error) bool { return strings.Contains(err.Error(), "layer does not exist") }

func (e *Engine) solveOpt(ctx context.Context, r *recipe) (bk.SolveOpt, error) {
	attached, err := attachments(r)
	if err != nil {
		return bk.SolveOpt{}, err
	}
	attrs, err := e.attrs(ctx, r)
	if err != nil {
		return bk.SolveOpt{}, err
	}
	mounts := map[string]fsutil.FS{}
	if r.content != nil {
		mounts["dockerfile"] = r.dockerfileDir(time.Now())
	}
	if !remote(r.Context) {
		if mounts["context"], err = r.contextDir(); err != nil {
			return bk.SolveOpt{}, r.unreadable(err)
		}
	}
	opt := bk.SolveOpt{
		Frontend: "dockerfile.v0", FrontendAttrs: attrs, LocalMounts: mounts, Session: attached, SharedKey: r.sharedKey(),
		// "moby" is the exporter of the engine's own BuildKit: it stores the result as an image of the engine.
		Exports: []bk.ExportEntry{{Type: "moby", Attrs: r.exportAttrs()}},
	}
	if r.Network == "host" {
		opt.AllowedEntitlements = []string{entitlements.EntitlementNetworkHost.String()}
	}
	for _, from := range r.CacheFrom {
		opt.CacheImports = append(opt.CacheImports, cacheImport(from))
	}
	return opt, nil
}

// exportAttrs names the image and says how an engine with the containerd image store compresses its layers; other engines
// ignore that. By default such an engine spends more time on gzip than pip on the packages. So an image that stays on this
// machine gets the fastest zstd, and one that ships gets gzip, which every registry and platform takes, also for layers
// that an earlier build has left compressed otherwise. The engine unpacks an image that ships when it is normalized, or
// first run, see normalizeTimestamps; BuildKit need not do it before. Source: BuildKit's README, "image output".
func (r *recipe) exportAttrs() map[string]string {
	attrs := map[string]string{"name": strings.Join(append([]string{r.Tag}, r.Tags...), ",")}
	if r.Ships {
		attrs["compression"], attrs["force-compression"], attrs["unpack"] = "gzip", "true", "false"
	} else {
		attrs["compression"], attrs["compression-level"] = "zstd", "1"
	}
	return attrs
}

// contextDir is the build context without sdev's state directory, whatever .dockerignore says.
func (r *recipe) contextDir() (fsutil.FS, error) {
	all, err := fsutil.NewFS(r.Context)
	if err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: []string{"**/" + dev.StateDir}})
}

// sharedKey is the key under which the builder caches this context's files, so that it does not confuse them
// with another project's.
func (r *recipe) sharedKey() string {
	host, err := os.Hostname()
	if err != nil {
		host = "" // then the path alone is the key
	}
	sum := sha256.Sum256([]byte(host + "\x00" + r.Context))
	return hex.EncodeToString(sum[:])
}

// dockerfileName is the Dockerfile's name in the directory for the builder.
const dockerfileName = "Dockerfile"

// dockerfileDir is a directory in memory with only the Dockerfile. Builders cache files and fetch those whose
// time or size differ: a new time for each build makes them fetch it.
func (r *recipe) dockerfileDir(now time.Time) fsutil.FS {
	dir := staticfs.NewFS()
	dir.Add(dockerfileName, &fstypes.Stat{Mode: 0o644, ModTime: now.UnixNano()}, r.content)
	if r.ignore != nil {
		dir.Add(dockerfileName+".dockerignore", &fstypes.Stat{Mode: 0o644, ModTime: now.UnixNano()}, r.ignore)
	}
	return exactFS{dir}
}

// exactFS is a directory in memory whose Walk visits a path and what is below it: staticfs would also visit
// other paths with the same prefix.
type exactFS struct{ *staticfs.FS }

func (e exactFS) Walk(ctx context.Context, target string, visit fs.WalkDirFunc) error {
	target = strings.Trim(target, "/")
	return e.FS.Walk(ctx, target, func(path string, d fs.DirEntry, err error) error {
		if target != "" && path != target && !strings.HasPrefix(path, target+"/") {
			return nil
		}
		return visit(path, d, err)
	})
}

// attrs are the options of the Dockerfile frontend.
// Source: moby/buildkit, frontend/dockerui/config.go and frontend/dockerfile/builder.
func (e *Engine) attrs(ctx context.Context, r *recipe) (map[string]string, error) {
	attrs := map[string]string{"filename": dockerfileName}
	if remote(r.Context) {
		attrs["context"] = r.Context
		if r.content == nil {
			attrs["filename"] = filepath.ToSlash(r.path())
		} else {
			attrs["dockerfilekey"] = "dockerfile" // the changed Dockerfile, not the one in the context
		}
	}
	for name, value := range map[string]string{"target": r.Target, "platform": r.Platform, "force-network-mode": r.Network} {
		if value != "" {
			attrs[name] = value
		}
	}
	if r.NoCache {
		attrs["no-cache"] = ""
	}
	if r.Pull && !r.replacesBases() {
		attrs["image-resolve-mode"] = "pull"
	}
	for k, v := range maps.All(r.Proxy) {
		attrs["build-arg:"+k] = v
	}
	for k, v := range maps.All(r.Args) {
		attrs["build-arg:"+k] = v
	}
	for k, v := range maps.All(r.Labels) {
		attrs["label:"+k] = v
	}
	hosts, err := e.hosts(ctx, r.ExtraHosts)
	if len(hosts) > 0 {
		attrs["add-hosts"] = strings.Join(hosts, ",")
	}
	return attrs, err
}

// hosts returns extra hosts in the builder's form, "name=address". It replaces host-gateway by the gateway of the
// engine's default network.
func (e *Engine) hosts(ctx context.Context, extra []string) ([]string, error) {
	var out []string
	for _, h := range extra {
		name, address, ok := strings.Cut(h, "=")
		if !ok {
			name, address, _ = strings.Cut(h, ":")
		}
		if address = strings.Trim(address, "[]"); address == "host-gateway" {
			gateway, err := e.hostGateway(ctx)
			if err != nil {
				return nil, err
			}
			address = gateway
		}
		out = append(out, name+"="+address)
	}
	return out, nil
}

// attachments are the services that the builder may use during a build: registry logins, secrets, SSH.
func attachments(r *recipe) ([]session.Attachable, error) {
	out := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{ConfigFile: dockerLogins()})}
	values, err := r.secrets()
	if err != nil {
		return nil, err
	}
	if r.Ships && r.lacksCA() {
		values[shipSecret] = string(r.CA)
	}
	out = append(out, secretsprovider.NewSecretProvider(secretStore(values)))
	if len(r.SSH) == 0 {
		return out, nil
	}
	var agents []sshprovider.AgentConfig
	for _, s := range r.SSH {
		id, paths, _ := strings.Cut(s, "=")
		if err := checkKeyFiles(strings.Split(paths, ",")); err != nil {
			return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build.ssh of service %s: %v", r.Service, err), Hint: "use the path of the key file, or of an agent's socket"}
		}
		agents = append(agents, sshprovider.AgentConfig{ID: id, Paths: slices.DeleteFunc(strings.Split(paths, ","), func(p string) bool { return p == "" })})
	}
	ssh, err := sshprovider.NewSSHAgentProvider(agents)
	if err != nil {
		return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build.ssh of service %s: %v", r.Service, err),
			Hint: "start an SSH agent and add the key (ssh-add), or use the path of the key file"}
	}
	return append(out, ssh), nil
}

// secrets returns the values of the build's secrets, by id.
func (r *recipe) secrets() (map[string]string, error) {
	values := mergeLabels(r.SecretEnv, nil)
	for id, file := range r.Secrets {
		b, err := dev.ReadUpTo(file, secretsprovider.MaxSecretSize)
		if err != nil {
			return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build secret %s of service %s: %v", id, r.Service, err), Hint: "check the secrets of the build"}
		}
		values[id] = string(b)
	}
	return values, nil
}

// checkKeyFiles checks that key files are regular files of a sensible size. It skips the sockets of SSH agents.
func checkKeyFiles(paths []string) error {
	for _, path := range paths {
		if st, err := os.Stat(path); err != nil || st.Mode()&fs.ModeSocket != 0 {
			continue
		}
		if _, err := dev.ReadFile(path); dev.IsUnsuitableFile(err) {
			return err
		}
	}
	return nil
}

// secretStore holds secrets by id. The library's own store reads the files itself and would block on pipes.
type secretStore map[string]string

func (s secretStore) GetSecret(_ context.Context, id string) ([]byte, error) {
	if v, ok := s[id]; ok {
		return []byte(v), nil
	}
	return nil, fmt.Errorf("build secret %s: %w", id, secrets.ErrNotFound)
}

// cacheImport parses an entry of cache_from: an image, or "type=…,key=value".
func cacheImport(from string) bk.CacheOptionsEntry {
	if !strings.Contains(from, "=") {
		return bk.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{"ref": from}}
	}
	entry := bk.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{}}
	for part := range strings.SplitSeq(from, ",") {
		if k, v, _ := strings.Cut(part, "="); k == "type" {
			entry.Type = v
		} else {
			entry.Attrs[k] = v
		}
	}
	return entry
}
