package config

import (
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Ships gives the service as which the app leaves this machine, and how that was found out: the one
// that the app's service is the local twin of ("streamlit" beside "streamlit-local"), or the app's own
// where it has no twin. A twin that names an image and no build is built as the app is.
//
// It is as the compose files have it, with nothing of what sdev adds for development.
func (p *Project) Ships() (s types.ServiceConfig, why string) {
	app := p.Model.Services[p.App]
	for _, suffix := range []string{"-local", "_local", "-dev", "_dev", "-development"} {
		name, ok := strings.CutSuffix(p.App, suffix)
		if !ok {
			continue
		}
		twin, ok := p.Model.Services[name]
		if !ok {
			twin, ok = p.Model.DisabledServices[name]
		}
		if !ok || !sameBuild(app.Build, twin.Build) {
			continue
		}
		why = fmt.Sprintf("service %s is %s where it is not local", name, p.App)
		if twin.Build == nil {
			twin.Build = app.Build
		}
		return twin, why
	}
	return app, "it is the app's only service"
}

// sameBuild says whether two services are built from one directory, or the second says nothing of it.
func sameBuild(app, other *types.BuildConfig) bool {
	return other == nil || app != nil && app.Context == other.Context
}
