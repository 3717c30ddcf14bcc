package cli

// What is told to the provider of a project that runs: who signs in, what goes wrong, what time it is.

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/gateway"
	"sdev/dev/oidc"
)

// steer sends one command to the provider of the project here. The caller closes what runs.
func (a *app) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	r, err := a.find(ctx)
	if err != nil {
		return oidc.State{}, err
	}
	defer r.close()
	return r.steer(ctx, c)
}

func (r running) steer(ctx context.Context, c oidc.Command) (oidc.State, error) {
	if err := r.signsIn(); err != nil {
		return oidc.State{}, err
	}
	status, err := r.ask(ctx, gateway.Request{Do: gateway.DoAuth, Auth: c})
	return status.Auth, err
}

// signsIn is an error that says what to do where nobody can sign in.
func (r running) signsIn() error {
	if _, ok := r.sidecar(); !ok {
		return &dev.Error{Code: dev.CodeNotRunning, Exit: dev.ExitFailed, Message: "project " + r.project.Name + " does not run", Hint: "run: sdev up --with-auth"}
	}
	if !r.mode().SignsIn() {
		return &dev.Error{Code: dev.CodeAuthOff, Exit: dev.ExitFailed, Message: "project " + r.project.Name + " runs with its login bypassed", Hint: "run: sdev up --with-auth"}
	}
	return nil
}

func (a *app) newAuthUseCmd() *cobra.Command {
	var ask, asJSON bool
	cmd := &cobra.Command{
		Use:   "use EMAIL",
		Short: "Sign in as somebody from now on, without being asked",
		Long: `From the next login on the sign-in page is passed over, and EMAIL signs in; with --ask it
asks again. Who is signed in now stays so until they sign out.`,
		Example:           "  sdev auth use alice@example.com\n  sdev auth use --ask",
		ValidArgsFunction: a.completePeople,
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			if ask == (len(args) > 0) || len(args) > 1 {
				return usage("sdev auth use takes one e-mail address, or --ask", "for example: sdev auth use alice@example.com")
			}
			return a.runAuthUse(cmd.Context(), strings.Join(args, ""), asJSON)
		},
	}
	cmd.Flags().BoolVar(&ask, "ask", false, "show the sign-in page again")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (a *app) runAuthUse(ctx context.Context, email string, asJSON bool) error {
	r, err := a.find(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	text := "the sign-in page asks who it is"
	if email != "" {
		auth := r.project.Settings.Auth
		who, ok := auth.Person(email)
		if !ok {
			var have []string
			for _, p := range auth.People() {
				have = append(have, p.Email)
			}
			return usage("none of the project's people is "+email, "one of: "+strings.Join(have, ", "))
		}
		email, text = who.Email, who.Email+" signs in without being asked"
	}
	state, err := r.steer(ctx, oidc.Command{Do: oidc.DoUse, Email: email})
	if err != nil {
		return err
	}
	return a.told(state, asJSON, text)
}

// told prints what a command has changed.
func (a *app) told(state oidc.State, asJSON bool, text string) error {
	if asJSON {
		return a.printJSON(state)
	}
	if a.quiet {
		return nil
	}
	_, err := fmt.Fprintln(a.Out, text)
	return err
}

func (a *app) newAuthFaultCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "What goes wrong on purpose: list, set, clear",
		Long: `Has the provider do something wrong: refuse a login, send a token that must not be accepted, be
slow, be broken. A fault holds until it is cleared, or for a number of times, for everybody or
for one person or program. Each use of it is an event of the run.`,
		Example: `  sdev auth fault list
  sdev auth fault set deny --user alice@example.com
  sdev auth fault set wrong-aud --times 1
  sdev auth fault clear`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command "+quote("auth fault "+args[0]), suggestionBelow(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(a.newAuthFaultListCmd(), a.newAuthFaultSetCmd(), a.newAuthFaultClearCmd())
	return cmd
}

func (a *app) newAuthFaultListCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List what can go wrong, and what does now", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = asJSON
			return a.runAuthFaultList(cmd.Context(), asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	return cmd
}

func (a *app) runAuthFaultList(ctx context.Context, asJSON bool) error {
	all := oidc.Faults()
	if asJSON {
		return a.printJSON(all)
	}
	if err := a.table(faultRows(all)); err != nil {
		return err
	}
	// What is set now is worth a look, and no reason to fail: the list itself needs no project.
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	state, err := a.steer(ctx, oidc.Command{Do: oidc.DoState})
	if err != nil || len(state.Faults) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("\nSet now:\n")
	for _, f := range state.Faults {
		b.WriteString("  " + dev.Printable(faultText(f)) + "\n")
	}
	_, err = fmt.Fprint(a.Out, b.String())
	return err
}

func faultRows(all []oidc.FaultDoc) [][]string {
	rows := [][]string{{"NAME", "ABOUT"}}
	for _, f := range all {
		rows = append(rows, []string{f.Name, f.About})
		if len(f.Params) > 0 {
			rows = append(rows, []string{"", strings.Join(f.Params, "  ")})
		}
	}
	return rows
}

// faultText is a fault that is set, in words.
func faultText(f oidc.Fault) string {
	text := f.Name
	for _, name := range slices.Sorted(maps.Keys(f.Params)) {
		text += " " + name + "=" + f.Params[name]
	}
	if f.User != "" {
		text += " for " + f.User
	}
	if f.Client != "" {
		text += " of " + f.Client
	}
	switch f.Times {
	case 0:
		return text + " until it is cleared"
	case 1:
		return text + ", once"
	}
	return fmt.Sprintf("%s, %d times", text, f.Times)
}

func (a *app) newAuthFaultSetCmd() *cobra.Command {
	var f oidc.Fault
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "set NAME [PARAM=VALUE…]",
		Short:             "Have something go wrong from now on",
		Long:              `Sets a fault; "sdev auth fault list" names them, and what can be said of each.`,
		Example:           "  sdev auth fault set deny --times 1\n  sdev auth fault set expired --user alice@example.com",
		ValidArgsFunction: completeFault(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			if f.Times < 0 {
				return usage("--times must be a number from 1", "leave it out to keep the fault until it is cleared")
			}
			if err := readFault(&f, args); err != nil {
				return err
			}
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoFault, Fault: f})
			if err != nil {
				return err
			}
			return a.told(state, asJSON, "set: "+faultText(f))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Times, "times", 0, "only the next `N` times; else until it is cleared")
	flags.StringVar(&f.User, "user", "", "only for this person: `EMAIL`")
	flags.StringVar(&f.Client, "client", "", "only for this program: `ID`")
	offer(cmd, "user", a.peopleOffered)
	flags.BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}

// readFault reads the name of a fault and what is said of it.
func readFault(f *oidc.Fault, args []string) error {
	const list = "see: sdev auth fault list"
	if len(args) == 0 {
		return usage("sdev auth fault set needs the name of a fault", list)
	}
	known := oidc.Faults()
	i := slices.IndexFunc(known, func(d oidc.FaultDoc) bool { return d.Name == args[0] })
	if i < 0 {
		return usage("no fault is called "+quote(args[0]), list)
	}
	f.Name, f.Params = args[0], nil
	for _, pair := range args[1:] {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return usage(quote(pair)+" is no PARAM=VALUE", list)
		}
		is := func(param string) bool { return strings.HasPrefix(param, name+"=") } // the default follows
		if !slices.ContainsFunc(known[i].Params, is) {
			have := "it has none"
			if len(known[i].Params) > 0 {
				have = "it has: " + strings.Join(known[i].Params, ", ")
			}
			return usage(fmt.Sprintf("fault %s has no parameter %q", f.Name, name), have)
		}
		if f.Params == nil {
			f.Params = map[string]string{}
		}
		f.Params[name] = value
	}
	return nil
}

func (a *app) newAuthFaultClearCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "clear [NAME]",
		Short: "Let nothing go wrong any more, or not what is named",

		ValidArgsFunction: completeFault(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			if len(args) > 1 {
				return usage(fmt.Sprintf("sdev auth fault clear takes one name at most, and got %d", len(args)), "without a name it clears all of them")
			}
			name, text := strings.Join(args, ""), "no fault is set"
			if name != "" {
				if err := readFault(&oidc.Fault{}, args); err != nil {
					return err
				}
				text = "cleared: " + name
			}
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoClear, Fault: oidc.Fault{Name: name}})
			if err != nil {
				return err
			}
			return a.told(state, asJSON, text)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}

// earlier is the hidden flag that an offset with a minus becomes.
const earlier = "earlier"

var backwards = regexp.MustCompile(`^-[0-9.]`)

// withOffsets makes "-30m" after "clock" something else than the flags that it looks like.
func withOffsets(args []string) []string {
	i := slices.Index(args, "clock")
	if i < 1 || !slices.Contains(args[:i], "auth") {
		return args
	}
	out := slices.Clone(args)
	for j := i + 1; j < len(out) && out[j] != "--"; j++ {
		if backwards.MatchString(out[j]) {
			out[j] = "--" + earlier + "=" + out[j]
		}
	}
	return out
}

func (a *app) newAuthClockCmd() *cobra.Command {
	var before string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "clock [+2h|-30m|reset]",
		Short: "Have the provider's clock differ from the real one",
		Long: `Sets how far the provider's clock is ahead of the real one, or behind: an offset from the real
time, not from the last offset. What it has signed in the meantime expires accordingly. Without an
offset it says what the clock shows.`,
		Example: "  sdev auth clock +2h\n  sdev auth clock -30m\n  sdev auth clock reset",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.json = asJSON
			if before != "" {
				args = append(args, before)
			}
			c, err := readClock(args)
			if err != nil {
				return err
			}
			state, err := a.steer(cmd.Context(), c)
			if err != nil {
				return err
			}
			return a.told(state, asJSON, clockText(state.Clock, a.now()))
		},
	}
	cmd.Flags().StringVar(&before, earlier, "", "")
	if err := cmd.Flags().MarkHidden(earlier); err != nil {
		panic(err) // it was declared in the line above
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func readClock(args []string) (oidc.Command, error) {
	const hint = "for example: sdev auth clock +2h, -30m or reset"
	switch {
	case len(args) > 1:
		return oidc.Command{}, usage(fmt.Sprintf("sdev auth clock takes one offset, and got %d", len(args)), hint)
	case len(args) == 0:
		return oidc.Command{Do: oidc.DoState}, nil
	case args[0] == "reset":
		return oidc.Command{Do: oidc.DoClock}, nil
	}
	text := args[0]
	days := time.Duration(0)
	if n, rest, ok := strings.Cut(strings.TrimLeft(text, "+-"), "d"); ok { // which durations of Go lack
		if count, err := strconv.Atoi(n); err == nil && count < 100_000 {
			days, text = time.Duration(count)*24*time.Hour, "0s"+rest
			if strings.HasPrefix(args[0], "-") {
				days, text = -days, "-"+text
			}
		}
	}
	offset, err := time.ParseDuration(text)
	if err != nil {
		return oidc.Command{}, usage(quote(args[0])+" is no offset", hint)
	}
	return oidc.Command{Do: oidc.DoClock, Clock: days + offset}, nil
}

func clockText(offset time.Duration, now time.Time) string {
	shown := now.Add(offset).Format("2006-01-02 15:04:05 MST")
	switch {
	case offset > 0:
		return fmt.Sprintf("the provider's clock is %s ahead: %s", offset, shown)
	case offset < 0:
		return fmt.Sprintf("the provider's clock is %s behind: %s", -offset, shown)
	}
	return "the provider's clock shows the real time: " + shown
}

func (a *app) newAuthRotateCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Have the provider sign with a new key",
		Long:  "Has the provider sign with a new key from now on. The keys before it stay published, so that what they signed still verifies.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.json = asJSON
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoRotate})
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(state)
			}
			rows := [][]string{{"KEY", "ALGORITHM", "SINCE", "SIGNS"}}
			for _, k := range state.Keys {
				signs := ""
				if k.Signing {
					signs = "yes"
				}
				rows = append(rows, []string{k.ID, k.Alg, k.Since.Format("2006-01-02 15:04:05"), signs})
			}
			return a.table(rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}
