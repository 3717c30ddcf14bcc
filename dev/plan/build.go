package plan

import (
	"cmp"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// Build describes how to build one image.
type Build struct {
	Service    string // the service whose image it is
	Tag        string // reference of the built image
	Tags       []string
	Context    string // absolute directory, or the address of a remote context
	Dockerfile string // relative to Context, or absolute
	Inline     string // the content of a Dockerfile, in place of Dockerfile
	Ignore     []byte // with Inline: content of a .dockerignore for it; nil leaves the one of the context
	Target     string
	Args       map[string]string
	Labels     map[string]string
	Secrets    map[string]string // id → absolute file
	SecretEnv  map[string]string // id → value
	SSH        []string          // agents and keys, as "docker build --ssh" takes them: "default", "ID=PATH"
	Contexts   map[string]string // named contexts: absolute directory, docker-image://REF, or an address
	ExtraHosts []string          // "name:address"
	Network    string            // of RUN steps: "", "none" or "host"
	CacheFrom  []string
	NoCache    bool
	Continue   bool   // start the stage [dev.StagePrevious] from the last image of this name, if only its files differ
	Pull       bool   // ask the registry for newer base images
	Platform   string // os/arch[/variant]; "" means the engine's own

	// CA is a PEM bundle that RUN steps trust, for a Dockerfile that does not ask for it; empty adds none. Proxy is
	// environment for RUN steps only.
	CA    []byte
	Proxy map[string]string

	// Ships means that the image leaves this machine. Then sdev reads the Dockerfile itself, instead of the engine,
	// and changes nothing in it. CA and Proxy exist only while commands run: no layer, variable or history entry
	// contains them. Epoch, unless zero, is the timestamp of the image and of its history.
	Ships bool
	Epoch time.Time
}

// BuildOf reads the build section of a service, which must have one. tag is the reference of the result. If the
// build uses images of other services, their references come from the model.
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
