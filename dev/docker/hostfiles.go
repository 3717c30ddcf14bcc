package docker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/mount"

	"sdev/dev"
	"sdev/dev/plan"
)

// Files of sdev's own that are mounted from this machine.
//
// To copy a file into a container takes the engine a tenth of a second, to mount it nothing. So sdev's own files, which
// hold no secret, are mounted from its state directory, if the service mounts a directory of the project anyway: where
// that mount works, this one does. A mount of the project that shows another machine's files is found out by the mount
// probe of package engine, and replaced by copies; this package then copies these files, too. Their names are hashes of
// their content, so a file that a container uses never changes.

// mountOwn adds mounts for sdev's own files and returns the files that remain. mounted gets their paths.
func (e *Engine) mountOwn(s plan.Service, labels plan.Labels, files []plan.File, mounts *[]mount.Mount, mounted map[string]bool) (rest []plan.File) {
	if !e.isLocal() || !slices.ContainsFunc(s.Config.Volumes, func(v types.ServiceVolumeConfig) bool { return isPlainMountOf(v, labels.Dir) }) {
		return files
	}
	dir := filepath.Join(labels.Dir, dev.StateDir, dev.MountedDir)
	for _, f := range files {
		source, err := "", error(nil)
		taken := func(v types.ServiceVolumeConfig) bool { return path.Clean(v.Target) == path.Clean(f.Path) }
		if f.Ours && !slices.ContainsFunc(s.Config.Volumes, taken) {
			source, err = storeFile(dir, f)
		}
		if source == "" || err != nil { // a state directory that cannot be written to is no reason to fail: copy
			rest = append(rest, f)
			continue
		}
		*mounts = append(*mounts, mount.Mount{Type: mount.TypeBind, Source: source, Target: f.Path, ReadOnly: true})
		mounted[f.Path] = true
	}
	return rest
}

// isPlainMountOf reports whether a volume mounts a directory of the project without a label of SELinux, which sdev's own
// files would need as well.
func isPlainMountOf(v types.ServiceVolumeConfig, project string) bool {
	rel, err := filepath.Rel(project, v.Source)
	inside := err == nil && filepath.IsLocal(rel)
	return v.Type == types.VolumeTypeBind && inside && (v.Bind == nil || v.Bind.SELinux == "")
}

// storeFile writes a file, unless it exists, and returns its path. The umask does not apply: the app's user must be able
// to read it.
func storeFile(dir string, f plan.File) (string, error) {
	sum := sha256.Sum256(f.Content)
	name := filepath.Join(dir, hex.EncodeToString(sum[:16]))
	mode := fs.FileMode(f.Mode).Perm()
	if st, err := os.Lstat(name); err == nil && st.Mode() == mode {
		if old, err := dev.ReadFile(name); err == nil && bytes.Equal(old, f.Content) {
			return name, nil
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err // the project has no state directory
	}
	if err := dev.ReplaceFile(name, f.Content, mode); err != nil {
		return "", err
	}
	return name, os.Chmod(name, mode)
}
