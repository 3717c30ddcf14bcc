package devtest

import (
	"encoding/json"

	"github.com/compose-spec/compose-go/v2/types"
)

// Script is what a container of a contract does. [Fake] acts it out, and in a real container a
// Python program does: see [Script.Command].
type Script struct {
	Out  []string `json:"out"`  // lines for the standard output
	Err  []string `json:"err"`  // lines for the standard error, after those
	Show []string `json:"show"` // files that are printed then
	Deaf bool     `json:"deaf"` // takes no notice of being asked to stop
	Ends bool     `json:"ends"` // by itself, with Code; else it waits to be stopped
	Code int      `json:"code"`
}

// actor does what the script in its argument says.
const actor = `import json, signal, sys
s = json.loads(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN if s["deaf"] else lambda *_: sys.exit(0))
for line in s["out"] or []: print(line, flush=True)
for line in s["err"] or []: print(line, file=sys.stderr, flush=True)
for path in s["show"] or []: print(open(path).read(), end="", flush=True)
if s["ends"]: sys.exit(s["code"])
while True: signal.pause()
`

// Command is a command line that plays the script, for images that have Python.
func (s Script) Command() types.ShellCommand {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts, numbers and truth values: cannot fail
	}
	return types.ShellCommand{"python3", "-c", actor, string(b)}
}

// scriptOf reads the script back. Any other command is a process that waits to be stopped.
func scriptOf(command []string) Script {
	var s Script
	if len(command) == 4 && command[2] == actor && json.Unmarshal([]byte(command[3]), &s) == nil {
		return s
	}
	return Script{}
}
