// Package dockerfile reads Dockerfiles, and changes them in memory for builds on a developer's machine: other base
// images, other sources of copies, no frontend from a registry.
//
// A changed Dockerfile has as many lines as the original, and every instruction keeps its line, so that a builder's
// messages about lines are true of the user's file. A caller leaves a file that cannot be parsed to the builder,
// which knows its own syntax best.
//
// [Parse] understands stages and can change them; [Instructions] only splits a file. Both use BuildKit's parser.
// The package touches no disk, network or engine and starts no goroutines; a File may be used by several at once.
package dockerfile

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// IsName reports whether a file name is that of a Dockerfile: "Dockerfile", "dockerfile", which builders take too if
// there is no other, "Dockerfile.dev", "app.dockerfile", or Podman's "Containerfile".
func IsName(base string) bool {
	lower := strings.ToLower(base)
	return lower == "dockerfile" || lower == "containerfile" || strings.HasSuffix(lower, ".dockerfile") ||
		strings.HasPrefix(lower, "dockerfile.") && !strings.HasSuffix(lower, ".dockerignore")
}

// File is a parsed Dockerfile. It never changes.
type File struct {
	lines  []string // with their line ends
	escape rune
	args   []instructions.ArgCommand // before the first FROM
	stages []instructions.Stage
}

// Parse reads a Dockerfile. The error is the parser's and names the line.
func Parse(content []byte) (*File, error) {
	tree, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	f := &File{lines: slices.Collect(strings.Lines(string(content))), escape: tree.EscapeToken}
	if f.stages, f.args, err = instructions.Parse(tree.AST, nil); err != nil {
		return nil, err
	}
	asIs := func(word string) (string, error) { return word, nil }
	for _, st := range f.stages {
		for _, cmd := range st.Commands {
			if run, ok := cmd.(*instructions.RunCommand); ok {
				// Only this makes the parser read mounts completely. A mount with settings in arguments stays
				// incomplete.
				_ = run.Expand(asIs)
			}
		}
	}
	return f, nil
}

// Setting is the part of a build's settings that decides which images it needs.
type Setting struct {
	Target   string            // stage to build, by name or number; "": the last
	Args     map[string]string // build arguments
	Platform string            // of the result, os/arch[/variant]
	Engine   string            // platform of the engine itself
	Contexts map[string]string // name → image that replaces it, before stages and registries are searched
}

// Base is an image from outside the Dockerfile that a stage starts from.
type Base struct {
	Ref      string // as the builder will see it, with arguments expanded
	Platform string // "" if the stage names none
	Line     int    // of the FROM, from 1
	Given    bool   // Ref replaces the name in the file: see Setting.Contexts
	Runs     bool   // the build runs commands in it, or in a stage that starts from it
}

// Bases returns the images from outside that a build starts from, in the order of the file, without the stages that
// the target does not need.
func (f *File) Bases(s Setting) []Base {
	needed := f.needed(s)
	env := f.environment(s)
	var out []Base
	for i := range f.stages {
		if needed[i] && f.parent(i, s) == outside {
			if base, ok := f.base(i, env); ok {
				if given := s.Contexts[base.Ref]; given != "" {
					base.Ref, base.Given = given, true
				}
				base.Runs = f.runs(i, needed, s)
				out = append(out, base)
			}
		}
	}
	return out
}

func (f *File) base(i int, env instructionEnv) (b Base, ok bool) {
	st := f.stages[i]
	lex := shell.NewLex(f.escape)
	ref, _, err := lex.ProcessWord(st.BaseName, env)
	if err != nil || ref == "" || ref == "scratch" {
		return b, false
	}
	platform, _, err := lex.ProcessWord(st.Platform, env)
	if err != nil || len(st.Location) == 0 {
		return b, false
	}
	return Base{Ref: ref, Platform: platform, Line: st.Location[0].Start.Line}, true
}

const outside = -1 // parent of a stage that starts from an image

// parent returns the stage that a stage starts from.
func (f *File) parent(i int, s Setting) int {
	if name := f.stages[i].BaseName; s.Contexts[name] == "" {
		return f.named(name, i)
	}
	return outside
}

// named finds a stage by name among those before limit; the last of that name counts.
func (f *File) named(name string, limit int) int {
	for j := limit - 1; j >= 0; j-- {
		if f.stages[j].Name != "" && strings.EqualFold(f.stages[j].Name, name) {
			return j
		}
	}
	return outside
}

// StageLine returns the line of the FROM of a stage; 0 if there is no such stage.
func (f *File) StageLine(name string) int {
	if i := f.named(name, len(f.stages)); i != outside && len(f.stages[i].Location) > 0 {
		return f.stages[i].Location[0].Start.Line
	}
	return 0
}

// stage finds a stage by name or number, as COPY --from and a target do.
func (f *File) stage(name string, limit int) int {
	if j := f.named(name, limit); j != outside {
		return j
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < limit {
		return n
	}
	return outside
}

// needed returns the stages that the target needs. If the target does not exist, it returns all: the builder reports
// that.
func (f *File) needed(s Setting) map[int]bool {
	out := map[int]bool{}
	target := len(f.stages) - 1
	if s.Target != "" {
		target = f.stage(s.Target, len(f.stages))
	}
	if target == outside {
		for i := range f.stages {
			out[i] = true
		}
		return out
	}
	var visit func(int)
	visit = func(i int) {
		if i == outside || out[i] {
			return
		}
		out[i] = true
		visit(f.parent(i, s))
		for _, name := range sources(f.stages[i]) {
			if s.Contexts[name] == "" {
				visit(f.stage(name, i))
			}
		}
	}
	visit(target)
	return out
}

// sources are the names that the instructions of a stage take files from.
func sources(st instructions.Stage) []string {
	var out []string
	for _, cmd := range st.Commands {
		switch c := cmd.(type) {
		case *instructions.CopyCommand:
			if c.From != "" {
				out = append(out, c.From)
			}
		case *instructions.RunCommand:
			for _, m := range instructions.GetMounts(c) {
				if m.From != "" {
					out = append(out, m.From)
				}
			}
		}
	}
	return out
}

// runs reports whether a command runs in a stage or in one that starts from it. ONBUILD RUN counts: it runs in
// whatever starts from the stage.
func (f *File) runs(i int, needed map[int]bool, s Setting) bool {
	for _, cmd := range f.stages[i].Commands {
		switch c := cmd.(type) {
		case *instructions.RunCommand:
			return true
		case *instructions.OnbuildCommand:
			if strings.HasPrefix(strings.ToUpper(c.Expression), "RUN") {
				return true
			}
		}
	}
	for j := i + 1; j < len(f.stages); j++ {
		if needed[j] && f.parent(j, s) == i && f.runs(j, needed, s) {
			return true
		}
	}
	return false
}

// Mounts returns the types of RUN --mount in the file, each with its first line.
func (f *File) Mounts() map[string]int {
	out := map[string]int{}
	f.mounts(func(m *instructions.Mount, line int) {
		if out[string(m.Type)] == 0 {
			out[string(m.Type)] = line
		}
	})
	return out
}

// HasSecret reports whether a RUN uses a build secret.
func (f *File) HasSecret(id string) bool {
	found := false
	f.mounts(func(m *instructions.Mount, _ int) {
		found = found || m.Type == instructions.MountTypeSecret && (m.CacheID == id || m.CacheID == "" && m.Source == id)
	})
	return found
}

func (f *File) mounts(visit func(*instructions.Mount, int)) {
	for _, st := range f.stages {
		for _, cmd := range st.Commands {
			run, ok := cmd.(*instructions.RunCommand)
			if !ok {
				continue
			}
			for _, m := range instructions.GetMounts(run) {
				visit(m, run.Location()[0].Start.Line)
			}
		}
	}
}

// instructionEnv is a set of variables for the shell lexer.
type instructionEnv map[string]string

func (e instructionEnv) Get(name string) (string, bool) { v, ok := e[name]; return v, ok }
func (e instructionEnv) Keys() []string                 { return slices.Sorted(maps.Keys(e)) }

// environment returns the variables that FROM sees: the arguments before the first FROM, with the build's values
// before the file's, and the platform's.
func (f *File) environment(s Setting) instructionEnv {
	env := instructionEnv{}
	addPlatform(env, "BUILD", s.Engine)
	if s.Platform == "" {
		addPlatform(env, "TARGET", s.Engine)
	} else {
		addPlatform(env, "TARGET", s.Platform)
	}
	lex := shell.NewLex(f.escape)
	for _, cmd := range f.args {
		for _, arg := range cmd.Args {
			if v, ok := s.Args[arg.Key]; ok {
				env[arg.Key] = v
				continue
			}
			if arg.Value == nil {
				continue
			}
			if v, _, err := lex.ProcessWord(*arg.Value, env); err == nil {
				env[arg.Key] = v
			}
		}
	}
	return env
}

// addPlatform adds the variables that a builder derives from a platform.
// Source: docs.docker.com, Dockerfile reference, "Automatic platform ARGs in the global scope".
func addPlatform(env instructionEnv, prefix, platform string) {
	if platform == "" {
		return
	}
	parts := append(strings.SplitN(platform, "/", 3), "", "")
	env[prefix+"PLATFORM"], env[prefix+"OS"], env[prefix+"ARCH"], env[prefix+"VARIANT"] = platform, parts[0], parts[1], parts[2]
}
