package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/clitest"
	"sdev/cmd/internal/console"
	"sdev/dev/config"
	"sdev/dev/session"
)

// A command without a row fails, and so does a flag that is in no row.
func TestOptions_AreWhatTheCommandLineSays(t *testing.T) {
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	streams, _, _ := console.Buffers(nil)
	a := &commands{&console.Console{Streams: streams, Now: func() time.Time { return now }}}
	upDefaults := upOptions{local: true, quit: quitLeave, timeout: time.Minute}
	up := func(change func(*upOptions)) upOptions {
		o := upDefaults
		change(&o)
		return o
	}
	rows := []clitest.Row{
		clitest.NewRow("init", "", a.newInitCmd, initOptions{dir: ".", template: projectTemplate}),
		clitest.NewRow("init", "shop --template project --name my-shop --auth none --deps uv --entry app.py --yes --dry-run --json --force --git", a.newInitCmd,
			initOptions{dir: "shop", template: projectTemplate, name: "my-shop", auth: "none", deps: "uv", entry: "app.py", yes: true, dryRun: true, json: true, force: true, git: true}),
		clitest.NewRow("init", "shop -y --no-git", a.newInitCmd, initOptions{dir: "shop", template: projectTemplate, yes: true, noGit: true}),

		clitest.NewRow("up", "", a.newUpCmd, upDefaults),
		clitest.NewRow("up", "--local -d --plain --no-tui --on-quit stop --build --timeout 90s", a.newUpCmd, up(func(o *upOptions) {
			o.detach, o.plain, o.noTUI, o.quit, o.build, o.timeout = true, true, true, quitStop, true, 90*time.Second
		})),
		clitest.NewRow("up", "--port 8600 --aws none --sync --profile a --profile b --json", a.newUpCmd, up(func(o *upOptions) {
			o.Options = session.Options{Port: 8600, AWS: config.AWSNone, Copy: true, Profiles: []string{"a", "b"}}
			o.json = true
		})),
		clitest.NewRow("up", "--runtime process", a.newUpCmd, up(func(o *upOptions) { o.Runtime = session.RuntimeProcess })),
		clitest.NewRow("up", "--tls", a.newUpCmd, up(func(o *upOptions) { o.TLS = true })),
		clitest.NewRow("up", "--with-auth --as alice@example.com", a.newUpCmd, up(func(o *upOptions) { o.Auth, o.As = session.DetectAuth, "alice@example.com" })),
		clitest.NewRow("up", "--with-auth=native --sync=false", a.newUpCmd, up(func(o *upOptions) { o.Auth, o.Mount = "native", true })),

		clitest.NewRow("down", "", a.newDownCmd, downOptions{}),
		clitest.NewRow("down", "--all --volumes -y --json", a.newDownCmd, downOptions{all: true, volumes: true, yes: true, json: true}),
		clitest.NewRow("status", "", a.newStatusCmd, statusOptions{}),
		clitest.NewRow("status", "--all --json", a.newStatusCmd, statusOptions{all: true, json: true}),

		clitest.NewRow("wait", "", a.newWaitCmd, waitOptions{timeout: time.Minute}),
		clitest.NewRow("wait", "--healthy", a.newWaitCmd, waitOptions{timeout: time.Minute}),
		clitest.NewRow("wait", "--live Home.py --timeout 10s", a.newWaitCmd, waitOptions{live: "Home.py", timeout: 10 * time.Second}),
		clitest.NewRow("secrets", "", a.newSecretsCmd, secretsOptions{}),
		clitest.NewRow("secrets", "--target ecs --target snowflake --json", a.newSecretsCmd, secretsOptions{targets: []string{"ecs", "snowflake"}, json: true}),
		clitest.NewRow("reruns", "", a.newRerunsCmd, rerunsOptions{}),
		clitest.NewRow("reruns", "-f --since 5m --json", a.newRerunsCmd, rerunsOptions{follow: true, since: now.Add(-5 * time.Minute), json: true}),
		clitest.NewRow("logs", "", a.newLogsCmd, logsOptions{tail: -1}),
		clitest.NewRow("logs", "db cache -f --tail 20 --since 5m --json", a.newLogsCmd, logsOptions{services: []string{"db", "cache"}, follow: true, tail: 20, since: now.Add(-5 * time.Minute), json: true}),
		clitest.NewRow("logs", "--follow --since 2026-01-31T09:00:00Z", a.newLogsCmd, logsOptions{follow: true, tail: -1, since: time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)}),

		clitest.NewRow("restart", "", a.newRestartCmd, restartOptions{}),
		clitest.NewRow("restart", "db --json", a.newRestartCmd, restartOptions{service: "db", json: true}),
		clitest.NewRow("rebuild", "", a.newRebuildCmd, rebuildOptions{}),
		clitest.NewRow("rebuild", "db --json", a.newRebuildCmd, rebuildOptions{service: "db", json: true}),
		clitest.NewRow("open", "", a.newOpenCmd, openOptions{}),
		clitest.NewRow("shell", "", a.newShellCmd, shellOptions{}),
		clitest.NewRow("shell", "-- ls -l", a.newShellCmd, shellOptions{command: []string{"ls", "-l"}}),
		clitest.NewRow("ui", "", a.newUICmd, uiOptions{}),
		clitest.NewRow("watch", "--explain src/app.py", a.newWatchCmd, watchOptions{path: "src/app.py"}),
		clitest.NewRow("watch", "--explain src --sync --json", a.newWatchCmd, watchOptions{path: "src", sync: true, json: true}),

		clitest.NewRow("config", "", a.newConfigCmd, configOptions{}),
		clitest.NewRow("config", "--with-auth --profile a --json", a.newConfigCmd, configOptions{Options: session.Options{Auth: session.DetectAuth, Profiles: []string{"a"}}, json: true}),

		clitest.NewRow("deploy", "", a.newDeployCmd, deployOptions{}),
		clitest.NewRow("deploy", "ecs --out dir --set domain=a.org --set region= --image shop:1 --check -y --json", a.newDeployCmd,
			deployOptions{target: "ecs", out: "dir", set: map[string]string{"domain": "a.org", "region": ""}, image: "shop:1", check: true, yes: true, json: true}),
		clitest.NewRow("deploy", "ecs --build", a.newDeployCmd, deployOptions{target: "ecs", build: true}),
		clitest.NewRow("preflight", "", a.newPreflightCmd, preflightOptions{}),
		clitest.NewRow("preflight", "ecs --image shop.tar --sarif out.sarif --json", a.newPreflightCmd, preflightOptions{target: "ecs", image: "shop.tar", sarif: "out.sarif", json: true}),

		clitest.NewRow("mcp", "", a.newMCPCmd, mcpOptions{}),
		clitest.NewRow("mcp", "--allow restart,sign_in_as --allow all", a.newMCPCmd, mcpOptions{allow: []string{"restart", "sign_in_as", "all"}}),

		clitest.NewRow("version", "", a.newVersionCmd, versionOptions{}),
		clitest.NewRow("version", "--json", a.newVersionCmd, versionOptions{json: true}),
		clitest.NewRow("version", "--check", a.newVersionCmd, versionOptions{check: true}),
		clitest.NewRow("completion", "zsh", a.newCompletionCmd, completionOptions{shell: "zsh"}),
		clitest.NewRow("help", "auth users", a.newHelpCmd, helpOptions{words: []string{"auth", "users"}}),
		clitest.NewRow("gateway", "", a.newGatewayCmd, gatewayOptions{}),
		clitest.NewRow("keep", "DIR ID", a.newKeepCmd, keepOptions{args: []string{"DIR", "ID"}}),
		clitest.NewRow("gateway", "tunnel app", a.newGatewayCmd, gatewayOptions{args: []string{"tunnel", "app"}}),
	}
	root := a.command()
	root.InitDefaultHelpCmd()
	inTableOfAuth := func(c *cobra.Command) bool { return c.Name() == "auth" }
	clitest.CheckOptions(t, rows, slices.DeleteFunc(slices.Clone(root.Commands()), inTableOfAuth))
}
