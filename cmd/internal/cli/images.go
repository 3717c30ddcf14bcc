package cli

import (
	"cmp"
	"context"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"golang.org/x/sync/errgroup"

	"sdev/dev/config"
	"sdev/dev/plan"
)

// imageSources says where the images of a project come from. The gateway's is made by sdev itself.
func imageSources(ctx context.Context, p *config.Project, effective *config.Effective, machine config.Machine) ([]plan.ImageSource, error) {
	copied, err := newLayout(p.Dir, effective.Sidecar.Rules, effective.Copies)
	if err != nil {
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
			if out[i].Input, err = config.BuildInput(ctx, p, s); err != nil || s.Name != p.App || len(effective.Copies) == 0 {
				return err
			}
			out[i].Rest, err = config.BuildInputWithout(ctx, p, s, func(path string) bool { return len(copied.Places(path)) > 0 })
			return err
		})
	}
	return out, group.Wait()
}

func imageSource(model *types.Project, s types.ServiceConfig, machine config.Machine) plan.ImageSource {
	img := plan.ImageSource{Service: s.Name, Ref: plan.ImageName(model.Name, s), Platform: s.Platform, Pull: plan.PullMissing}
	policy, every, _ := s.GetPullPolicy() // one that is wrong is refused when the compose file is read
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
		img.Build = asBuild(model, s, img.Ref)
		// What this machine needs to reach the world: for images that stay here.
		img.Build.CA, img.Build.Proxy = machine.CA.PEM, machine.Proxy
		for _, from := range s.Build.AdditionalContexts {
			if other, ok := strings.CutPrefix(from, types.ServicePrefix); ok {
				img.After = append(img.After, plan.ImageName(model.Name, model.Services[other]))
			}
		}
	}
	return img
}

// asBuild words a build section for a builder.
func asBuild(model *types.Project, s types.ServiceConfig, tag string) *plan.Build {
	b := &plan.Build{Service: s.Name, Tag: tag, Tags: s.Build.Tags, Context: s.Build.Context, Dockerfile: s.Build.Dockerfile, Inline: s.Build.DockerfileInline,
		Target: s.Build.Target, NoCache: s.Build.NoCache, Pull: s.Build.Pull, Platform: s.Platform, Network: s.Build.Network, CacheFrom: s.Build.CacheFrom,
		ExtraHosts: s.Build.ExtraHosts.AsList(":"), Labels: s.Build.Labels,
		Args: map[string]string{}, Secrets: map[string]string{}, SecretEnv: map[string]string{}, Contexts: map[string]string{}}
	for k, v := range s.Build.Args {
		if v != nil {
			b.Args[k] = *v
		}
	}
	for _, ref := range s.Build.Secrets {
		id := cmp.Or(ref.Target, ref.Source)
		if secret := model.Secrets[ref.Source]; secret.File != "" {
			b.Secrets[id] = secret.File
		} else {
			b.SecretEnv[id] = secret.Content
		}
	}
	for _, key := range s.Build.SSH {
		if key.Path == "" {
			b.SSH = append(b.SSH, key.ID)
		} else {
			b.SSH = append(b.SSH, key.ID+"="+key.Path)
		}
	}
	for name, from := range s.Build.AdditionalContexts {
		if other, ok := strings.CutPrefix(from, types.ServicePrefix); ok {
			from = "docker-image://" + plan.ImageName(model.Name, model.Services[other])
		}
		b.Contexts[name] = from
	}
	return b
}
