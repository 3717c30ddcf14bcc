package auth

import (
	"github.com/spf13/cobra"

	"sdev/cmd/internal/console"
	"sdev/dev/oidc"
)

func (a *commands) newAuthRotateCmd() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate-keys",
		Short: "Make the provider sign with a new key",
		Long:  "Makes the provider sign with a new key from now on. The earlier keys stay published, so tokens that they signed still verify.",
		Args:  console.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a.JSON = asJSON
			state, err := a.steer(cmd.Context(), oidc.Command{Do: oidc.DoRotate})
			if err != nil {
				return err
			}
			if asJSON {
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
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the provider's state as one JSON object")
	return cmd
}
