package engine

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// savedState is what sdev keeps of a project between runs. Losing it costs little: a build that BuildKit's cache
// answers, and perhaps another port.
type savedState struct {
	Port  int `json:"port"`
	Named int `json:"named"` // port that the project's files named then
	// ProviderPort is the port of the local provider.
	ProviderPort      int                   `json:"identity,omitempty"`
	Moved             map[string]int        `json:"moved,omitempty"`  // ports of services in a checkout beside another one, by keyOf
	Builds            map[string]savedBuild `json:"builds"`           // by image reference
	Pulls             map[string]time.Time  `json:"pulls"`            // time of the last pull, by image reference
	MountsUselessWith string                `json:"blind,omitempty"`  // address of the engine whose mounts do not show saves
	MountsProvenWith  string                `json:"seen,omitempty"`   // sharedKernel of the engine whose mounts do
	Copied            bool                  `json:"copied,omitempty"` // the last up copied the project instead of mounting it
}

type savedBuild struct {
	Input string `json:"input"`          // fingerprint of the build's input
	Rest  string `json:"rest,omitempty"` // the same without the files that sdev copies into the container
	Image string `json:"image"`          // id of the built image
}

// isCurrent reports whether a build would give the same image again.
func (b savedBuild) isCurrent(img plan.ImageSource, want Request) bool {
	if want.synced && b.Rest != "" {
		return b.Rest == img.Rest
	}
	return b.Input == img.Input
}

// WasCopied reports whether the last up copied the project into its containers instead of mounting it.
func WasCopied(stateDir string) bool { return loadState(stateDir).Copied }

const stateFile = "state.json"

// loadState reads the saved state. A missing or damaged file gives an empty state.
func loadState(dir string) savedState {
	var s savedState
	if b, err := dev.ReadFile(filepath.Join(dir, stateFile)); err == nil {
		if json.Unmarshal(b, &s) != nil {
			s = savedState{}
		}
	}
	if s.Builds == nil {
		s.Builds = map[string]savedBuild{}
	}
	if s.Pulls == nil {
		s.Pulls = map[string]time.Time{}
	}
	return s
}

// save writes the state, unless the file has the same content already.
func (s savedState) save(dir string) error {
	b, err := json.MarshalIndent(s, "", "  ")
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
	return &dev.Error{Code: dev.CodeProjectInvalid, Exit: dev.ExitFailed, Message: "cannot write " + file, Hint: "make the project directory writable, and check that its disk is not full"}
}
