package config

import (
	"fmt"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// ReleaseService returns the service that describes the app when it is deployed, and why: the one without the
// suffix of a local variant ("streamlit" for "streamlit-local"), or else the app's own. If it has an image and
// no build, it is built as the app is.
//
// The service is as in the compose files, without anything that sdev adds for development.
func (p *Project) ReleaseService() (s types.ServiceConfig, why string) {
	app := p.Model.Services[p.App]
	for _, suffix := range localVariants() {
		name, ok := strings.CutSuffix(p.App, suffix)
		if !ok {
			continue
		}
		deployed, ok := p.Model.Services[name]
		if !ok {
			deployed, ok = p.Model.DisabledServices[name]
		}
		if !ok || !sameBuild(app.Build, deployed.Build) {
			continue
		}
		why = fmt.Sprintf("service %s is the deployed form of %s", name, p.App)
		if deployed.Build == nil {
			deployed.Build = app.Build
		}
		return deployed, why
	}
	return app, "it is the app's only service"
}

// sameBuild reports whether two services are built from the same directory, or the second has no build.
func sameBuild(app, other *types.BuildConfig) bool {
	return other == nil || app != nil && app.Context == other.Context
}
