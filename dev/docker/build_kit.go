package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net"
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

// buildKit builds with the engine's BuildKit. The session runs over the engine's own API (its /grpc
// and /session upgrades), so cache mounts and secrets work without the buildx plugin.
func (e *Engine) buildKit(ctx context.Context, r *recipe, emit func(dev.Event)) error {
	builder, err := bk.New(ctx, "",
		bk.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		bk.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return e.api.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return engineError("start a build", err)
	}
	defer builder.Close() //nolint:errcheck // nothing is lost with the connection
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
		emit(dev.BuildStep{Service: r.Service, Text: "the builder's cache names a layer that the engine has not any more: again, without the cache"})
		r.NoCache = true
		return e.buildKit(ctx, r, emit)
	}
	name, tail := steps.failure()
	return r.failed(err, name, tail)
}

// isLostLayer says that the cache of a BuildKit inside an engine is at odds with the engine's layers. That
// comes about when images are removed, or the cache is pruned, after a restart of the engine; every
// build that would use such a layer fails from then on, and works without the cache.
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
		// "moby" is the exporter of a BuildKit inside the engine: the result is an image of the engine's.
		Exports: []bk.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": strings.Join(append([]string{r.Tag}, r.Tags...), ",")}}},
	}
	if r.Network == "host" {
		opt.AllowedEntitlements = []string{entitlements.EntitlementNetworkHost.String()}
	}
	for _, from := range r.CacheFrom {
		opt.CacheImports = append(opt.CacheImports, cacheImport(from))
	}
	return opt, nil
}

// directory is the build context without what sdev keeps in projects, whatever .dockerignore says.
func (r *recipe) contextDir() (fsutil.FS, error) {
	all, err := fsutil.NewFS(r.Context)
	if err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: []string{"**/" + dev.StateDir}})
}

// sharedKey is what the builder keeps this context's files under, so that they are not mixed up with those
// of another project whose build runs at the same time or ran before.
func (r *recipe) sharedKey() string {
	host, err := os.Hostname()
	if err != nil {
		host = "" // one machine less to be told from
	}
	sum := sha256.Sum256([]byte(host + "\x00" + r.Context))
	return hex.EncodeToString(sum[:])
}

// dockerfileName is what the Dockerfile is called in the directory that the builder gets.
const dockerfileName = "Dockerfile"

// dockerfileDir is a directory with nothing but the Dockerfile. Builders keep what they have got and ask
// for what differs in time or size: a new time each build is what makes them ask.
func (r *recipe) dockerfileDir(now time.Time) fsutil.FS {
	dir := staticfs.NewFS()
	dir.Add(dockerfileName, &fstypes.Stat{Mode: 0o644, ModTime: now.UnixNano()}, r.content)
	if r.ignore != nil {
		dir.Add(dockerfileName+".dockerignore", &fstypes.Stat{Mode: 0o644, ModTime: now.UnixNano()}, r.ignore)
	}
	return exactFS{dir}
}

// exactFS is a directory in memory in which a path means itself and what is below it: by itself the
// directory would also give what only begins like it.
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

// attrs are the settings of the Dockerfile frontend.
// Source: moby/buildkit, frontend/dockerui/config.go and frontend/dockerfile/builder.
func (e *Engine) attrs(ctx context.Context, r *recipe) (map[string]string, error) {
	attrs := map[string]string{"filename": dockerfileName}
	if remote(r.Context) {
		attrs["context"] = r.Context
		if r.content == nil {
			attrs["filename"] = filepath.ToSlash(r.path())
		} else {
			attrs["dockerfilekey"] = "dockerfile" // not the one in the context
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

// hosts gives extra hosts as a builder takes them, "name=address". The word host-gateway stands for
// the engine's end of its usual network.
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

// attachments are what the builder may ask this side for while it builds.
func attachments(r *recipe) ([]session.Attachable, error) {
	out := []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{ConfigFile: dockerLogins()})}
	values := mergeLabels(r.SecretEnv, nil)
	for id, file := range r.Secrets {
		b, err := dev.ReadUpTo(file, secretsprovider.MaxSecretSize)
		if err != nil {
			return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build secret %s of service %s: %v", id, r.Service, err), Hint: "check the secrets of the build"}
		}
		values[id] = string(b)
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
			return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build.ssh of service %s: %v", r.Service, err), Hint: "name the key's file, or an agent's socket"}
		}
		agents = append(agents, sshprovider.AgentConfig{ID: id, Paths: slices.DeleteFunc(strings.Split(paths, ","), func(p string) bool { return p == "" })})
	}
	ssh, err := sshprovider.NewSSHAgentProvider(agents)
	if err != nil {
		return nil, &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitProject, Cause: err, Message: fmt.Sprintf("build.ssh of service %s: %v", r.Service, err),
			Hint: "start an SSH agent and add the key (ssh-add), or name the key's file"}
	}
	return append(out, ssh), nil
}

// checkKeyFiles looks at the files of keys, which are about to be read as a whole, and not at sockets of agents.
func checkKeyFiles(paths []string) error {
	for _, path := range paths {
		if st, err := os.Stat(path); err != nil || st.Mode()&fs.ModeSocket != 0 {
			continue
		}
		if _, err := dev.ReadFile(path); dev.IsUnfit(err) {
			return err
		}
	}
	return nil
}

// secretStore gives secrets by their ids. Files were read before: the library's own store waits for
// pipes.
type secretStore map[string]string

func (s secretStore) GetSecret(_ context.Context, id string) ([]byte, error) {
	if v, ok := s[id]; ok {
		return []byte(v), nil
	}
	return nil, fmt.Errorf("build secret %s: %w", id, secrets.ErrNotFound)
}

// cacheImport reads an entry of cache_from: an image, or "type=…,key=value".
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
