package console

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Browse opens url in the browser, which outlives this command. If the program that opens pages is not installed,
// missing is its name.
func (c *Console) Browse(ctx context.Context, url string) (missing string, err error) {
	command := opener(c.Getenv("BROWSER"), url)
	if _, err := exec.LookPath(command[0]); err != nil {
		return command[0], nil
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the browser: %w", err)
	}
	return "", cmd.Process.Release()
}

// opener is the program that opens a page: that of the variable BROWSER, or else the system's own (browse_darwin.go and
// so on).
func opener(browser, url string) []string {
	if f := strings.Fields(browser); len(f) > 0 {
		return append(f, url)
	}
	return append(systemOpener(), url)
}
