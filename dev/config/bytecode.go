package config

// The cache of bytecode, in a volume of the project.

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

const (
	bytecodeVolume = "sdev-bytecode"
	bytecodeDir    = "/opt/sdev/bytecode"
)

// bytecode gives the app a volume in which the shim keeps the bytecode of installed packages, unless the app has a place
// for bytecode already. The volume outlives the containers, so that the next start need not compile Streamlit.
//
// An engine gives a new volume the owner and the mode of the directory that it covers first. The gateway mounts the
// volume for that reason alone: its image has such a directory, which everybody may write to, and its container is
// created before the app's. The app's image has none, and its user need not be root.
func (o *overlay) bytecode() {
	const prefix = "PYTHONPYCACHEPREFIX"
	if o.parts.OnHost != nil {
		return // an environment of this machine is made with bytecode
	}
	if v, ok := o.app.Environment[prefix]; o.parts.BytecodeEnv == "" || len(o.parts.Shim) == 0 || ok && v != nil || o.parts.Image.Env[prefix] != "" {
		return
	}
	volumes := maps.Clone(o.out.Project.Volumes)
	if volumes == nil {
		volumes = types.Volumes{}
	}
	volumes[bytecodeVolume] = types.VolumeConfig{Name: o.p.Name + "_" + bytecodeVolume}
	o.out.Project.Volumes = volumes

	mounted := types.ServiceVolumeConfig{Type: types.VolumeTypeVolume, Source: bytecodeVolume, Target: dev.GatewayBytecodeDir, ReadOnly: true}
	gateway := o.out.Project.Services[GatewayService]
	gateway.Volumes = append(slices.Clone(gateway.Volumes), mounted)
	o.out.Project.Services[GatewayService] = gateway

	mounted.Target, mounted.ReadOnly = bytecodeDir, false
	o.app.Volumes = append(slices.Clone(o.app.Volumes), mounted)
	o.set(o.parts.BytecodeEnv, bytecodeDir, "sdev: bytecode of installed packages that the image lacks, so that the next start is faster")
	o.out.Notes = append(o.out.Notes, Note{[]string{"volumes", bytecodeVolume}, "sdev: bytecode of installed packages"})
}
