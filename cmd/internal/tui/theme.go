package tui

import (
	"image/color"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"sdev/dev"
)

// theme holds all styles of the dashboard. It depends on the terminal: its number of colours, and whether it is
// light or dark. No meaning depends on colour alone.
type theme struct {
	plain, dim, faint, strong        lipgloss.Style
	accent, good, warn, bad          lipgloss.Style
	rule, heading                    lipgloss.Style
	tab, tabOn                       lipgloss.Style
	bypass, login, cursor, hit, mark lipgloss.Style
	key, box                         lipgloss.Style
	services                         []lipgloss.Style // styles of service names
}

// hue is one colour for each kind of terminal: sixteen colours, 256, and any.
type hue struct{ basic, many, dark, light string }

func newTheme(profile colorprofile.Profile, dark bool) theme {
	pick := lipgloss.Complete(profile)
	of := func(h hue) color.Color {
		full := h.light
		if dark {
			full = h.dark
		}
		return pick(lipgloss.Color(h.basic), lipgloss.Color(h.many), lipgloss.Color(full))
	}
	many := func(dark256, light256 string) string {
		if dark {
			return dark256
		}
		return light256
	}
	fg := func(h hue) lipgloss.Style { return lipgloss.NewStyle().Foreground(of(h)) }
	gray := hue{"8", many("245", "242"), "#8a8f98", "#6b7078"}
	pale := hue{"8", many("240", "249"), "#565b66", "#b4b9c2"}
	blue := hue{"6", many("80", "30"), "#56c7d6", "#0b7285"}
	green := hue{"2", many("114", "28"), "#7fd18b", "#2b8a3e"}
	amber := hue{"3", many("221", "130"), "#f2c14e", "#a35c00"}
	red := hue{"1", many("203", "160"), "#ff6b6b", "#c92a2a"}
	on := func(text, ground hue) lipgloss.Style {
		return lipgloss.NewStyle().Bold(true).Foreground(of(text)).Background(of(ground))
	}
	t := theme{
		plain: lipgloss.NewStyle(), strong: lipgloss.NewStyle().Bold(true),
		dim: fg(gray), faint: fg(pale), accent: fg(blue), good: fg(green), warn: fg(amber), bad: fg(red),
		rule: fg(pale), heading: fg(gray).Bold(true),
		tab: fg(gray), tabOn: fg(blue).Bold(true),
		bypass: on(hue{"0", "16", "#1a1300", "#ffffff"}, hue{"11", many("221", "130"), "#f2c14e", "#a35c00"}),
		login:  on(hue{"15", "16", "#04222a", "#ffffff"}, hue{"4", many("80", "30"), "#56c7d6", "#0b7285"}),
		cursor: lipgloss.NewStyle().Background(of(hue{"8", many("237", "254"), "#2a2f3a", "#e4e8ee"})),
		hit:    lipgloss.NewStyle().Reverse(true), mark: fg(amber).Bold(true),
		key: fg(blue), box: fg(gray),
	}
	if profile <= colorprofile.ASCII { // no colours to tell things apart by
		for _, s := range []*lipgloss.Style{&t.bypass, &t.login, &t.cursor} {
			*s = lipgloss.NewStyle().Reverse(true).Bold(true)
		}
		t.tabOn = t.tabOn.Underline(true)
	}
	for _, h := range []hue{blue, {"5", many("176", "90"), "#c792ea", "#862e9c"}, {"2", many("150", "64"), "#a5d6a7", "#5c7a29"}, {"3", many("180", "94"), "#e0b084", "#8a5a2b"}, {"4", many("111", "26"), "#82aaff", "#1c5fb8"}} {
		t.services = append(t.services, fg(h))
	}
	return t
}

// service is the style of a service's name, always the same one.
func (t theme) service(name string) lipgloss.Style {
	if name == own {
		return t.dim
	}
	sum := 0
	for _, b := range []byte(name) {
		sum = sum*31 + int(b)
	}
	return t.services[(sum&0x7fffffff)%len(t.services)]
}

// fit makes text exactly width cells wide; longer text ends in an ellipsis.
func fit(text string, width int) string {
	if width <= 0 {
		return ""
	}
	n := ansi.StringWidth(text)
	if n > width {
		text = ansi.Truncate(text, width, "…")
		n = ansi.StringWidth(text)
	}
	return text + strings.Repeat(" ", max(0, width-n))
}

// cut is fit without padding.
func cut(text string, width int) string {
	if width <= 0 {
		return ""
	}
	return ansi.Truncate(text, width, "…")
}

// spread aligns one text left and one right; the left one is cut if necessary.
func spread(left, right string, width int) string {
	r := ansi.StringWidth(right)
	if r >= width {
		return fit(right, width)
	}
	return fit(left, width-r-1) + " " + right
}

// safe is foreign text on one line, without control sequences.
func safe(text string) string {
	if strings.ContainsAny(text, "\n\r") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return dev.Sanitize(text)
}

// safeLines is foreign text of several lines, without control sequences.
func safeLines(text string) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, l := range lines {
		lines[i] = dev.Sanitize(l)
	}
	return lines
}

// stripped is text without styles.
func stripped(text string) string { return ansi.Strip(text) }

// wrap breaks text between words, and long words anywhere.
func wrap(text string, width int) []string {
	var rows []string
	for l := range strings.SplitSeq(ansi.Wordwrap(text, width, ""), "\n") {
		if ansi.StringWidth(l) > width {
			rows = append(rows, strings.Split(ansi.Hardwrap(l, width, true), "\n")...)
			continue
		}
		rows = append(rows, l)
	}
	return rows
}
