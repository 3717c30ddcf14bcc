package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"sdev/dev"
	"sdev/dev/pattern"
)

// classicSteps turns the classic builder's output into build steps.
type classicSteps struct {
	service string
	names   *strings.Replacer
	emit    func(dev.Event)
	now     func() time.Time

	at     *classicOutput // the current step; nil between steps
	since  time.Time      // when it began
	all    []*classicOutput
	failed bool
}

// classicOutput is a step with what its command printed.
type classicOutput struct {
	dev.BuildStep
	said  string // the step as the builder names it
	lines tail
}

// classicStep matches the line with which a classic builder announces a step: "Step 2/3 : RUN make" from Docker's,
// "[1/2] STEP 2/3: RUN make" from podman's, which counts the steps of each stage.
var classicStep = pattern.New(`^(?:\[\d+/\d+\] )?(?:Step|STEP) (\d+)/(\d+) ?: (.*)`)

// classicCached matches the line with which a classic builder says that it has the step's result. Podman's adds the id.
var classicCached = pattern.New(`^-+> Using cache\b`)

// read reads the builder's output to its end. It returns the error that the builder reports there.
func (c *classicSteps) read(stream io.Reader) error {
	for decoder := json.NewDecoder(stream); ; {
		var m struct {
			Stream string `json:"stream"`
			Error  string `json:"error"`
		}
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			c.end()
			return nil
		case err != nil:
			return fmt.Errorf("read the builder's output: %w", err)
		case m.Error != "":
			c.failed = true
			return errors.New(m.Error)
		}
		c.line(m.Stream)
	}
}

func (c *classicSteps) line(text string) {
	if m := classicStep.FindStringSubmatch(text); m != nil {
		c.end()
		number, _ := strconv.Atoi(m[1]) // the expression matches only digits
		total, _ := strconv.Atoi(m[2])
		said := strings.TrimSpace(m[3])
		c.at = &classicOutput{said: said, BuildStep: dev.BuildStep{Service: c.service, Step: number, Total: total, Text: c.names.Replace(shortBase(said))}}
		c.all, c.since = append(c.all, c.at), c.now()
		c.emit(c.at.BuildStep)
		return
	}
	if c.at == nil {
		return
	}
	switch word := strings.TrimSpace(text); {
	case classicCached.MatchString(word):
		c.at.Cached = true
	case strings.HasPrefix(word, "---> "), strings.HasPrefix(word, "--> "), strings.HasPrefix(word, "Removing intermediate container "),
		strings.HasPrefix(word, "COMMIT "), strings.HasPrefix(word, "Successfully built "), strings.HasPrefix(word, "Successfully tagged "):
		// messages of the builder itself
	default:
		c.at.lines.add(text)
	}
}

// end reports the end of the current step.
func (c *classicSteps) end() {
	if c.at == nil {
		return
	}
	c.at.MS = max(c.now().Sub(c.since).Milliseconds(), 1)
	c.emit(c.at.BuildStep)
	c.at = nil
}

// podmanFailure matches how podman's error names the step that failed.
var podmanFailure = pattern.New(`^building at STEP ("(?:[^"\\]|\\.)*")`)

// failure returns the step that failed with an error, and the end of its output; "" if no step failed. Podman announces
// the first steps of other stages before it reports the error, so its error has to say which one it was.
func (c *classicSteps) failure(err error) (name string, output []string) {
	if !c.failed {
		return "", nil
	}
	at := c.at
	if m := podmanFailure.FindStringSubmatch(err.Error()); m != nil {
		said, _ := strconv.Unquote(m[1]) // what cannot be unquoted is no step's name
		for _, step := range c.all {
			if oneLine(step.said) == oneLine(said) {
				at = step
			}
		}
	}
	if at == nil {
		return "", nil
	}
	return strconv.Itoa(at.Step) + ", " + at.Text, at.lines.all()
}

// oneLine is a step's name without differences in white space.
func oneLine(name string) string { return strings.Join(strings.Fields(name), " ") }

// podmanBase matches the image's id with which podman names the base of a stage that is another stage.
var podmanBase = pattern.New(`^(FROM [0-9a-f]{12})[0-9a-f]{52}\b`)

func shortBase(step string) string { return podmanBase.ReplaceAllString(step, "$1") }
