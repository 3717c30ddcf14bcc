package destination

import "os"

// systemTrees are directories of the system below which nothing is written.
func systemTrees() []string {
	return named("SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramData")
}

// systemParents are directories of the system into which nothing is written directly.
func systemParents() []string {
	var out []string
	for _, drive := range named("SystemDrive") {
		out = append(out, drive+`\Users`)
	}
	return append(out, named("PUBLIC")...)
}

// named returns the values of those variables that are set.
func named(variables ...string) []string {
	var out []string
	for _, name := range variables {
		if v := os.Getenv(name); v != "" {
			out = append(out, v)
		}
	}
	return out
}
