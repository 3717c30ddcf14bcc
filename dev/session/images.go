package session

import (
	"context"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"sdev/dev/config"
	"sdev/dev/plan"
)

// imageSources returns how to get the image of each service of a project, except the gateway's, which sdev makes
// itself.
func imageSources(ctx context.Context, p *config.Project, effective *config.Effective, machine config.Machine) ([]plan.ImageSource, error) {
	if err := p.CheckImages(); err != nil {
		return nil, err
	}
	var out []plan.ImageSource
	for _, name := range effective.Project.ServiceNames() {
		if s := effective.Project.Services[name]; name != config.GatewayService && s.GetScale() > 0 {
			img := imageSource(effective.Project, s, machine)
			img.Assumed = name == p.App && p.BuildAssumed
			out = append(out, img)
		}
	}
	var group errgroup.Group
	for i := range out {
		s := effective.Project.Services[out[i].Service]
		if s.Build == nil {
			continue
		}
		group.Go(func() (err error) {
			copies, rules := copiesInto(effective, s.Name)
			if out[i].Input, err = config.BuildInput(ctx, p, s); err != nil || len(copies) == 0 {
				return err
			}
			layout, err := newLayout(p.Dir, rules, copies)
			if err != nil {
				return err
			}
			out[i].Rest, err = config.BuildInputWithout(ctx, p, s, func(path string) bool { return len(layout.Places(path)) > 0 })
			return err
		})
	}
	return out, group.Wait()
}

func imageSource(model *types.Project, s types.ServiceConfig, machine config.Machine) plan.ImageSource {
	img := plan.ImageSource{Service: s.Name, Ref: plan.ImageName(model.Name, s), Platform: s.Platform, Pull: plan.PullMissing}
	policy, every, _ := s.GetPullPolicy() // config.Load has refused invalid ones
	switch policy {
	case types.PullPolicyAlways:
		img.Pull = plan.PullAlways
	case types.PullPolicyNever:
		img.Pull = plan.PullNever
	case types.PullPolicyBuild:
		img.Pull = plan.PullBuild
	case types.PullPolicyRefresh:
		img.Pull, img.Every = plan.PullEvery, every
	}
	if s.Build != nil {
		img.Build = plan.BuildOf(model, s, img.Ref)
		// This machine's CA and proxy, for images that stay on it.
		img.Build.CA, img.Build.Proxy = machine.CA.PEM, machine.Proxy
		for _, from := range s.Build.AdditionalContexts {
			if other, ok := strings.CutPrefix(from, types.ServicePrefix); ok {
				img.After = append(img.After, plan.ImageName(model.Name, model.Services[other]))
			}
		}
	}
	return img
}
