// Command sdev-manual writes sdev's manual pages and completion scripts into a directory. It is a program of the build:
// .ci/dist runs it, and nobody installs it.
package main

import (
	"fmt"
	"os"

	"sdev/cmd/internal/manual"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: sdev-manual DIR")
		os.Exit(2)
	}
	if err := manual.Write(os.Args[1], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "sdev-manual:", err)
		os.Exit(1)
	}
}
