package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// checkValues refuses unsupported values of supported keys.
func checkValues(p *Project) error {
	for _, name := range p.Model.ServiceNames() {
		s := p.Model.Services[name]
		about, path := unsupportedValue(s)
		if about == "" && s.GetScale() == 0 && name == p.App {
			about, path = "the app needs one container", scalePath(s)
		}
		if about != "" {
			return p.sources.refuse(append([]string{"services", name}, path...), about)
		}
		if err := p.checkContexts(name, nil); err != nil {
			return err
		}
	}
	return nil
}

// checkContexts refuses builds that depend, directly or not, on their own image.
func (p *Project) checkContexts(name string, above []string) error {
	s := p.Model.Services[name]
	if s.Build == nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(s.Build.AdditionalContexts)) {
		other, ok := strings.CutPrefix(s.Build.AdditionalContexts[key], types.ServicePrefix)
		if !ok {
			continue
		}
		if other == name || slices.Contains(above, other) {
			file, line := p.sources.locate("services", name, "build", "additional_contexts", key)
			return bad(dev.CodeComposeInvalid, file, line, fmt.Sprintf("services %s and %s are built from each other's images", name, other), "remove one of the two")
		}
		if err := p.checkContexts(other, append(slices.Clone(above), name)); err != nil {
			return err
		}
	}
	return nil
}

// unsupportedValue returns the first unsupported value of a service, and why; "" if there is none.
func unsupportedValue(s types.ServiceConfig) (about string, path []string) {
	if n := s.GetScale(); n > 1 {
		return fmt.Sprintf("sdev runs one container per service, not %d", n), scalePath(s)
	}
	if s.Deploy != nil && strings.HasSuffix(s.Deploy.Mode, "-job") {
		return "mode " + s.Deploy.Mode, []string{"deploy", "mode"}
	}
	if _, _, err := s.GetPullPolicy(); err != nil {
		return err.Error(), []string{"pull_policy"}
	}
	for i, v := range s.Volumes {
		if v.Type == types.VolumeTypeCluster || v.Type == types.VolumeTypeNamedPipe {
			return "type " + v.Type, []string{"volumes", strconv.Itoa(i)}
		}
	}
	const owner = "uid and gid must be numbers"
	for i, ref := range s.Secrets {
		if !isNumber(ref.UID) || !isNumber(ref.GID) {
			return owner, []string{"secrets", strconv.Itoa(i)}
		}
	}
	for i, ref := range s.Configs {
		if !isNumber(ref.UID) || !isNumber(ref.GID) {
			return owner, []string{"configs", strconv.Itoa(i)}
		}
	}
	return "", nil
}

func scalePath(s types.ServiceConfig) []string {
	if s.Scale == nil {
		return []string{"deploy", "replicas"}
	}
	return []string{"scale"}
}

func isNumber(id string) bool {
	_, err := strconv.Atoi(id)
	return id == "" || err == nil
}
