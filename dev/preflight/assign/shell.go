package assign

import (
	"slices"
	"strings"

	"sdev/dev/pattern"
)

// Shell finds the lines of a script, or of one command, that give a variable a value: for the shell itself, for a
// program that it starts, or in a file that it writes. It also reads scripts of other shells, and settings NAME=value.
func Shell(script, variable string) (found []int) {
	s := shell{variable: variable, constants: map[string]string{}}
	n, start := 0, 1
	statement, document := "", ""
	for text := range strings.Lines(script) {
		n++
		text = strings.TrimRight(text, "\r\n")
		if document != "" { // in a here-document
			if strings.TrimSpace(text) == document {
				document = ""
			} else if !strings.HasPrefix(strings.TrimSpace(text), "#") && s.isSettingLine(text) {
				found = append(found, n)
			}
			continue
		}
		if statement == "" {
			start = n
			if strings.HasPrefix(text, ";") { // a comment in an ini file
				continue
			}
		}
		if rest, more := strings.CutSuffix(text, `\`); more && len(statement) < maxTextLength {
			statement += rest
			continue
		}
		statement += text
		if s.sets(statement) {
			found = append(found, start)
		}
		if m := heredoc.FindStringSubmatch(statement); m != nil && !strings.HasPrefix(strings.TrimSpace(statement), "#") {
			document = m[1]
		}
		statement = ""
	}
	if statement != "" && s.sets(statement) {
		found = append(found, start)
	}
	return found
}

var (
	heredoc    = pattern.New(`<<-?\s*["']?([A-Za-z_]\w*)["']?`)
	defaulted  = pattern.New(`\$\{(\w+):?=[^}\s]`)
	expansion  = pattern.New(`\$\{(\w+)\}|\$(\w+)`)
	nested     = pattern.New(`\$\{(\w+):?-([^{}]*)\}`)
	powershell = pattern.New(`(?i)(?:\$env:|SetEnvironmentVariable\(\s*["'])(\w+)["']?\s*[=,]\s*["']?([^"'\s,)])`)
	name       = pattern.New(`^[A-Za-z_]\w*$`)
)

// shell reads one script.
type shell struct {
	variable  string
	constants map[string]string
}

// isSettingLine reports whether a line that a script writes somewhere sets the variable.
func (s *shell) isSettingLine(text string) bool {
	text = s.expand(text)
	for _, part := range strings.Fields(text) {
		if s.isSetting(strings.Trim(part, `"'`)) {
			return true
		}
	}
	return false
}

// sets reads a statement, or several on one line.
func (s *shell) sets(text string) bool {
	if m := powershell.FindStringSubmatch(text); m != nil && m[1] == s.variable {
		return !strings.HasPrefix(strings.TrimSpace(text), "#")
	}
	for _, m := range defaulted.FindAllStringSubmatch(text, -1) {
		if m[1] == s.variable && !strings.HasPrefix(strings.TrimSpace(text), "#") {
			return true
		}
	}
	for _, words := range commands(text) {
		if s.command(words) {
			return true
		}
	}
	return false
}

// command reads one simple command, and remembers the constants that it sets.
func (s *shell) command(words []shellWord) bool {
	first := 0
	for ; first < len(words); first++ { // NAME=value before a command
		name, value, ok := s.splitAssignment(words[first])
		if !ok {
			break
		}
		if name == s.variable && !s.isEmptyOrSelf(words[first].text[strings.Index(words[first].text, "=")+1:]) {
			return true
		}
		if strings.EqualFold(name, "environment") && s.isSetting(value) { // of supervisord or systemd
			return true
		}
		s.remember(name, value)
	}
	if first == len(words) {
		return false
	}
	verb, words := s.text(words[first]), words[first:]
	switch verb {
	case "test", "[", "[[", "unset", "grep", "case":
		return false
	case "echo", "printf", "logger":
		return s.prints(words)
	case "export", "declare", "readonly", "local", "typeset":
		for _, w := range words[1:] {
			if name, value, ok := s.splitAssignment(w); ok {
				s.remember(name, value)
			}
		}
	}
	for i, w := range words {
		if s.argument(verb, words, i, w) {
			return true
		}
	}
	return false
}

// text returns the value of a word, with known constants expanded.
func (s *shell) text(w shellWord) string {
	if w.single {
		return w.text
	}
	return s.expand(w.text)
}

// splitAssignment splits NAME=value or NAME+=value.
func (s *shell) splitAssignment(w shellWord) (name, value string, ok bool) {
	name, value, ok = strings.Cut(s.text(w), "=")
	name = strings.TrimSuffix(name, "+")
	return name, value, ok && isName(name)
}

func (s *shell) remember(name, value string) {
	if len(s.constants) < maxEntries {
		s.constants[name] = value
	}
}

// prints reads echo or printf, whose output counts if it goes to a file or a pipe.
func (s *shell) prints(words []shellWord) bool {
	written := slices.ContainsFunc(words, func(w shellWord) bool {
		return strings.HasPrefix(w.raw, ">") && !strings.Contains(w.raw, "&") || w.text == "tee" || w.raw == "|" // >&2 is no file
	})
	for i, w := range words[1:] {
		if words[0].text == "printf" && words[i].text == "-v" && s.text(w) == s.variable {
			return true
		}
		if written && s.isSettingLine(s.text(w)) {
			return true
		}
	}
	return false
}

// argument reads one word of a command.
func (s *shell) argument(verb string, words []shellWord, i int, w shellWord) bool {
	text := s.text(w)
	if i > 0 && text == s.variable && slices.Contains([]string{"setenv", "set", "read", "setx"}, verb) {
		return len(words) > i+1 && words[len(words)-1].text != ""
	}
	set := s.isSetting(text) || i > 0 && strings.ContainsAny(text, " \n\t") && s.nestedSets(verb, text)
	return set && !s.isEmptyOrSelf(valueOf(w.text, s.variable))
}

// nestedSets reports whether a text that a command gets is a script that sets the variable, or contains a setting.
func (s *shell) nestedSets(verb, text string) bool {
	if !strings.Contains(text, "=") {
		return false
	}
	inner := &shell{variable: s.variable, constants: s.constants}
	for line := range strings.Lines(text) {
		if line != text && inner.sets(line) || line == text && verb != "" && inner.anyWordSets(line) {
			return true
		}
	}
	return false
}

func (s *shell) anyWordSets(text string) bool {
	for _, words := range commands(text) {
		for _, w := range words {
			if s.isSetting(s.expand(w.text)) && !s.isEmptyOrSelf(valueOf(w.text, s.variable)) {
				return true
			}
		}
	}
	return false
}

// isSetting reports whether a word is or ends with NAME=value: "--env=NAME=1", "-eNAME=1", "a=1,NAME=1".
func (s *shell) isSetting(text string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], s.variable)
		if i < 0 {
			return false
		}
		i += from
		from = i + len(s.variable)
		before := i == 0 || !isWordByte(text[i-1]) && text[i-1] != '$' && text[i-1] != '{' || i >= 2 && text[i-2:i] == "-e"
		rest := text[from:]
		for _, mark := range []string{"=", "+="} {
			value, ok := strings.CutPrefix(rest, mark)
			if value = strings.TrimLeft(value, `"'`); ok && before && value != "" && !strings.ContainsAny(value[:1], "=,; ") {
				return true
			}
		}
	}
}

func valueOf(text, variable string) string {
	if i := strings.Index(text, variable+"="); i >= 0 {
		return text[i+len(variable)+1:]
	}
	return "?" // a concatenated name: some value
}

// isEmptyOrSelf reports whether a value is empty, or the variable's own.
func (s *shell) isEmptyOrSelf(value string) bool {
	switch strings.Trim(value, `"'`) {
	case "", "$" + s.variable, "${" + s.variable + "}", "${" + s.variable + ":-}", "${" + s.variable + "-}":
		return true
	}
	return false
}

// expand replaces known constants.
func (s *shell) expand(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	text = nested.ReplaceAllStringFunc(text, func(all string) string {
		m := nested.FindStringSubmatch(all)
		if v, ok := s.constants[m[1]]; ok && v != "" {
			return v
		}
		if m[1] == s.variable {
			return all
		}
		return m[2]
	})
	return expansion.ReplaceAllStringFunc(text, func(all string) string {
		m := expansion.FindStringSubmatch(all)
		if v, ok := s.constants[m[1]+m[2]]; ok && m[1]+m[2] != s.variable && len(v) < maxTextLength/16 {
			return v
		}
		return all
	})
}

func isName(s string) bool { return name.MatchString(s) }

// shellWord is a word of a command.
type shellWord struct {
	text   string // without its quotes
	raw    string // of an operator that redirects
	single bool   // the whole word is in single quotes, so nothing is expanded
}

// commands splits a line into simple commands and their words. Source: POSIX, "Shell Command Language", 2.2 and 2.3.
func commands(line string) (out [][]shellWord) {
	var now []shellWord
	end := func() {
		if len(now) > 0 {
			out = append(out, now)
			now = nil
		}
	}
	for i := 0; i < len(line); {
		c := line[i]
		switch {
		case c == '#' && (i == 0 || strings.IndexByte(" \t;\n", line[i-1]) >= 0):
			end()
			if j := strings.IndexByte(line[i:], '\n'); j >= 0 {
				i += j
				continue
			}
			return out
		case c == ' ' || c == '\t':
			i++
		case strings.IndexByte(";&\n()", c) >= 0:
			end()
			i++
		case c == '|':
			now = append(now, shellWord{raw: "|"})
			if i++; i < len(line) && line[i] == '|' {
				end()
				i++
			}
		case c == '>' || c == '<':
			j := i
			for j < len(line) && (line[j] == c || line[j] == '&' || line[j] == '|' || line[j] == '-') {
				j++
			}
			now = append(now, shellWord{raw: line[i:j]})
			i = j
		default:
			var w shellWord
			w, i = oneWord(line, i)
			if isPrefix(w.text) && len(now) == 0 {
				continue
			}
			now = append(now, w)
		}
	}
	end()
	return out
}

// isPrefix reports whether a word may precede a command.
func isPrefix(s string) bool {
	return slices.Contains([]string{"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "time", "exec", "command", "builtin", "sudo", "nohup", "web:", "worker:", "release:", "RUN", "CMD", "-", "@"}, s)
}

// oneWord reads the word at a position, and returns the position after it.
func oneWord(line string, i int) (shellWord, int) {
	var b strings.Builder
	start, braces := i, 0
	for i < len(line) {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line):
			b.WriteByte(line[i+1])
			i += 2
		case c == '\'':
			end := strings.IndexByte(line[i+1:], '\'')
			if end < 0 {
				end = len(line) - i - 1
			}
			b.WriteString(line[i+1 : i+1+end])
			i = min(len(line), i+end+2)
		case c == '"':
			for i++; i < len(line) && line[i] != '"'; i++ {
				if line[i] == '\\' && i+1 < len(line) {
					i++
				}
				b.WriteByte(line[i])
			}
			i++
		case braces == 0 && strings.IndexByte(" \t;&|<>()\n", c) >= 0 && i > start:
			return shellWord{text: b.String(), single: line[start] == '\''}, i
		default:
			if c == '{' && i > 0 && line[i-1] == '$' {
				braces++
			} else if c == '}' && braces > 0 {
				braces--
			}
			b.WriteByte(c)
			i++
		}
	}
	return shellWord{text: b.String(), single: start < len(line) && line[start] == '\''}, min(i, len(line))
}
