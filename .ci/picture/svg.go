package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"image/color"
	"regexp"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// Sizes in pixels.
const (
	cellWidth  = 8.4 // of a monospaced font of fontSize
	cellHeight = 18
	fontSize   = 14
	margin     = 16
	titleBar   = 30
)

// The terminal's default colours.
const (
	ground = "#10141b"
	text   = "#d8dde6"
)

// run is a sequence of cells with the same style in one row.
type run struct {
	x, width int
	text     string
	style    uv.Style
}

// svgImage returns a terminal's screen as an SVG image, in a window with a title.
func svgImage(screen *vt.Emulator, title string) string {
	width := float64(screen.Width())*cellWidth + 2*margin
	height := screen.Height()*cellHeight + titleBar + margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" width="%.0f" height="%d">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%.0f" height="%d" rx="9" fill="%s"/>`+"\n", width, height, ground)
	for i, c := range []string{"#ff6b6b", "#f2c14e", "#7fd18b"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="17" r="5.5" fill="%s"/>`+"\n", 20+i*18, c)
	}
	fmt.Fprintf(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" fill="%s">`+"\n", fontSize, text)
	fmt.Fprintf(&b, `<text x="%.0f" y="22" text-anchor="middle" fill="#8a8f98">%s</text>`+"\n", width/2, escaped(title))
	for y := range screen.Height() {
		for _, r := range runs(screen, y) {
			b.WriteString(r.svg(y))
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// runs splits a row into runs of cells with the same style.
func runs(screen *vt.Emulator, y int) []run {
	var list []run
	for x := 0; x < screen.Width(); {
		c := uv.Cell{Content: " ", Width: 1}
		if found := screen.CellAt(x, y); found != nil {
			c = *found
		}
		c.Content, c.Width = cmp.Or(c.Content, " "), max(1, c.Width)
		if n := len(list) - 1; n >= 0 && list[n].style.Equal(&c.Style) {
			list[n].text += c.Content
			list[n].width += c.Width
		} else {
			list = append(list, run{x: x, width: c.Width, text: c.Content, style: c.Style})
		}
		x += c.Width
	}
	return list
}

// svg draws a run. It sets the length of the text, so that columns are aligned in any font.
func (r run) svg(row int) string {
	ink, paper := hex(r.style.Fg), hex(r.style.Bg)
	if r.style.Attrs&uv.AttrReverse != 0 {
		ink, paper = cmp.Or(paper, ground), cmp.Or(ink, text)
	}
	x, y := margin+float64(r.x)*cellWidth, titleBar+row*cellHeight
	var b strings.Builder
	if paper != "" {
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" shape-rendering="crispEdges"/>`+"\n", x, y, float64(r.width)*cellWidth, cellHeight, paper)
	}
	look := ""
	if ink != "" {
		look += ` fill="` + ink + `"`
	}
	if r.style.Attrs&uv.AttrBold != 0 {
		look += ` font-weight="bold"`
	}
	if r.style.Underline != uv.UnderlineNone {
		look += ` text-decoration="underline"`
	}
	for _, at := range pieces.FindAllStringIndex(r.text, -1) { // viewers collapse several spaces into one
		piece := r.text[at[0]:at[1]]
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
			x+float64(ansi.StringWidth(r.text[:at[0]]))*cellWidth, float64(y)+13.5, float64(ansi.StringWidth(piece))*cellWidth, look, escaped(piece))
	}
	return b.String()
}

// pieces matches words with single spaces between them.
var pieces = regexp.MustCompile(`\S+( \S+)*`)

// hex returns a colour in SVG's notation; "" for the default colour.
func hex(c color.Color) string {
	if c == nil {
		return ""
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // into memory
	return b.String()
}
