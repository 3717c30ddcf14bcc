package console

import (
	"os"
	"path/filepath"
	"strings"

	"sdev/cmd/internal/terminal"
	"sdev/dev"
)

// HasScreen reports whether a dashboard can be shown: input and output are a terminal with cursor control.
func (c *Console) HasScreen() bool {
	return c.InTTY && c.OutTTY && terminal.HasCursorControl(c.Getenv("TERM"))
}

// Screen returns the terminal as files.
func (c *Console) Screen() (in, out *os.File, err error) {
	in, isIn := c.In.(*os.File)
	out, isOut := c.Out.(*os.File)
	if !isIn || !isOut {
		return nil, nil, dev.UsageError("the dashboard needs a terminal", "without one: sdev status, sdev logs -f")
	}
	return in, out, nil
}

// FromHome abbreviates a directory below the home directory with ~, as a shell's prompt does.
func (c *Console) FromHome(dir string) string {
	home := dev.Home(c.Getenv)
	if rest, ok := strings.CutPrefix(dir, home+string(filepath.Separator)); ok && home != "" {
		return "~" + string(filepath.Separator) + rest
	}
	return dir
}
