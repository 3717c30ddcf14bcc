package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"sdev/dev"
	"sdev/dev/oidc"
)

// faultClearOptions are the arguments and flags of "sdev auth fault clear".
type faultClearOptions struct {
	names []string // one, or none for all faults
	json  bool
}

func (a *commands) newFaultClearCmd(run func(context.Context, faultClearOptions) error) *cobra.Command {
	var o faultClearOptions
	cmd := &cobra.Command{
		Use:               "clear [NAME]",
		Short:             "Clear one fault, or all of them",
		ValidArgsFunction: completeFault(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.JSON = o.json
			o.names = args
			if err := o.validate(); err != nil {
				return err
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (o faultClearOptions) validate() error {
	if len(o.names) > 1 {
		return dev.UsageError(fmt.Sprintf("sdev auth fault clear takes at most one name, but got %d", len(o.names)), "without a name it clears all of them")
	}
	if strings.Join(o.names, "") == "" {
		return nil
	}
	return readFault(&oidc.Fault{}, o.names)
}

func (a *commands) runFaultClear(ctx context.Context, o faultClearOptions) error {
	name, text := strings.Join(o.names, ""), "no fault is set"
	if name != "" {
		text = "cleared: " + name
	}
	state, err := a.steer(ctx, oidc.Command{Do: oidc.DoClear, Fault: oidc.Fault{Name: name}})
	if err != nil {
		return err
	}
	return a.printState(state, o.json, text)
}
