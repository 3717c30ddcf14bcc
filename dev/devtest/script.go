package devtest

import (
	"encoding/json"

	"github.com/compose-spec/compose-go/v2/types"
)

// Script is the behaviour of a container in a contract test. [Fake] imitates it; in a real container a Python
// program plays it: see [Script.Command].
type Script struct {
	Out  []string `json:"out"`  // lines on standard output
	Err  []string `json:"err"`  // then lines on standard error
	Show []string `json:"show"` // then the content of these files
	Deaf bool     `json:"deaf"` // ignores the request to stop
	Ends bool     `json:"ends"` // exits by itself with Code; otherwise waits to be stopped
	Code int      `json:"code"`
}

// actor is a Python program that plays the script in its argument.
const actor = `import json, signal, sys
s = json.loads(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN if s["deaf"] else lambda *_: sys.exit(0))
for line in s["out"] or []: print(line, flush=True)
for line in s["err"] or []: print(line, file=sys.stderr, flush=True)
for path in s["show"] or []: print(open(path).read(), end="", flush=True)
if s["ends"]: sys.exit(s["code"])
while True: signal.pause()
`

// Command is a command line that plays the script. The image must have Python.
func (s Script) Command() types.ShellCommand {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // impossible: a Script has only plain fields
	}
	return types.ShellCommand{"python3", "-c", actor, string(b)}
}

// scriptOf returns the script of a command. Any other command gives the zero Script, which waits to be stopped.
func scriptOf(command []string) Script {
	var s Script
	if len(command) == 4 && command[2] == actor && json.Unmarshal([]byte(command[3]), &s) == nil {
		return s
	}
	return Script{}
}
