package auth

import (
	"testing"
	"time"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/clitest"
	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
)

// A command without a row fails, and so does a flag that is in no row.
func TestOptions_AreWhatTheCommandLineSays(t *testing.T) {
	streams, _, _ := console.Buffers(nil)
	a := &commands{&console.Console{Streams: streams, Now: time.Now}}
	const alice = "alice@example.com"
	rows := []clitest.Row{
		clitest.NewRow("auth users", "", a.newUsersCmd, usersOptions{}),
		clitest.NewRow("auth users", "--json", a.newUsersCmd, usersOptions{json: true}),
		clitest.NewRow("auth users list", "list", a.newUsersCmd, usersOptions{}),
		clitest.NewRow("auth users list", "list --json", a.newUsersCmd, usersOptions{json: true}),
		clitest.NewRow("auth users add", alice, a.newUsersAddCmd, usersAddOptions{email: alice}),
		clitest.NewRow("auth users add", alice+" --name Alice --group a --group b --claim hd=example.com --claim n=1 --json", a.newUsersAddCmd,
			usersAddOptions{email: alice, person: person{name: "Alice", groups: []string{"a", "b"}, claims: map[string]any{"hd": "example.com", "n": 1.0}}, json: true}),
		clitest.NewRow("auth users edit", alice+" --name Alice --group a --claim n=1 --no-claim hd --email alice@example.org --json", a.newUsersEditCmd,
			usersEditOptions{email: alice, person: person{name: "Alice", groups: []string{"a"}, claims: map[string]any{"n": 1.0}}, noClaims: []string{"hd"}, newEmail: "alice@example.org", json: true}),
		clitest.NewRow("auth users edit", alice+" --no-groups", a.newUsersEditCmd, usersEditOptions{email: alice, noGroups: true}),
		clitest.NewRow("auth users remove", alice, a.newUsersRemoveCmd, usersRemoveOptions{email: alice}),
		clitest.NewRow("auth users remove", alice+" --json", a.newUsersRemoveCmd, usersRemoveOptions{email: alice, json: true}),

		clitest.NewRow("auth use", alice, a.newUseCmd, useOptions{emails: []string{alice}}),
		clitest.NewRow("auth use", "--ask --json", a.newUseCmd, useOptions{ask: true, json: true}),

		clitest.NewRow("auth fault list", "", a.newFaultListCmd, faultListOptions{}),
		clitest.NewRow("auth fault list", "--json", a.newFaultListCmd, faultListOptions{json: true}),
		clitest.NewRow("auth fault set", "deny", a.newFaultSetCmd, faultSetOptions{fault: oidc.Fault{Name: "deny"}}),
		clitest.NewRow("auth fault set", "slow delay=90s --times 2 --client tool --user "+alice+" --json", a.newFaultSetCmd,
			faultSetOptions{fault: oidc.Fault{Name: "slow", Params: map[string]string{"delay": "90s"}, Times: 2, Client: "tool", User: alice}, json: true}),
		clitest.NewRow("auth fault clear", "", a.newFaultClearCmd, faultClearOptions{}),
		clitest.NewRow("auth fault clear", "deny --json", a.newFaultClearCmd, faultClearOptions{names: []string{"deny"}, json: true}),

		clitest.NewRow("auth clock", "", a.newClockCmd, clockOptions{command: oidc.Command{Do: oidc.DoState}}),
		clitest.NewRow("auth clock", "reset", a.newClockCmd, clockOptions{command: oidc.Command{Do: oidc.DoClock}}),
		clitest.NewRow("auth clock", "+2h --json", a.newClockCmd, clockOptions{command: oidc.Command{Do: oidc.DoClock, Clock: 2 * time.Hour}, json: true}),
		clitest.NewRow("auth clock", "--earlier=-30m", a.newClockCmd, clockOptions{command: oidc.Command{Do: oidc.DoClock, Clock: -30 * time.Minute}}),
		clitest.NewRow("auth rotate-keys", "", a.newRotateKeysCmd, rotateKeysOptions{}),
		clitest.NewRow("auth rotate-keys", "--json", a.newRotateKeysCmd, rotateKeysOptions{json: true}),
		clitest.NewRow("auth check", "", a.newCheckCmd, checkOptions{}),
		clitest.NewRow("auth check", "--json", a.newCheckCmd, checkOptions{json: true}),
		clitest.NewRow("auth explain", "/reports --json --as "+alice, a.newExplainCmd, explainOptions{paths: []string{"/reports"}, as: alice, json: true}),
		clitest.NewRow("auth explain", "--matrix --door alb --from 203.0.113.7 --host guests.localhost", a.newExplainCmd, explainOptions{matrix: true, door: "alb", from: "203.0.113.7", host: "guests.localhost"}),
		clitest.NewRow("auth explain", "--expect access.json", a.newExplainCmd, explainOptions{expect: "access.json"}),
		clitest.NewRow("auth env", "", a.newEnvCmd, envOptions{}),
		clitest.NewRow("auth env", "--json", a.newEnvCmd, envOptions{json: true}),
	}
	clitest.CheckOptions(t, rows, []*cobra.Command{NewCmd(a.Console)}, "auth", "auth fault")
}
