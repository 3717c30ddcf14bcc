package cli

import (
	"cmp"
	"context"
	"runtime"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/cmd/internal/update"
	"sdev/dev"
)

// The linker sets these (see the Makefile).
var (
	buildVersion = "dev"
	buildCommit  = "unknown"
	buildDate    = "unknown" // of the commit, RFC 3339
)

// versionOptions are the flags of "sdev version".
type versionOptions struct {
	json  bool
	check bool // ask whether there is a newer release
}

func (a *commands) newVersionCmd(run func(context.Context, versionOptions) error) *cobra.Command {
	var o versionOptions
	cmd := &cobra.Command{
		Use: "version", Short: "Print version, commit and date", Args: console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	cmd.Flags().BoolVar(&o.check, "check", false, "ask PyPI whether there is a newer release")
	return cmd
}

func (a *commands) runVersion(ctx context.Context, o versionOptions) error {
	a.JSON = o.json
	var newest string
	if o.check {
		var err error
		if newest, err = update.Newest(ctx, cmp.Or(a.ReleaseIndex, update.Index)); err != nil {
			return err
		}
	}
	if o.json {
		out := map[string]any{"v": dev.WireVersion, "version": a.Version, "commit": buildCommit, "date": buildDate}
		if o.check {
			out["newest"], out["newer"] = newest, update.Newer(newest, a.Version)
		}
		return a.PrintJSON(out)
	}
	if err := a.Printf("sdev %s (commit %s, %s, %s/%s)\n", a.Version, buildCommit, buildDate, runtime.GOOS, runtime.GOARCH); err != nil || !o.check {
		return err
	}
	switch {
	case !update.IsRelease(a.Version):
		return a.Printf("this is a build from sources; the newest release is %s\n", newest)
	case update.Newer(newest, a.Version):
		return a.Printf("%s\n", newerRelease(newest))
	}
	return a.Printf("this is the newest release\n")
}

func newerRelease(newest string) string {
	return "sdev " + newest + " is out; update it the way you installed it, for example: uv tool upgrade " + update.Package
}

// noticeUpdate says once a day that there is a newer release, to a user who has asked for that. A command whose network
// is slow ends later by at most the time that [update.Newest] takes.
func (a *commands) noticeUpdate(ctx context.Context) {
	if !a.OutTTY || a.JSON || a.Quiet || ctx.Err() != nil || !update.IsRelease(a.Version) || !update.Wanted(a.Getenv) {
		return
	}
	dir, err := a.CacheDir()
	if err != nil || !update.Due(dir, a.Now()) {
		return
	}
	newest, err := update.Newest(ctx, cmp.Or(a.ReleaseIndex, update.Index))
	if err == nil && update.Newer(newest, a.Version) {
		a.Notef("%s (this is %s)\n", newerRelease(newest), a.Version)
	}
}
