package tui

import "strings"

// layout is the position of all parts, computed only from the size of the screen.
type layout struct {
	width, height int
	tiny          bool // too small for anything but one line
	body          int  // rows between the header and the footer
	wide          bool // room for two columns
	left, right   int  // columns of the two, with wide
}

const (
	headerRows = 2
	footerRows = 1

	leastWidth  = 30
	leastHeight = 8
	wideFrom    = 110
	gutter      = 3 // between two columns
)

func newLayout(width, height int) layout {
	l := layout{width: width, height: height, tiny: width < leastWidth || height < leastHeight}
	l.body = max(0, height-headerRows-footerRows)
	if l.wide = width >= wideFrom; l.wide {
		l.left = (width - gutter) * 58 / 100
		l.right = width - gutter - l.left
	}
	return l
}

// beside puts rows into the two columns of a wide screen.
func (l layout) beside(left, right []string) []string {
	rows := make([]string, max(len(left), len(right)))
	for i := range rows {
		var one, other string
		if i < len(left) {
			one = left[i]
		}
		if i < len(right) {
			other = right[i]
		}
		rows[i] = fit(one, l.left) + strings.Repeat(" ", gutter) + other
	}
	return rows
}
