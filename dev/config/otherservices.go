package config

// The other services: their builds get the extra CA, and references to the app lead to the gateway.

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// otherServices changes the services besides the app as little as possible.
func (o *overlay) otherServices() {
	for name, s := range o.out.Project.Services {
		if name == o.p.App || name == GatewayService {
			continue
		}
		if s.NetworkMode == types.ServicePrefix+o.p.App {
			// The gateway owns the app's network.
			s.NetworkMode = types.ServicePrefix + GatewayService
			s.DependsOn = maps.Clone(s.DependsOn)
			s.DependsOn[GatewayService] = types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
			o.out.Notes = append(o.out.Notes, Note{[]string{"services", name, "network_mode"}, "sdev: the gateway owns the app's network"})
		}
		s.Links = slices.Clone(s.Links)
		for i, link := range s.Links {
			if service, alias, _ := strings.Cut(link, ":"); service == o.p.App {
				s.Links[i] = GatewayService + ":" + cmp.Or(alias, service)
			}
		}
		if s.Build != nil {
			build := *s.Build
			o.buildWithCA(&build, name)
			s.Build = &build
		}
		o.out.Project.Services[name] = s
	}
}

// buildWithCA passes this machine's extra CA to a build, as a secret that the image does not contain, unless
// the compose file passes one itself.
func (o *overlay) buildWithCA(b *types.BuildConfig, service string) {
	ca := o.parts.Machine.CA
	if ca.File == "" || slices.ContainsFunc(b.Secrets, func(s types.ServiceSecretConfig) bool { return s.Source == "ca" || s.Target == "ca" }) {
		return
	}
	b.Secrets = append(slices.Clone(b.Secrets), types.ServiceSecretConfig{Source: "sdev-ca", Target: "ca"})
	secrets := maps.Clone(o.out.Project.Secrets)
	if secrets == nil {
		secrets = types.Secrets{}
	}
	secrets["sdev-ca"] = types.SecretConfig{Name: "sdev-ca", File: ca.File}
	o.out.Project.Secrets = secrets
	o.out.Notes = append(o.out.Notes, Note{[]string{"services", service, "build", "secrets"}, "the extra CA of this machine (" + ca.Origin + "), as secret id \"ca\"; it stays out of the image"})
}

// checkMounts warns of mounts of single files: most editors replace a file on save, and the container keeps the
// old one (moby/moby#15793).
func checkMounts(p *Project) []dev.Warning {
	var warnings []dev.Warning
	for _, name := range p.Model.ServiceNames() {
		for i, v := range p.Model.Services[name].Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if st, err := os.Stat(v.Source); err != nil || !st.Mode().IsRegular() {
				continue
			}
			if _, inside := p.relative(v.Source); !inside {
				continue // a file of the system such as /etc/localtime, which nobody edits
			}
			file, line := p.sources.locate("services", name, "volumes", strconv.Itoa(i))
			warnings = append(warnings, dev.Warning{Code: dev.CodeMountStale,
				Message: fmt.Sprintf("%s:%d: service %s mounts the single file %s, but most editors replace a file on save, and the container keeps the old one", file, line, name, display(p.Dir, v.Source)),
				Hint:    "mount its directory instead"})
		}
	}
	return warnings
}

// maxMounted limits the size of a file for a secret or config.
const maxMounted = 512 << 20

// ReadFiles reads the files that the services' secrets and configs name, by path.
func (e *Effective) ReadFiles() (map[string][]byte, error) {
	out := map[string][]byte{}
	read := func(kind, name, path string) error {
		if path == "" || out[path] != nil {
			return nil
		}
		b, err := dev.ReadUpTo(path, maxMounted)
		if err != nil {
			file, line := e.sources.locate(kind, name)
			return bad(dev.CodeProjectInvalid, file, line, fmt.Sprintf("%s.%s cannot be read: %v", kind, name, err), "create the file, or correct its path")
		}
		out[path] = b
		return nil
	}
	for _, name := range e.Project.ServiceNames() {
		s := e.Project.Services[name]
		for _, ref := range s.Configs {
			if err := read("configs", ref.Source, e.Project.Configs[ref.Source].File); err != nil {
				return nil, err
			}
		}
		for _, ref := range s.Secrets {
			if err := read("secrets", ref.Source, e.Project.Secrets[ref.Source].File); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
