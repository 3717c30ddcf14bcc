package tui

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// matcher is a filter or search text. Words without capitals ignore case.
type matcher struct {
	text  string
	terms []term
}

// term is one condition on a line.
type term struct {
	not     bool
	service string // a service's name
	level   level
	word    string
	fold    bool
	re      *regexp.Regexp
}

// parseFilter reads words, /regular expressions/, level:NAME and service:NAME; a minus in front of
// any of them negates it. All must match.
func parseFilter(text string) (matcher, error) {
	m := matcher{text: strings.TrimSpace(text)}
	for _, word := range splitWords(m.text) {
		t, err := parseTerm(word)
		if err != nil {
			return matcher{}, err
		}
		m.terms = append(m.terms, t)
	}
	return m, nil
}

// parseSearch reads one text with its spaces, or one /regular expression/.
func parseSearch(text string) (matcher, error) {
	if strings.TrimSpace(text) == "" {
		return matcher{}, nil
	}
	if strings.HasPrefix(text, "/") && strings.HasSuffix(text, "/") && len(text) > 2 {
		t, err := parseTerm(text)
		return matcher{text: text, terms: []term{t}}, err
	}
	return matcher{text: text, terms: []term{wordTerm(text)}}, nil
}

func parseTerm(word string) (term, error) {
	if rest, ok := strings.CutPrefix(word, "-"); ok && rest != "" {
		t, err := parseTerm(rest)
		t.not = true
		return t, err
	}
	if len(word) > 2 && strings.HasPrefix(word, "/") && strings.HasSuffix(word, "/") {
		pattern := word[1 : len(word)-1]
		if pattern == strings.ToLower(pattern) {
			pattern = "(?i)" + pattern
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return term{}, fmt.Errorf("not a regular expression: %s", word)
		}
		return term{re: re}, nil
	}
	if name, ok := strings.CutPrefix(word, "service:"); ok {
		return term{service: name}, nil
	}
	if name, ok := strings.CutPrefix(word, "level:"); ok {
		switch name {
		case "error":
			return term{level: levelError}, nil
		case "warning", "warn":
			return term{level: levelWarning}, nil
		}
		return term{}, fmt.Errorf("level must be error or warning, not %s", name)
	}
	return wordTerm(word), nil
}

func wordTerm(word string) term {
	fold := strings.IndexFunc(word, unicode.IsUpper) < 0
	return term{word: word, fold: fold}
}

// splitWords splits at spaces, those within a regular expression aside.
func splitWords(text string) []string {
	var words []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := strings.IndexByte(text, ' ')
		if at := strings.TrimPrefix(text, "-"); strings.HasPrefix(at, "/") {
			if close := strings.Index(at[1:], "/"); close >= 0 {
				end = len(text) - len(at) + close + 2
			}
		}
		if end < 0 || end > len(text) {
			end = len(text)
		}
		words, text = append(words, text[:end]), text[end:]
	}
	return words
}

func (m matcher) empty() bool { return len(m.terms) == 0 }

// matches reports whether a line matches.
func (m matcher) matches(e *entry) bool {
	for _, t := range m.terms {
		if t.holds(e) == t.not {
			return false
		}
	}
	return true
}

func (t term) holds(e *entry) bool {
	switch {
	case t.re != nil:
		return t.re.MatchString(e.text)
	case t.service != "":
		return e.service == t.service
	case t.level != levelNone:
		return e.level >= t.level
	}
	start, _ := t.find(e.text)
	return start >= 0
}

// find returns the first place in text, in bytes; start is -1 where there is none.
func (t term) find(text string) (start, end int) {
	if t.re != nil {
		if at := t.re.FindStringIndex(text); at != nil {
			return at[0], at[1]
		}
		return -1, -1
	}
	i := strings.Index(text, t.word)
	if t.fold {
		i = indexFold(text, t.word)
	}
	if i < 0 {
		return -1, -1
	}
	return i, i + len(t.word)
}

// indexFold finds word, which is in lower case, whatever the case of the ASCII letters in text. What
// it finds has the length of word, so that it can be shown where it is.
func indexFold(text, word string) int {
	if word == "" {
		return 0
	}
	for i := 0; i+len(word) <= len(text); i++ {
		if lower(text[i]) == word[0] && equalFold(text[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

func equalFold(text, word string) bool {
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// level is the severity of a line.
type level uint8

// The levels.
const (
	levelNone level = iota
	levelWarning
	levelError
)

// levelOf guesses the level from the beginning of a line, where loggers write it.
func levelOf(text string) level {
	head := text[:min(len(text), 160)]
	for _, word := range []string{"ERROR", "CRITICAL", "FATAL", "Error:", "Exception:", "Traceback (most", "panic:", "error:"} {
		if strings.Contains(head, word) {
			return levelError
		}
	}
	for _, word := range []string{"WARN", "Warning:"} {
		if strings.Contains(head, word) {
			return levelWarning
		}
	}
	return levelNone
}
