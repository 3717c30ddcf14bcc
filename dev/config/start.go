package config

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Start is how the container of a service starts, as the compose files say. Paths of the project are relative to it, with
// slashes; those outside of it begin with "..".
type Start struct {
	Service    string
	Image      string
	Entrypoint []string // nil: the image's
	Command    []string // nil: the image's, unless there is an Entrypoint
	Workdir    string   // "": the image's
	Env        map[string]string
	Ports      []int // of the container

	Context    string // of the build; "": it is not built from a directory
	Dockerfile string // relative to Context
	Inline     string // the text of a Dockerfile in the compose file; "": there is a file
	Target     string
	Mounts     []dev.Mount // of the project's directories

	File        string // the compose file
	Line        int    // of the service
	CommandLine int    // of its command; that of the service if it has none
}

// Start returns how a service starts.
func (p *Project) Start(service string) Start {
	s := p.Model.Services[service]
	out := Start{Service: service, Image: s.Image, Entrypoint: s.Entrypoint, Command: s.Command, Workdir: s.WorkingDir, Env: map[string]string{}, Mounts: sourceMounts(p, s)}
	out.File, out.Line = p.sources.locate("services", service)
	out.CommandLine = out.Line
	for _, key := range []string{"command", "entrypoint"} {
		if file, line := p.sources.locateExactly("services", service, key); file == out.File {
			out.CommandLine = line
			break
		}
	}
	for name, value := range s.Environment {
		if value != nil {
			out.Env[name] = *value
		}
	}
	for _, port := range s.Ports {
		out.Ports = append(out.Ports, int(port.Target))
	}
	build := s.Build
	if build == nil {
		build, _ = p.sharedBuild(s)
	}
	if build == nil || strings.Contains(build.Context, "://") || strings.HasPrefix(build.Context, "git@") {
		return out
	}
	rel, err := filepath.Rel(p.Dir, build.Context)
	if err != nil {
		return out
	}
	out.Context, out.Dockerfile, out.Inline, out.Target = filepath.ToSlash(rel), filepath.ToSlash(cmp.Or(build.Dockerfile, "Dockerfile")), build.DockerfileInline, build.Target
	if filepath.IsAbs(build.Dockerfile) {
		if rel, err := filepath.Rel(build.Context, build.Dockerfile); err == nil {
			out.Dockerfile = filepath.ToSlash(rel)
		}
	}
	return out
}

// sharedBuild returns the build of the service that builds the image of another one, which has only its name; nil if none
// does.
func (p *Project) sharedBuild(s types.ServiceConfig) (build *types.BuildConfig, of string) {
	if s.Image == "" {
		return nil, ""
	}
	for _, name := range p.Model.ServiceNames() {
		if other := p.Model.Services[name]; other.Build != nil && other.Image == s.Image {
			return other.Build, name
		}
	}
	return nil, ""
}
