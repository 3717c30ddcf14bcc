// Package assign finds where programs and settings give an environment variable a value.
//
// [Python] follows scripts as far as a reader would without running them: constants, names that are
// put together, other names for os.environ, functions that are handed the name, and files that are
// loaded into the environment. [Shell], [Data] and [Code] do the same for what sets variables in
// scripts of shells, in YAML, JSON and TOML, and in languages with braces.
//
// What only running the program would show stays hidden: names from the network, from arithmetic, or
// from unusual encodings. Reading a variable, comparing it, and removing it are no assignments.
//
// Nothing here touches a disk or runs anything; every function ends, whatever the text is.
package assign

// Kind says how a variable gets its value.
type Kind int

// The kinds of finding.
const (
	Sets       Kind = iota // the program's own environment, or that of one that it starts
	Default                // a value that is taken where the variable has none
	EntryOn                // a mapping, or a pair of name and value, that switches something on and may become an environment
	EntryOther             // such a mapping or pair with another value, one that is not known for one
	Loads                  // files are read into the environment: see Found.Names
)

// Found is a place that gives the variable a value.
type Found struct {
	File  string
	Line  int
	Kind  Kind
	Names []string // texts that went into what is loaded: names of files among them
}
