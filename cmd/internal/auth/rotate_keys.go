package auth

import (
	"context"

	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
)

// rotateKeysOptions are the flags of "sdev auth rotate-keys".
type rotateKeysOptions struct {
	json bool
}

func (a *commands) newRotateKeysCmd(run func(context.Context, rotateKeysOptions) error) *cobra.Command {
	var o rotateKeysOptions
	cmd := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Make the provider sign with a new key",
		Long:  "Makes the provider sign with a new key from now on. The earlier keys stay published, so tokens that they signed still verify.",
		Args:  console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = o.json
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print the provider's state as one JSON object")
	return cmd
}

func (a *commands) runRotateKeys(ctx context.Context, o rotateKeysOptions) error {
	state, err := a.steer(ctx, oidc.Command{Do: oidc.DoRotate})
	if err != nil {
		return err
	}
	if o.json {
		return a.PrintJSON(state)
	}
	rows := [][]string{{"KEY", "ALGORITHM", "SINCE", "SIGNS"}}
	for _, k := range state.Keys {
		signs := ""
		if k.Signing {
			signs = "yes"
		}
		rows = append(rows, []string{k.ID, k.Alg, k.Since.Format("2006-01-02 15:04:05"), signs})
	}
	return a.Table(rows)
}
