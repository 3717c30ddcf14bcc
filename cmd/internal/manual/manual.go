// Package manual writes sdev's manual pages and completion scripts, for the files of a release. The same sources and date
// give the same bytes.
//
// The package starts no goroutines.
package manual

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"sdev/cmd/internal/cli"
)

// Write creates a directory with man1 for the commands, man7 for the topics of "sdev help", and completions for the shells.
// epoch is the date of the pages, in seconds since 1970; see https://reproducible-builds.org/specs/source-date-epoch/.
func Write(dir, epoch string) error {
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is %q; it has to be a number of seconds since 1970", epoch)
	}
	date := time.Unix(seconds, 0).UTC()
	for _, sub := range []string{"man1", "man7", "completions"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	root := cli.Reference()
	source := "sdev " + cli.Version()
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: source, Manual: "sdev"}
	if err := doc.GenManTree(root, header, filepath.Join(dir, "man1")); err != nil {
		return err
	}
	for _, t := range cli.Topics() {
		page := md2man.Render([]byte(topicPage(t, date, source)))
		if err := os.WriteFile(filepath.Join(dir, "man7", "sdev-"+t.Name+".7"), page, 0o644); err != nil {
			return err
		}
	}
	return completions(root, filepath.Join(dir, "completions"))
}

// topicPage returns a topic as Markdown for md2man. Its text is laid out by hand, so it stays as it is.
func topicPage(t cli.Topic, date time.Time, source string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% \"SDEV-%s\" \"7\" \"%s\" \"%s\" \"sdev\"\n", strings.ToUpper(t.Name), date.Format("Jan 2006"), source)
	fmt.Fprintf(&b, "# NAME\nsdev-%s - %s\n\n# DESCRIPTION\n```\n%s```\n\n# SEE ALSO\n**sdev(1)**\n", t.Name, t.About, t.Text)
	return b.String()
}

// completions writes a script for each shell, under the name that the shell looks for.
func completions(root *cobra.Command, dir string) error {
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := root.GenBashCompletionFileV2(file("sdev.bash"), true); err != nil {
		return err
	}
	if err := root.GenZshCompletionFile(file("_sdev")); err != nil {
		return err
	}
	if err := root.GenFishCompletionFile(file("sdev.fish"), true); err != nil {
		return err
	}
	return root.GenPowerShellCompletionFileWithDesc(file("sdev.ps1"))
}
