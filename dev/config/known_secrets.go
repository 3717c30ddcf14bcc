package config

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
)

// KnownSecrets returns the secrets of the project that sdev can name, for hiding them in text that others have written: values
// of variables that may hold one, of this machine and of the services; those in the app's secrets.toml; and sdev's own keys of
// the project. It creates none. Files that cannot be read have none.
func (p *Project) KnownSecrets() []string {
	found := map[string]bool{}
	add := func(name, value string) {
		if dev.MayHoldSecret(name, value) {
			found[value] = true
		}
	}
	for name, value := range p.env {
		add(name, value)
	}
	if p.Model != nil {
		for _, s := range p.Model.Services {
			for name, value := range s.Environment {
				if value != nil {
					add(name, *value)
				}
			}
		}
	}
	for _, dir := range p.settingsDirs() {
		var content map[string]any
		if b, err := dev.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(dir), ".streamlit", "secrets.toml")); err == nil && toml.Unmarshal(b, &content) == nil {
			addTexts("", content, add)
		}
	}
	if b, err := dev.ReadFile(filepath.Join(p.StatePath(), tokenFile)); err == nil {
		found[string(b)] = true
	}
	var keys LoginKeys
	if b, err := dev.ReadFile(filepath.Join(p.StatePath(), dev.LoginDir, loginKeysFile)); err == nil && json.Unmarshal(b, &keys) == nil {
		found[keys.Client], found[keys.Outside], found[keys.Cookie] = true, true, true
	}
	delete(found, "")
	// The longest first: a short one may be part of it.
	return slices.SortedFunc(maps.Keys(found), func(a, b string) int { return len(b) - len(a) })
}

// addTexts passes on each text in a decoded file with the name that it has there.
func addTexts(name string, value any, add func(name, value string)) {
	switch value := value.(type) {
	case string:
		add(name, value)
	case []any:
		for _, v := range value {
			addTexts(name, v, add)
		}
	case map[string]any:
		for name, v := range value {
			addTexts(name, v, add)
		}
	}
}
