// Package clitest checks how commands read their command lines. It is for tests only.
//
// [CheckOptions] compares the options that command lines lead to, and fails if a command or a flag has no row. It starts
// no goroutines.
package clitest

import (
	"context"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Row pairs a command line with the options that the run function of the command gets.
type Row struct {
	command, args string // "auth use", "--ask"
	want          any
	parse         func(ctx context.Context, args []string) (options any, cmd *cobra.Command, err error)
}

// NewRow makes a row from the name of a command, its arguments, its constructor and the options that it leads to. The
// constructor gets a run function that keeps the options.
func NewRow[O any](command, args string, newCmd func(run func(context.Context, O) error) *cobra.Command, want O) Row {
	parse := func(ctx context.Context, args []string) (any, *cobra.Command, error) {
		var got any
		cmd := newCmd(func(_ context.Context, o O) error {
			got = o
			return nil
		})
		cmd.SetArgs(args)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		cmd, err := cmd.ExecuteContextC(ctx)
		return got, cmd, err
	}
	return Row{command, args, want, parse}
}

// CheckOptions checks the rows. Each of the commands, and each below them, must have a row, except for groups, which only
// hold other commands. Each flag of a command must occur in a row.
func CheckOptions(t *testing.T, rows []Row, commands []*cobra.Command, groups ...string) {
	t.Helper()
	seen := map[string]map[string]bool{} // of each command with a row: the flags in its rows
	for _, group := range groups {
		seen[group] = map[string]bool{}
	}
	everyField := cmp.Exporter(func(reflect.Type) bool { return true })
	for _, row := range rows {
		got, cmd, err := row.parse(t.Context(), strings.Fields(row.args))
		if err != nil {
			t.Errorf("sdev %s %s: %v", row.command, row.args, err)
			continue
		}
		if diff := cmp.Diff(row.want, got, everyField, cmpopts.EquateEmpty(), cmpopts.IgnoreTypes(&cobra.Command{})); diff != "" {
			t.Errorf("sdev %s %s (-want +got):\n%s", row.command, row.args, diff)
		}
		if seen[row.command] == nil {
			seen[row.command] = map[string]bool{}
		}
		cmd.Flags().Visit(func(f *pflag.Flag) { seen[row.command][f.Name] = true })
	}
	for _, cmd := range commands {
		checkRows(t, seen, cmd)
	}
}

func checkRows(t *testing.T, seen map[string]map[string]bool, cmd *cobra.Command) {
	t.Helper()
	flags, ok := seen[strings.TrimPrefix(cmd.CommandPath(), "sdev ")]
	if !ok {
		t.Errorf("%s has no row", cmd.CommandPath())
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		everyCommandHasIt := f.Name == "help" || f.Name == "file" || f.Name == "app" || f.Name == "entry"
		if ok && !flags[f.Name] && !everyCommandHasIt {
			t.Errorf("%s: --%s is in no row", cmd.CommandPath(), f.Name)
		}
	})
	for _, c := range cmd.Commands() {
		checkRows(t, seen, c)
	}
}
