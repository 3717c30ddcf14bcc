package engine

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// savedState is what a project keeps between runs. All of it can be found out again: losing it costs a
// build that BuildKit answers from its cache, and a port that may differ.
type savedState struct {
	Port  int `json:"port"`
	Named int `json:"named"` // port that the project's files asked for then
	// ProviderPort is the port of the local provider.
	ProviderPort      int                   `json:"identity,omitempty"`
	Builds            map[string]savedBuild `json:"builds"`           // by image reference
	Pulls             map[string]time.Time  `json:"pulls"`            // when an image was last pulled, by reference
	MountsUselessWith string                `json:"blind,omitempty"`  // engine with which mounts are of no use
	Copied            bool                  `json:"copied,omitempty"` // the last up copied the project instead of mounting it
}

type savedBuild struct {
	Input string `json:"input"`          // fingerprint of what went into the build
	Rest  string `json:"rest,omitempty"` // the same without what is copied later on
	Image string `json:"image"`          // id of what came out
}

// isCurrent reports whether a build would give what it gave then.
func (m savedBuild) isCurrent(img plan.ImageSource, want Request) bool {
	if want.synced && m.Rest != "" {
		return m.Rest == img.Rest
	}
	return m.Input == img.Input
}

// WasCopied reports whether the last up copied the project into its containers instead of mounting it.
func WasCopied(stateDir string) bool { return loadState(stateDir).Copied }

const stateFile = "state.json"

// loadState reads the state; one that is missing or broken is empty.
func loadState(dir string) savedState {
	var m savedState
	if b, err := dev.ReadFile(filepath.Join(dir, stateFile)); err == nil {
		if json.Unmarshal(b, &m) != nil {
			m = savedState{}
		}
	}
	if m.Builds == nil {
		m.Builds = map[string]savedBuild{}
	}
	if m.Pulls == nil {
		m.Pulls = map[string]time.Time{}
	}
	return m
}

// save replaces the state where it differs from what is there.
func (m savedState) save(dir string) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("project state: %w", err)
	}
	file := filepath.Join(dir, stateFile)
	if old, err := dev.ReadFile(file); err == nil && string(old) == string(b) {
		return nil
	}
	if dev.ReplaceFile(file, b, 0o600) == nil {
		return nil
	}
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Message: "cannot write " + file, Hint: "make the project directory writable, and see that its disk is not full"}
}
