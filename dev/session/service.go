package session

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"sdev/dev"
	"sdev/dev/config"
	"sdev/dev/detect"
)

// earlier returns the service and the script that were chosen in an earlier run; "" if none was.
func earlier(dir string) (app, entry string) {
	b, err := dev.ReadFile(filepath.Join(dir, dev.StateDir, serviceFile))
	if err != nil {
		return "", ""
	}
	app, entry, _ = strings.Cut(strings.TrimSuffix(string(b), "\n"), "\n")
	if st, err := os.Stat(filepath.Join(dir, filepath.FromSlash(entry))); entry != "" && (err != nil || !st.Mode().IsRegular()) {
		entry = ""
	}
	return app, entry
}

// storeService stores the service and the script that flags name, or that the user chose, for later commands. Without a
// compose file, [ChooseEntry] does that.
func storeService(p *config.Project, h Host, c EntryChoice) error {
	chosen := h.App != "" || h.Entry != "" || p.AppWhy == config.UserChose
	if !c.Keep || !chosen || len(p.Files) == 0 {
		return nil
	}
	choice := p.App
	if h.Entry != "" && p.Settings.Entry != "" {
		choice += "\n" + p.Settings.Entry
	}
	if b, err := dev.ReadFile(filepath.Join(p.StatePath(), serviceFile)); err == nil && string(b) == choice+"\n" {
		return nil
	}
	return storeChoice(p.Dir, serviceFile, choice)
}

// candidates returns the services that may be the app, judging by the files of the project, and of the directories above
// it from which services are built.
func candidates(dir string, services []config.Start) []config.Candidate {
	base, below := wider(dir, services)
	found, err := detect.Dir(base)
	if err != nil {
		return nil
	}
	var all []detect.Launch
	for _, s := range services {
		all = append(all, launch(s, below))
	}
	var out []config.Candidate
	for _, c := range found.Candidates(all) {
		out = append(out, config.Candidate{Service: c.Service, Script: outOf(below, c.Script), Why: c.Why.Why, File: outOf(below, c.Why.File), Line: c.Why.Line, Sure: c.Sure})
	}
	return out
}

// wider returns the directory that contains the project and everything that its services are built from, as long as that
// is not far above, and the project's path below it.
func wider(dir string, services []config.Start) (base, below string) {
	const most = 3
	up := 0
	for _, s := range services {
		n := 0
		for rest := s.Context; rest == ".." || strings.HasPrefix(rest, "../"); n++ {
			rest = strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
		}
		if n <= most {
			up = max(up, n)
		}
	}
	base, below = dir, "."
	home, _ := os.UserHomeDir()
	for range up {
		if parent := filepath.Dir(base); parent != base && parent != home && !dev.IsTop(parent) {
			below = filepath.ToSlash(filepath.Join(filepath.Base(base), below))
			base = parent
		}
	}
	return base, below
}

// launch is a service as package detect takes it. Its paths are relative to the directory that contains the project as
// below.
func launch(s config.Start, below string) detect.Launch {
	l := detect.Launch{Service: s.Service, Image: s.Image, Entrypoint: s.Entrypoint, Command: s.Command, Workdir: s.Workdir, Env: s.Env, Ports: s.Ports,
		Dockerfile: s.Dockerfile, Inline: s.Inline, Target: s.Target, File: into(below, s.File), Line: s.Line, CommandLine: s.CommandLine}
	if s.Context != "" {
		l.Context = into(below, s.Context)
	}
	for _, m := range s.Mounts {
		l.Mounts = append(l.Mounts, detect.Mount{From: into(below, m.Project), To: m.Container})
	}
	return l
}

// into makes a path that is relative to the project relative to the directory that contains the project as below.
func into(below, name string) string {
	if dev.IsAbs(name) {
		return name
	}
	return filepath.ToSlash(filepath.Join(below, name))
}

// outOf is the reverse of into.
func outOf(below, name string) string {
	if name == "" || dev.IsAbs(name) {
		return name
	}
	rel, err := filepath.Rel(below, name)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// ask returns a function with which the user chooses the app; nil if there is nobody to ask.
func ask(ctx context.Context, c EntryChoice) func([]config.Candidate) string {
	if c.Ask == nil {
		return nil
	}
	return func(from []config.Candidate) string {
		name, err := c.Ask.ChooseService(ctx, from)
		if err != nil {
			return "" // package config then reports an error that says how to name the app
		}
		return name
	}
}
