package process

import (
	"context"
	"os"
	"path/filepath"

	"sdev/dev"
	"sdev/dev/plan"
)

// imageRecord is what a reference stands for: an environment of Python packages, or only this machine's programs.
type imageRecord struct {
	Ref        string
	ID         string
	Dir        string // of the environment, in the cache; "" if there is none
	Program    bool   // it has sdev's own program, at the path that the gateway's image has it
	Env        map[string]string
	Command    []string
	WorkingDir string
	Mounted    string // the working directory instead, if no mount leads to WorkingDir
}

func (r *Runtime) imageFile(ref string) string {
	return filepath.Join(r.state, "images", key(ref)+".json")
}

// image returns what a reference stands for; ok is false if nothing does, or if its environment has been removed or damaged
// since.
func (r *Runtime) image(ref string) (rec imageRecord, ok bool) {
	if readJSON(r.imageFile(ref), &rec) != nil || rec.Ref != ref {
		return imageRecord{}, false
	}
	if rec.Dir != "" && !isWhole(rec.Dir) {
		return imageRecord{}, false
	}
	return rec, true
}

// Image looks up an image.
func (r *Runtime) Image(_ context.Context, ref string) (plan.ImageInfo, bool, error) {
	rec, ok := r.image(ref)
	if !ok {
		return plan.ImageInfo{}, false, nil
	}
	return plan.ImageInfo{ID: rec.ID, Env: rec.Env, Command: rec.Command, WorkingDir: rec.WorkingDir}, true, nil
}

func (r *Runtime) setImage(rec imageRecord) error {
	file := r.imageFile(rec.Ref)
	return r.withLock(func() error {
		err := os.MkdirAll(filepath.Dir(file), 0o700)
		if err == nil {
			err = writeJSON(file, rec)
		}
		if err != nil {
			return r.stateError(err)
		}
		return nil
	})
}

// loadProgram makes a reference stand for sdev itself, which is the program of the gateway.
func (r *Runtime) loadProgram(ref string) error {
	return r.setImage(imageRecord{Ref: ref, ID: "program:" + shortSum([]byte(ref)), Program: true, Command: dev.GatewayCommand(dev.GatewayProgram)})
}

// Pull refuses: there are no registries without a container engine.
func (r *Runtime) Pull(_ context.Context, ref, _ string) error {
	return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Message: dev.Line("image %s needs a container engine", ref),
		Hint: "start the service with Docker, or leave it out: without a container engine, sdev runs only the app"}
}

// imageByID returns an image by its id or its reference.
func (r *Runtime) imageByID(id string) (imageRecord, bool) {
	if rec, ok := r.image(id); ok {
		return rec, true
	}
	dir := filepath.Join(r.state, "images")
	entries, _ := os.ReadDir(dir) // without images there is none
	for _, e := range entries {
		var rec imageRecord
		if readJSON(filepath.Join(dir, e.Name()), &rec) == nil && rec.ID == id {
			return rec, true
		}
	}
	return imageRecord{}, false
}
