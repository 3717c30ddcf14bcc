package assign

import (
	"regexp"
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// Code finds the lines that give a variable a value in languages with braces: TypeScript, HCL, Bicep, Groovy, Go.
// It follows names that are concatenated from constants. It ignores lines that only mention or compare the variable.
func Code(content, variable string) (found []int) {
	original := strings.Split(content, "\n")
	lines := strings.Split(foldConstants(withoutComments(content)), "\n")
	quoted := regexp.QuoteMeta(variable)
	set := regexp.MustCompile(`(?:^|[^\w$.-]|\.env\.)["'\x60]?\[?["'\x60]?` + quoted + `["'\x60]?\]?\)?["'\x60]?(?:=|\s+=\s*|\s*:\s*|\s*=>\s*)["'\x60]?([^\s"'\x60,=}\])>])`)
	pair := regexp.MustCompile(`(?i:\b(?:name|key|option_?name)["']?\s*[:=]\s*)["'\x60]?` + quoted + `\b`)
	value := regexp.MustCompile(`(?i)\bvalue\w*["']?\s*[:=]\s*(.?.?)`)
	call := regexp.MustCompile(`(?i)(?:env\w*|variables?|set)\s*\(\s*["'\x60]` + quoted + `["'\x60]\s*,\s*["'\x60]?[^\s"'\x60)]`)
	dotted := regexp.MustCompile(`\benv\[["'\x60]` + quoted + `["'\x60]\]\s*=\s*[^=\s]`)
	for i, line := range lines {
		if i >= len(original) || !strings.Contains(line, variable) {
			continue
		}
		switch near := strings.Join(lines[max(0, i-2):min(len(lines), i+3)], "\n"); {
		case set.MatchString(line), call.MatchString(line), dotted.MatchString(line):
			found = append(found, i+1)
		case pair.MatchString(line):
			if m := value.FindStringSubmatch(near); m != nil && m[1] != `""` && m[1] != `''` {
				found = append(found, i+1)
			}
		}
		if len(found) >= maxFound {
			break
		}
	}
	return slices.Compact(found)
}

var (
	blockComment  = pattern.New(`(?s)/\*.*?\*/`)
	lineComment   = pattern.New(`(?m)(?:^|[ \t])(?://|#)[^\n]*$`)
	constant      = pattern.New(`(?m)(?:\b(?:const|let|var|local|param|final|def|static|readonly)\s+)?\b([A-Za-z_]\w*)\s*(?::\s*\w+\s*)?(?:\bstring\s*)?:?=\s*["'\x60]([^"'\x60\n$]{1,200})["'\x60]`)
	variableHCL   = pattern.New(`(?s)variable\s+"(\w+)"\s*\{[^}]*?default\s*=\s*"([^"\n]{1,200})"`)
	interpolation = pattern.New(`\$\{\s*(?:local\.|var\.|this\.|[A-Z]\w*\.)?(\w+)\s*\}`)
	computed      = pattern.New(`[\[(]\s*(?:local\.|var\.|this\.|[A-Z]\w*\.)?(\w+)\s*[\])](\s*[:=])`)
	adjacent      = pattern.New(`(\b(?:local\.|var\.|this\.|[A-Z]\w*\.)?([A-Za-z_]\w*))(\s*[,+])|(\+\s*)((?:local\.|var\.|this\.|[A-Z]\w*\.)?([A-Za-z_]\w*))\b`)
	named         = pattern.New(`(?i)(\bname["']?\s*[:=]\s*)(?:local\.|var\.|this\.|[A-Z]\w*\.)?([A-Za-z_]\w*)\b`)
	concatenation = pattern.New(`["'\x60]([^"'\x60\n]*)["'\x60]\s*\+\s*["'\x60]([^"'\x60\n]*)["'\x60]`)
)

// withoutComments removes comments and keeps the lines.
func withoutComments(content string) string {
	content = blockComment.ReplaceAllStringFunc(content, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) })
	return lineComment.ReplaceAllString(content, "")
}

// foldConstants replaces constants by their values where a name may be built from them.
func foldConstants(content string) string {
	known := map[string]string{}
	for _, m := range slices.Concat(constant.FindAllStringSubmatch(content, maxEntries), variableHCL.FindAllStringSubmatch(content, maxEntries)) {
		known[m[1]] = m[2]
	}
	// A constant may consist of others.
	for range 2 {
		content = interpolation.ReplaceAllStringFunc(content, func(s string) string {
			if v, ok := known[interpolation.FindStringSubmatch(s)[1]]; ok {
				return v
			}
			return s
		})
		content = concatenation.ReplaceAllString(content, `"$1$2"`)
		for _, m := range constant.FindAllStringSubmatch(content, maxEntries) {
			known[m[1]] = m[2]
		}
	}
	quote := func(name string) (string, bool) {
		v, ok := known[name]
		return `"` + v + `"`, ok
	}
	content = computed.ReplaceAllStringFunc(content, func(s string) string {
		m := computed.FindStringSubmatch(s)
		if v, ok := quote(m[1]); ok {
			return v + m[2]
		}
		return s
	})
	content = named.ReplaceAllStringFunc(content, func(s string) string {
		m := named.FindStringSubmatch(s)
		if v, ok := quote(m[2]); ok {
			return m[1] + v
		}
		return s
	})
	content = adjacent.ReplaceAllStringFunc(content, func(s string) string {
		m := adjacent.FindStringSubmatch(s)
		if v, ok := quote(m[2]); ok {
			return v + m[3]
		}
		if v, ok := quote(m[6]); ok {
			return m[4] + v
		}
		return s
	})
	return concatenation.ReplaceAllString(content, `"$1$2"`)
}
