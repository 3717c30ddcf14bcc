package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// checkProfiles refuses a profile that was asked for by flag and that no service has: Compose starts
// less than was meant then, without a word. COMPOSE_PROFILES is not checked, since it may be meant
// for several projects.
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

// inactiveApp is the error for a project whose Streamlit app is plain to see, but belongs to a profile
// that is not active; nil if it is another case.
func inactiveApp(p *Project) error {
	for _, name := range slices.Sorted(maps.Keys(p.Model.DisabledServices)) {
		s := p.Model.DisabledServices[name]
		if len(s.Profiles) == 0 || !looksLikeStreamlit(s) {
			continue
		}
		file, line := p.sources.locate("services", name, "profiles")
		return bad(dev.CodeAppMissing, file, line, fmt.Sprintf("service %s looks like the Streamlit app, but its profile %s is not active", name, s.Profiles[0]),
			"add --profile "+s.Profiles[0]+", or set another app in the compose file: x-sdev: {app: NAME}")
	}
	return nil
}
