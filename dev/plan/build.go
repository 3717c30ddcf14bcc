package plan

import (
	"cmp"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// BuildOf says how the build section of a service is carried out. tag is the reference that the image gets.
// The service must have a build section. Images of other services that it builds on are named by their
// references in the model.
func BuildOf(model *types.Project, s types.ServiceConfig, tag string) *Build {
	b := &Build{Service: s.Name, Tag: tag, Tags: s.Build.Tags, Context: s.Build.Context, Dockerfile: s.Build.Dockerfile, Inline: s.Build.DockerfileInline,
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
			from = "docker-image://" + ImageName(model.Name, model.Services[other])
		}
		b.Contexts[name] = from
	}
	return b
}
