package cli

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) newOpenCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "open",
		Short: "Open the app's page in the browser",
		Long:  "Opens the app's page in the browser ($BROWSER, else the system's own) and prints its address.",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.runOpen(cmd.Context()) },
	}
}

func (a *app) runOpen(ctx context.Context) error {
	r, err := a.find(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	url := r.URL()
	if url == "" {
		return r.NotRunning()
	}
	if err := a.printf("%s\n", url); err != nil {
		return err
	}
	missing, err := a.browse(ctx, url)
	if err == nil && missing != "" {
		a.notef("no browser to start here (%s is missing): open the address yourself\n", missing)
	}
	return err
}

// browse starts the browser, which outlives this command. Where there is none it gives the name of
// the program that is missing.
func (a *app) browse(ctx context.Context, url string) (missing string, err error) {
	command := opener(a.Getenv("BROWSER"), url)
	if _, err := exec.LookPath(command[0]); err != nil {
		return command[0], nil
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the browser: %w", err)
	}
	return "", cmd.Process.Release()
}

// opener is the program that opens a page.
func opener(browser, url string) []string {
	if f := strings.Fields(browser); len(f) > 0 {
		return append(f, url)
	}
	if runtime.GOOS == "darwin" {
		return []string{"open", url}
	}
	return []string{"xdg-open", url}
}
