package config

// The app's environment: variables, user, credentials, certificates.

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"sdev/dev"
)

// The variables of the shim that make the app listen at a port: ShimPort and ShimEntry of package streamlit.
const portEnv, entryEnv = "SDEV_PORT", "SDEV_ENTRY"

// socketEnv is ShimSocket of package streamlit.
const socketEnv = "SDEV_SOCKET"

func (o *overlay) set(name, value, why string) {
	o.app.Environment[name] = &value
	o.note(why, "environment", name)
}

// setDefault sets a variable that the compose file does not set.
func (o *overlay) setDefault(name, value, why string) {
	if v, ok := o.app.Environment[name]; !ok || v == nil {
		o.set(name, value, why)
	}
}

func (o *overlay) environment(ports appPorts) {
	env := types.MappingWithEquals{}
	maps.Copy(env, o.app.Environment)
	o.app.Environment = env
	settings := o.parts.Env(ports.app)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if name == "STREAMLIT_SERVER_PORT" || name == "STREAMLIT_SERVER_ADDRESS" {
			o.set(name, settings[name], "sdev: behind the gateway")
			continue
		}
		o.setDefault(name, settings[name], "sdev: development settings")
	}
	o.set("STREAMLIT_BROWSER_SERVER_PORT", strconv.Itoa(o.parts.Port), "sdev: the port in the address bar")
	o.label(dev.LabelMode, string(o.parts.Mode))
	if o.parts.Mode == dev.Local {
		o.set("LOCAL_STREAMLIT", "1", "sdev up --local: the bypass of the login")
	}
	if len(o.parts.Shim) > 0 {
		o.set("PYTHONPATH", o.pythonPath(), "sdev: the start-up shim, then "+o.pythonPathWhy())
		o.addConfig("sdev-shim", shimDir+"/sitecustomize.py", types.FileObjectConfig{Content: string(o.parts.Shim)})
		o.note("sdev: keeps directories out of Streamlit's watch list; development only", "configs")
		if !ports.fixed {
			o.set(portEnv, strconv.Itoa(ports.app), "sdev: behind the gateway, whatever port a start script names")
			if entry := o.p.Settings.Entry; entry != "" {
				o.set(entryEnv, entry, "sdev: the script to which that applies")
			}
			o.socket()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.parts.Machine.Proxy)) {
		o.setDefault(name, o.parts.Machine.Proxy[name], "this machine's proxy")
	}
}

// socket makes the app listen where only this user reaches it. A server on starlette then sees no address of the gateway,
// so it is told to believe it.
func (o *overlay) socket() {
	if o.parts.OnHost == nil || o.parts.OnHost.Socket == "" {
		return
	}
	o.set(socketEnv, o.parts.OnHost.Socket, "sdev: instead of a port, so that other users and programs reach the app only through the gateway")
	o.label(dev.LabelSocket, o.parts.OnHost.Socket)
	o.setDefault("FORWARDED_ALLOW_IPS", "*", "sdev: only the gateway reaches that socket")
}

// pythonPath puts the shim before the value of the image or the compose file, which stays as it is, including
// empty entries (the working directory). Without a value it adds the working directory, where the app's imports
// start.
func (o *overlay) pythonPath() string {
	own := o.ownPythonPath()
	if own == "" {
		own = cmp.Or(o.app.WorkingDir, o.parts.Image.WorkingDir, "/app")
	}
	return shimDir + ":" + own
}

func (o *overlay) ownPythonPath() string {
	if v := o.p.Model.Services[o.p.App].Environment["PYTHONPATH"]; v != nil {
		return *v
	}
	return o.parts.Image.Env["PYTHONPATH"]
}

func (o *overlay) pythonPathWhy() string {
	if o.ownPythonPath() == "" {
		return "the working directory, because nothing sets it"
	}
	return "the value of the image or the compose file"
}

// user runs the app as this machine's user, with its own home directory, so that files in the mount belong to
// that user and ~ is writable whatever the image expects.
//
// An image with USER root, or a mount into root's home, expects root: it may install packages at the start, or
// read the mount there.
//
// In a rootless engine, this machine's user is root (see [Machine.Rootless]). If the user's ids mean nothing to
// containers (see [Machine.Foreign]), the image decides who runs the app.
func (o *overlay) user() {
	if o.parts.OnHost != nil {
		return // a process has this machine's user and home
	}
	if why := o.expectsRoot(); why != "" {
		o.app.User = "0:0"
		o.note("root, because "+why, "user")
		return
	}
	if o.app.User == "" && !o.parts.Machine.Foreign {
		uid, gid := o.parts.Machine.user()
		o.app.User = fmt.Sprintf("%d:%d", uid, gid)
		why := "your user, so that files in the mount stay yours"
		if o.parts.Machine.Rootless {
			why = "root, who is your user outside a container of a rootless engine, so that files in the mount stay yours"
		}
		o.note(why, "user")
	}
	if v, ok := o.app.Environment["HOME"]; ok && v != nil {
		return
	}
	if home, why := o.imageHome(); home != "" {
		o.set("HOME", home, "the image keeps its packages there: "+why)
		return
	}
	o.set("HOME", homeDir, "sdev: a writable home for that user")
	uid, _, _ := strings.Cut(o.app.User, ":")
	mode := "1777" // for a user without a number: whoever that is
	if _, err := strconv.Atoi(uid); err == nil {
		mode = "0755"
	}
	o.app.Tmpfs = append(slices.Clone(o.app.Tmpfs), homeDir+":exec,mode="+mode+tmpfsOwner(o.app.User))
	o.note("sdev: the home directory above", "tmpfs")
}

// tmpfsOwner returns the options that give a tmpfs to a user, "uid:gid", as far as it is numbers. They are none for
// root, whose it is anyway.
func tmpfsOwner(user string) string {
	uid, gid, _ := strings.Cut(user, ":")
	owner := ""
	for _, id := range []struct{ option, value string }{{"uid", uid}, {"gid", gid}} {
		if n, err := strconv.Atoi(id.value); err == nil && n != 0 {
			owner += "," + id.option + "=" + id.value
		}
	}
	return owner
}

func (o *overlay) expectsRoot() string {
	user, _, _ := strings.Cut(o.parts.Image.User, ":")
	switch {
	case o.app.User != "":
		return ""
	case user == "root" || user == "0":
		return "the image says USER " + o.parts.Image.User
	}
	if home, why := o.packagesHome(); home == rootHome {
		return why
	}
	for _, v := range o.app.Volumes {
		if v.Target == rootHome || strings.HasPrefix(v.Target, rootHome+"/") {
			return "the compose file mounts into " + rootHome
		}
	}
	return ""
}

// imageHome returns the home directory in which an image without root keeps packages: those of "pip install --user",
// or environments that poetry and pipenv made. Another HOME would hide them.
func (o *overlay) imageHome() (home, why string) {
	if home := o.parts.Image.Env["HOME"]; path.IsAbs(home) && home != "/" && home != rootHome {
		return home, "ENV HOME"
	}
	if home, why := o.packagesHome(); home != rootHome {
		return home, why
	}
	return "", ""
}

// packagesHome returns the home directory that the image's PATH or the app's command needs; "" if neither needs one.
func (o *overlay) packagesHome() (home, why string) {
	for dir := range strings.SplitSeq(o.parts.Image.Env["PATH"], ":") {
		if home, ok := strings.CutSuffix(dir, "/.local/bin"); ok && path.IsAbs(home) {
			return home, "the image's PATH contains " + dir
		}
	}
	command := strings.Join(o.p.command(o.parts.Image), " ")
	for _, tool := range []string{"poetry run", "pipenv run"} {
		if !strings.Contains(command, tool) {
			continue
		}
		user, _, _ := strings.Cut(o.parts.Image.User, ":")
		if _, err := strconv.Atoi(user); user == "" {
			return rootHome, "the command uses " + tool + ", whose environment is in " + rootHome
		} else if err != nil {
			return "/home/" + user, "the command uses " + tool
		}
	}
	return "", ""
}

// home is the home directory of the app's user.
func (o *overlay) home() string {
	if v := o.app.Environment["HOME"]; v != nil {
		return *v
	}
	return cmp.Or(o.parts.Image.Env["HOME"], rootHome)
}

func (o *overlay) aws() {
	o.setDefault("AWS_EC2_METADATA_DISABLED", "true", "sdev: there is no metadata service here, and a request to it takes seconds")
	a := o.parts.Machine.AWS
	switch a.Mode {
	case AWSNone:
		o.withoutHostAWS()
		return
	case AWSSession:
		o.awsSession(a)
	default:
		if a.Dir == "" {
			return
		}
		if o.parts.OnHost == nil { // a process finds it by itself
			o.awsMount(a)
		}
		if a.Profile != "" {
			o.setDefault("AWS_PROFILE", a.Profile, "x-sdev.aws.profile or AWS_PROFILE")
		}
	}
	if a.Region != "" {
		o.setDefault("AWS_REGION", a.Region, "x-sdev.aws.region, AWS_REGION or the profile")
		o.setDefault("AWS_DEFAULT_REGION", a.Region, "the same, as boto3 reads it")
	}
}

// withoutHostAWS removes mounts of the host's ~/.aws from the compose file.
func (o *overlay) withoutHostAWS() {
	dir := o.parts.Machine.AWS.Dir
	o.app.Volumes = slices.DeleteFunc(slices.Clone(o.app.Volumes), func(v types.ServiceVolumeConfig) bool {
		within := dir != "" && dev.IsWithin(dir, filepath.Clean(v.Source))
		return v.Type == types.VolumeTypeBind && within
	})
}

// awsSession makes the app's AWS SDK get its keys from the gateway, and removes what it would try first: files,
// and a profile that only the host has.
func (o *overlay) awsSession(a AWS) {
	o.withoutHostAWS()
	for _, name := range []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} {
		delete(o.app.Environment, name)
	}
	const why = "x-sdev.aws.mode: session; the gateway provides the keys, and the host renews them"
	o.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://"+o.out.GatewayConfig.Credentials+"/", why)
	o.set(awsToken, a.Token, why)
}

// awsMount mounts ~/.aws read-only, with private copies of the caches that tools write to.
func (o *overlay) awsMount(a AWS) {
	home := o.home()
	volumes := slices.Clone(o.app.Volumes)
	mounted := types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: a.Dir, Target: home + "/.aws", ReadOnly: true}
	switch i := slices.IndexFunc(volumes, func(v types.ServiceVolumeConfig) bool { return strings.TrimRight(v.Target, "/") == mounted.Target }); {
	case i < 0:
		volumes = append(volumes, mounted)
	case volumes[i].Type != types.VolumeTypeBind || filepath.Clean(volumes[i].Source) != a.Dir:
		return // the compose file mounts something else there
	default:
		// The user could not change files that a container writes there as root.
		volumes[i].ReadOnly = true
	}
	for _, cache := range a.Caches {
		private := filepath.Join(o.parts.StateDir, "aws", filepath.FromSlash(cache))
		volumes = append(volumes, types.ServiceVolumeConfig{Type: types.VolumeTypeBind, Source: private, Target: home + "/.aws/" + cache})
		o.out.Seeds = append(o.out.Seeds, Seed{From: filepath.Join(a.Dir, filepath.FromSlash(cache)), To: private})
	}
	o.app.Volumes = volumes
	o.note("x-sdev.aws.mode: mount; read-only, with private caches so that a login can renew itself", "volumes")
}

// ca passes the machine's extra CA to the build, as a secret that the image does not contain, and to the app.
func (o *overlay) ca() {
	ca := o.parts.Machine.CA
	if ca.File == "" {
		return
	}
	sum := sha256.Sum256(ca.PEM)
	o.label("dev.sdev.ca", hex.EncodeToString(sum[:8])) // a new bundle recreates the container
	o.addConfig("sdev-ca", caFile, types.FileObjectConfig{File: ca.File})
	for _, name := range trustVariables() {
		o.setDefault(name, caFile, "the extra CA of this machine ("+ca.Origin+")")
	}
	if o.app.Build != nil {
		build := *o.app.Build
		o.buildWithCA(&build, o.p.App)
		o.app.Build = &build
	}
}

func (o *overlay) process() {
	if o.app.Init == nil {
		o.app.Init = ptr(true)
		o.note("sdev: an init process forwards signals, so that the app stops at once", "init")
	}
	if o.app.StopGracePeriod == nil {
		o.app.StopGracePeriod = ptr(types.Duration(grace))
	}
}
