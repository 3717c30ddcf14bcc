package session

import (
	"runtime"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/engine"
)

// shareWarning says that a project lies on a network share, as Windows names it: \\server\share, or \\wsl$\DISTRIBUTION for
// a Linux distribution on the same machine. No engine mounts a share of another machine, and Windows reports no file events
// for a distribution, so sdev copies such a project. ok is false if dir is on a drive of this machine. system is GOOS.
func shareWarning(system, dir string) (w dev.Warning, ok bool) {
	share, ok := strings.CutPrefix(strings.ReplaceAll(dir, "/", `\`), `\\`)
	if system != "windows" || !ok || strings.HasPrefix(share, `?\`) || strings.HasPrefix(share, `.\`) { // \\?\C:\project is a drive
		return dev.Warning{}, false
	}
	server, rest, _ := strings.Cut(share, `\`)
	w = dev.Warning{Code: dev.CodeWatchSilent, Message: "the project is on the network share " + dev.Sanitize(dir) + ", so sdev copies it into the containers instead of mounting it",
		Hint: "to mount it, keep it on a drive of this machine"}
	if strings.EqualFold(server, "wsl$") || strings.EqualFold(server, "wsl.localhost") {
		distribution, _, _ := strings.Cut(rest, `\`)
		w.Message = "the project is in the Linux distribution " + dev.Sanitize(distribution) + " (" + dev.Sanitize(dir) + "), so sdev copies it into the containers instead of mounting it"
		w.Hint = "saves arrive sooner if sdev for Linux runs there: wsl -d " + dev.Sanitize(distribution)
	}
	return w, true
}

// copies reports whether sdev copies the project into the containers instead of mounting it. The warnings say so if it is
// because of where the project lies. host is the engine's address.
func (o Options) copies(p *config.Project, host string) (bool, []dev.Warning) {
	switch w, onShare := shareWarning(runtime.GOOS, p.Dir); {
	case o.Copy:
		return true, nil
	case o.Mount:
		return false, nil
	case onShare:
		return true, []dev.Warning{w}
	}
	return engine.MountsUnusable(p.StatePath(), host), nil
}
