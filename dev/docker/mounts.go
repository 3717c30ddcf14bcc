package docker

import (
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/mount"
)

func volumeMount(v types.ServiceVolumeConfig) mount.Mount {
	m := mount.Mount{Type: mount.Type(v.Type), Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly, Consistency: mount.Consistency(v.Consistency)}
	if v.Bind != nil {
		m.BindOptions = &mount.BindOptions{Propagation: mount.Propagation(v.Bind.Propagation)}
		switch v.Bind.Recursive {
		case "disabled":
			m.BindOptions.NonRecursive = true
		case "writable":
			m.BindOptions.ReadOnlyNonRecursive = true
		case "readonly":
			m.BindOptions.ReadOnlyForceRecursive = true
		}
	}
	if v.Volume != nil {
		m.VolumeOptions = &mount.VolumeOptions{NoCopy: v.Volume.NoCopy, Subpath: v.Volume.Subpath, Labels: v.Volume.Labels}
	}
	if v.Image != nil {
		m.ImageOptions = &mount.ImageOptions{Subpath: v.Image.SubPath}
	}
	if v.Tmpfs != nil {
		m.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: int64(v.Tmpfs.Size), Mode: os.FileMode(v.Tmpfs.Mode)}
	}
	return m
}

// bindWithLabel returns a bind mount in its short form, "source:target:options", if the compose file asks for an
// SELinux label: the engine's long form has no field for that.
func bindWithLabel(v types.ServiceVolumeConfig) (bind string, ok bool) {
	if v.Type != types.VolumeTypeBind || v.Bind == nil || v.Bind.SELinux == "" {
		return "", false
	}
	options := []string{v.Bind.SELinux}
	if v.ReadOnly {
		options = append(options, "ro")
	}
	if v.Bind.Propagation != "" {
		options = append(options, v.Bind.Propagation)
	}
	return v.Source + ":" + v.Target + ":" + strings.Join(options, ","), true
}
