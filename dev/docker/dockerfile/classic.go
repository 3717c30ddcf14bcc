package dockerfile

import (
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"sdev/dev/pattern"
)

var mountFlag = pattern.New(`--mount=\S+\s*`)

// Classic returns the Dockerfile for a builder without mounts. It drops mounts without which a command does the same,
// only slower or with other certificates: caches, and the build secret "ca" unless it is required. A bind mount of a
// stage becomes a copy, if there is a comment above the instruction whose line the copy can take. All other mounts
// stay, for the builder to refuse.
func (f *File) Classic() []byte {
	lines := append([]string(nil), f.lines...)
	for _, st := range f.stages {
		for _, cmd := range st.Commands {
			if run, ok := cmd.(*instructions.RunCommand); ok && len(run.Location()) > 0 {
				withoutMounts(lines, run)
			}
		}
	}
	return []byte(strings.Join(lines, ""))
}

// withoutMounts removes such mounts from the lines of an instruction.
func withoutMounts(lines []string, run *instructions.RunCommand) {
	first, mounts := run.Location()[0].Start.Line-1, instructions.GetMounts(run)
	above := first - 1
	for n := first; n < run.Location()[0].End.Line && n < len(lines); n++ {
		lines[n] = mountFlag.ReplaceAllStringFunc(lines[n], func(flag string) string {
			if len(mounts) == 0 {
				return flag // a mount in the command's own text
			}
			m := mounts[0]
			mounts = mounts[1:]
			switch {
			case m.Type == instructions.MountTypeCache, m.Type == instructions.MountTypeSecret && m.CacheID == "ca" && !m.Required:
			case m.Type == instructions.MountTypeBind && m.From != "" && above >= 0 && strings.HasPrefix(strings.TrimSpace(lines[above]), "#"):
				lines[above] = "COPY --from=" + m.From + " " + m.Source + " " + m.Target + end(lines[above])
				above--
			default:
				return flag
			}
			if strings.HasSuffix(flag, "\n") { // nothing else is on the line
				return end(flag)
			}
			return ""
		})
	}
}
