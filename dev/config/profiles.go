package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// checkProfiles refuses a profile of a flag that no service has: Compose would silently start less than intended.
// It does not check COMPOSE_PROFILES, which may be set for several projects.
func checkProfiles(model *types.Project, wanted []string) error {
	known := map[string]bool{"*": true} // Compose's word for all of them
	for _, services := range []types.Services{model.Services, model.DisabledServices} {
		for _, s := range services {
			for _, name := range s.Profiles {
				known[name] = true
			}
		}
	}
	for _, name := range wanted {
		if known[name] {
			continue
		}
		delete(known, "*")
		hint := "no service has a profile: remove --profile"
		if len(known) > 0 {
			hint = "profiles: " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		}
		return bad(dev.CodeComposeInvalid, "", 0, fmt.Sprintf("no service has the profile %q", name), hint)
	}
	return nil
}

// inactiveApp is the error for a project whose Streamlit app has an inactive profile; nil in other cases.
func inactiveApp(p *Project) error {
	for _, name := range slices.Sorted(maps.Keys(p.Model.DisabledServices)) {
		s := p.Model.DisabledServices[name]
		if len(s.Profiles) == 0 || !looksLikeStreamlit(s) {
			continue
		}
		file, line := p.sources.locate("services", name, "profiles")
		return bad(dev.CodeAppMissing, file, line, fmt.Sprintf("service %s looks like the Streamlit app, but its profile %s is not active", name, s.Profiles[0]),
			"add --profile "+s.Profiles[0]+", or name another app: --app NAME")
	}
	return nil
}
