package auth

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev"
	"sdev/dev/oidc"
)

// faultSetOptions are the arguments and flags of "sdev auth fault set".
type faultSetOptions struct {
	fault oidc.Fault
	json  bool
}

func (a *commands) newFaultSetCmd(run func(context.Context, faultSetOptions) error) *cobra.Command {
	var o faultSetOptions
	cmd := &cobra.Command{
		Use:               "set NAME [PARAM=VALUE…]",
		Short:             "Set a fault",
		Long:              `Sets a fault. "sdev auth fault list" prints all faults with their parameters.`,
		Example:           "  sdev auth fault set deny --times 1\n  sdev auth fault set expired --user alice@example.com",
		ValidArgsFunction: completeFault(true),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			if err := o.validate(); err != nil {
				return err
			}
			if err := readFault(&o.fault, args); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.fault.Times, "times", 0, "clear the fault after `N` times (default: keep it until you clear it)")
	f.StringVar(&o.fault.User, "user", "", "only for the person with this `EMAIL`")
	f.StringVar(&o.fault.Client, "client", "", "only for the program with the client `ID`")
	console.CompleteFlag(cmd, "user", a.OfferPeople)
	f.BoolVar(&o.json, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (o faultSetOptions) validate() error {
	if o.fault.Times < 0 {
		return dev.UsageError("--times must be a number from 1", "leave it out to keep the fault until it is cleared")
	}
	return nil
}

func (a *commands) runFaultSet(ctx context.Context, o faultSetOptions) error {
	state, err := a.steer(ctx, oidc.Command{Do: oidc.DoFault, Fault: o.fault})
	if err != nil {
		return err
	}
	return a.printState(state, o.json, "set: "+faultText(o.fault))
}
