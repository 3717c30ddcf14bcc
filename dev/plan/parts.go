package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// Parts is a digest of each setting of a container, by a name that users know: "environment GREETING", "command". A
// label keeps it on the container, so that a later plan can say what changed.
type Parts map[string]string

// LabelParts is the label that holds a container's [Parts] as JSON.
const LabelParts = "dev.sdev.parts"

// parts covers the settings of a container. It excludes settings that only describe how the image is built, when
// the service starts, or what a save means.
func parts(s Service) Parts {
	c := s.Config
	c.Build, c.DependsOn, c.Develop, c.Profiles, c.PullPolicy, c.PullRefreshAfter = nil, nil, nil, nil, "", ""
	c.Attach, c.Extends, c.EnvFiles, c.LabelFiles, c.Scale = nil, nil, nil, nil, nil
	c.Configs, c.Secrets = nil, nil // s.Files has their content, which counts
	p := Parts{}
	for key, value := range fields(c) {
		switch {
		case key == "environment" || key == "labels" || key == "annotations" || key == "sysctls":
			for name, v := range fields(value) {
				p[key+" "+name] = digest(v)
			}
		case key == "networks":
			for name, v := range fields(value) {
				p["network "+name] = digest(v)
			}
		case string(value) != "null":
			p[key] = digest(value)
		}
	}
	delete(p, "volumes")
	for _, v := range c.Volumes {
		p["volume at "+v.Target] = digest(encode(v))
	}
	for _, f := range s.Files {
		p[f.What] = digest(encode(f))
	}
	if told, ok := p["environment "+dev.GatewayConfigEnv]; ok {
		delete(p, "environment "+dev.GatewayConfigEnv)
		p["gateway configuration"] = told
	}
	return p
}

func fields(v any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	if err := json.Unmarshal(encode(v), &out); err != nil {
		panic(err) // impossible: encode returned a JSON object
	}
	return out
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // impossible: compose-go's model consists of plain values
	}
	return b
}

// digest is short, because it only detects changes and protects nothing.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

func (p Parts) sum() string {
	sum := sha256.Sum256(encode(p))
	return hex.EncodeToString(sum[:16])
}

// String is the label's value.
func (p Parts) String() string { return string(encode(p)) }

// LabelDepends is Compose's label for the dependencies of a service. Source: docker/compose, pkg/api/labels.go and
// pkg/compose/create.go.
const LabelDepends = "com.docker.compose.depends_on"

// DependsLabel is the value of [LabelDepends]: name, condition and restart of each dependency.
func DependsLabel(s types.ServiceConfig) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		out = append(out, fmt.Sprintf("%s:%s:%t", name, s.DependsOn[name].Condition, s.DependsOn[name].Restart))
	}
	return strings.Join(out, ",")
}

// restartsWith reports whether a container must restart after a service.
func (c Container) restartsWith(service string) bool {
	for _, dependency := range strings.Split(c.Labels[LabelDepends], ",") {
		if strings.HasPrefix(dependency, service+":") && strings.HasSuffix(dependency, ":true") {
			return true
		}
	}
	return false
}

// NetworkHash is a digest of a network's settings.
func NetworkHash(n types.NetworkConfig) string { return digest(encode(n)) }

// VolumeHash is a digest of a volume's settings.
func VolumeHash(v types.VolumeConfig) string { return digest(encode(v)) }

// describeChanges describes how a service differs from its container.
func describeChanges(s Service, c Container) string {
	if c.Hash == "" {
		return "sdev did not create it"
	}
	var before Parts
	if json.Unmarshal([]byte(c.Labels[LabelParts]), &before) != nil {
		return "its settings changed" // the sdev that created it saved no parts
	}
	var words []string
	all := maps.Clone(before)
	maps.Copy(all, s.Parts)
	for _, what := range slices.Sorted(maps.Keys(all)) {
		was, now := before[what], s.Parts[what]
		switch {
		case was == now:
		case was == "":
			words = append(words, what+" added")
		case now == "":
			words = append(words, what+" removed")
		default:
			words = append(words, what+" changed")
		}
	}
	if mode := describeModeChange(c.Labels[dev.LabelMode], s.Config.Labels[dev.LabelMode]); mode != "" {
		return fmt.Sprintf("%s, with %d settings", mode, len(words)-1) // one of them is the mode itself
	}
	const most = 3
	if more := len(words) - most; more > 0 {
		words = append(words[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}

// describeModeChange describes a change of the login mode, which causes most other changes; "" if it stays.
func describeModeChange(was, now string) string {
	if was == now || was == "" || now == "" {
		return ""
	}
	word := func(mode string) string {
		if dev.Mode(mode) == dev.Local {
			return "bypassed"
		}
		return mode
	}
	return "login " + word(was) + " → " + word(now)
}
