// Package assign finds where programs and settings give an environment variable a value.
//
// [Python] follows scripts as far as a reader can without running them: constants, concatenated names, other names
// of os.environ, functions that get the name as an argument, and files that are loaded into the environment.
// [Shell], [Data], [TOML] and [Code] do the same for shell scripts, for YAML, JSON and TOML, and for languages with
// braces.
//
// Whatever only running the program would show stays hidden: names from the network, from arithmetic, or from
// unusual encodings. Reading, comparing and removing a variable are no assignments.
//
// The package reads no files and runs nothing. Every function ends in bounded time and memory, whatever the text
// is, and may be called from several goroutines at once; the package starts none.
package assign

// Kind says how a variable gets its value.
type Kind int

// The kinds of finding.
const (
	Sets       Kind = iota // in the environment of the program itself, or of one that it starts
	Default                // by a default that applies if the variable is not set
	EntryOn                // by an entry of a mapping, or a name beside a value, that means yes and may become an environment
	EntryOther             // by such an entry or pair with another value, or an unknown one
	Loads                  // possibly, from files that are loaded into the environment: see Found.Names
)

// Found is a place that gives the variable a value.
type Found struct {
	File  string
	Line  int
	Kind  Kind
	Names []string // for Loads: texts that decide what is loaded, names of files among them
}
