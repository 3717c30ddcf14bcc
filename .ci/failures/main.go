// Command failures reads the output of "go test -json" and prints the output of failed and skipped tests and of failed
// packages. It drops the output of all others.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// event is a line of test2json (see "go doc test2json").
type event struct {
	Action, Package, Test, Output, ImportPath string
}

func main() {
	output := map[string][]string{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Print(e.Output)
		case "fail", "skip":
			fmt.Printf("--- %s: %s\n", e.Action, key)
			for _, l := range output[key] {
				fmt.Print(l)
			}
		}
	}
}
