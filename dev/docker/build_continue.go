package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strconv"

	"sdev/dev"
)

// Builds that continue from the image of the last one.
//
// Most of a build that a changed list of packages requires is spent on packages that have not changed: they are
// copied, compiled and hashed into a new layer. A Dockerfile with a stage named [dev.StagePrevious] declares that its
// later instructions lead to the same result from any image that they have made: they install exactly what is listed
// and remove the rest. For such a Dockerfile sdev replaces the stage by the last image, which then gets one small layer
// on top. The text of the Dockerfile, its settings and the images that it starts from must be those of the last build;
// anything else leads to a full build.

const (
	// recipeLabel is the label of such an image with the fingerprint of everything but the context.
	recipeLabel = "dev.sdev.recipe"
	// depthLabel is the label with the number of builds since the last full one.
	depthLabel = "dev.sdev.continued"
	// maxContinued limits that number: each build adds layers, of which an image can have 127, and the files that it
	// replaced stay in the layers below.
	maxContinued = 10
)

// continueFrom labels the image, and returns the line of the FROM to replace and the image to start from; 0 for a
// full build.
func (e *Engine) continueFrom(ctx context.Context, r *recipe, bases []string) (line int, image string) {
	if r.Ships {
		return 0, ""
	}
	if line = r.file.StageLine(dev.StagePrevious); line == 0 {
		return 0, ""
	}
	fingerprint := r.fingerprint(e.identities(ctx, bases))
	depth := 0
	if r.Continue && !r.NoCache && !r.Pull {
		last, err := e.api.ImageInspect(ctx, r.Tag)
		if err == nil && last.Config != nil && last.Config.Labels[recipeLabel] == fingerprint {
			if n, err := strconv.Atoi(last.Config.Labels[depthLabel]); err == nil && n < maxContinued {
				depth, image = n+1, r.Tag
			}
		}
	}
	r.Labels = maps.Clone(r.Labels)
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	r.Labels[recipeLabel], r.Labels[depthLabel] = fingerprint, strconv.Itoa(depth)
	if image == "" {
		return 0, ""
	}
	return line, image
}

// fingerprint is a hash of everything that a build depends on, except the files of its contexts.
func (r *recipe) fingerprint(bases []string) string {
	b := r.Build
	b.Context, b.Labels, b.Continue, b.CA, b.Proxy, b.Secrets, b.SecretEnv = "", nil, false, nil, nil, nil, nil
	settings, err := json.Marshal(b)
	if err != nil {
		settings = nil // it has only texts and numbers
	}
	text, err := json.Marshal([]any{r.content, settings, bases})
	if err != nil {
		text = nil
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// identities are the ids of the base images on this engine; an image that it does not have counts by its name.
func (e *Engine) identities(ctx context.Context, refs []string) []string {
	out := make([]string, len(refs))
	for i, ref := range refs {
		out[i] = ref
		if img, err := e.api.ImageInspect(ctx, ref); err == nil {
			out[i] = img.ID
		}
	}
	return out
}
