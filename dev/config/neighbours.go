package config

// What the app's neighbours get: the same way out to company networks for their builds, and the
// gateway where they mean the app.

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

// neighbours changes the services around the app as little as it can.
func (o *overlay) neighbours() {
	for name, s := range o.out.Project.Services {
		if name == o.p.App || name == GatewayService {
			continue
		}
		if s.NetworkMode == types.ServicePrefix+o.p.App {
			// The app has no network of its own any more. Who joins it joins the gateway's.
			s.NetworkMode = types.ServicePrefix + GatewayService
			s.DependsOn = maps.Clone(s.DependsOn)
			s.DependsOn[GatewayService] = types.ServiceDependency{Condition: types.ServiceConditionStarted, Required: true}
			o.out.Notes = append(o.out.Notes, Note{[]string{"services", name, "network_mode"}, "sdev: the app's network is the gateway's"})
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

// buildWithCA hands a build this machine's extra certificate authority, as a secret that stays out
// of the image, unless the compose file hands one in itself.
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

// checkMounts warns of files that are mounted by themselves: most editors save a new file in place of
// the old one, and the container keeps the old one (moby/moby#15793).
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
				continue // of the machine, such as /etc/localtime: nobody edits it here
			}
			file, line := p.sources.locate("services", name, "volumes", strconv.Itoa(i))
			warnings = append(warnings, dev.Warning{Code: dev.CodeMountStale,
				Message: fmt.Sprintf("%s:%d: service %s mounts the file %s by itself, and goes on seeing the old one after most editors save it", file, line, name, display(p.Dir, v.Source)),
				Hint:    "mount the directory that it is in"})
		}
	}
	return warnings
}

// maxMounted bounds a file that is handed to the engine as a whole.
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
