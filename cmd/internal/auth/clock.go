package auth

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/oidc"
	"sdev/dev/pattern"
)

// clockOptions are the arguments and flags of "sdev auth clock".
type clockOptions struct {
	command oidc.Command // moves the clock, or asks for its time
	json    bool
}

func (a *commands) newClockCmd(run func(context.Context, clockOptions) error) *cobra.Command {
	var o clockOptions
	var before string
	cmd := &cobra.Command{
		Use:   "clock [+2h|-30m|reset]",
		Short: "Move the provider's clock",
		Long: `Sets how far the provider's clock is ahead of the real time (+2h) or behind it (-30m). The offset
counts from the real time, not from the last offset. Tokens that the provider signed earlier expire
accordingly. Without an offset it prints the clock's time.`,
		Example: "  sdev auth clock +2h\n  sdev auth clock -30m\n  sdev auth clock reset",
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			if before != "" {
				args = append(args, before)
			}
			var err error
			if o.command, err = readClock(args); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&before, earlier, "", "")
	if err := cmd.Flags().MarkHidden(earlier); err != nil {
		panic(err) // it was declared in the line above
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (a *commands) runClock(ctx context.Context, o clockOptions) error {
	state, err := a.steer(ctx, o.command)
	if err != nil {
		return err
	}
	return a.printState(state, o.json, clockText(state.Clock, a.Now()))
}

// earlier is the hidden flag for a negative offset.
const earlier = "earlier"

var backwards = pattern.New(`^-[0-9.]`)

// MarkOffsets turns "-30m" after "clock" into "--earlier=-30m", because pflag would take it for the flags -3, -0 and
// -m. It must see the command line before cobra does, since the command cannot undo what pflag has read. Cobra's own
// way out, DisableFlagParsing, would also take the global flags, --help and the completion of flags from the command.
func MarkOffsets(args []string) []string {
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

func readClock(args []string) (oidc.Command, error) {
	const hint = "for example: sdev auth clock +2h, -30m or reset"
	switch {
	case len(args) > 1:
		return oidc.Command{}, dev.UsageError(fmt.Sprintf("sdev auth clock takes one offset, but got %d", len(args)), hint)
	case len(args) == 0:
		return oidc.Command{Do: oidc.DoState}, nil
	case args[0] == "reset":
		return oidc.Command{Do: oidc.DoClock}, nil
	}
	text := args[0]
	days := time.Duration(0)
	if n, rest, ok := strings.Cut(strings.TrimLeft(text, "+-"), "d"); ok { // durations of Go have no days
		if count, err := strconv.Atoi(n); err == nil && count < 100_000 {
			days, text = time.Duration(count)*24*time.Hour, "0s"+rest
			if strings.HasPrefix(args[0], "-") {
				days, text = -days, "-"+text
			}
		}
	}
	offset, err := time.ParseDuration(text)
	if err != nil {
		return oidc.Command{}, dev.UsageError(strconv.Quote(args[0])+" is not an offset", hint)
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
