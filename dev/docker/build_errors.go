package docker

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"sdev/dev"
	"sdev/dev/pattern"
)

// failed returns the error of a failed build. name is the step that failed, tail the end of its output.
func (r *recipe) failed(err error, name string, tail []string) error {
	if isConnectionLost(err) {
		return &dev.Error{Code: dev.CodeEngineUnreachable, Exit: dev.ExitEngine, Cause: err,
			Message: "the connection to the container engine broke during the build of service " + r.Service,
			Hint:    "see that the engine runs (docker info), and try again"}
	}
	text := r.displayNames().Replace(reason(err))
	if _, ref, ok := strings.Cut(name, "load metadata for "); ok {
		ref = strings.TrimPrefix(ref, "docker.io/library/")
		if r.Platform != "" {
			ref += " for " + r.Platform
		}
		return &dev.Error{Code: dev.CodeImageMissing, Exit: dev.ExitFailed, Cause: err,
			Message: fmt.Sprintf("base image %s of service %s is missing and cannot be pulled: %s", ref, r.Service, text),
			Hint:    "check its name in the Dockerfile, your network and your registry login (docker login)"}
	}
	if strings.HasPrefix(name, frontendStep) && r.parseErr != nil {
		err = r.parseErr // the frontend would have reported the same mistake
	}
	e := &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, Cause: err, Message: fmt.Sprintf("the build of service %s failed: %s", r.Service, text),
		Hint: "fix the Dockerfile or the files that the step uses, and try again"}
	if r.Inline != "" {
		e.Hint = "fix the files that the step uses, or the Dockerfile (sdev config prints it), and try again"
	}
	if m := parseError.FindStringSubmatch(err.Error()); m != nil {
		e.File, e.Message = r.dockerfilePath(), m[2]
		e.Line, _ = strconv.Atoi(m[1])
		if r.newerFeature != "" {
			e.Hint = r.newerFeature + ": update it, or begin the Dockerfile with # syntax=docker/dockerfile:1 to use a newer frontend"
		}
		return e
	}
	if ref, ok := strings.CutPrefix(name, frontendStep); ok {
		e.Hint = "remove the line # syntax=, or make " + ref + " reachable"
	}
	if name != "" {
		e.Message = fmt.Sprintf("the build of service %s failed: step %s", r.Service, name)
		if len(tail) == 0 {
			e.Message += ": " + text
		}
	}
	tail = r.explain(e, err.Error(), tail) // which looks for files in the whole step
	e.Message = strings.Replace(e.Message, name, shortStep(name), 1)
	if len(tail) > 0 {
		e.Message += "\n  " + strings.Join(tail, "\n  ")
	}
	return e
}

// shortStep is a step on about one line, without the flags of its instruction.
func shortStep(name string) string {
	const longest = 120 // characters
	short := []rune(strings.Join(strings.Fields(stepFlag.ReplaceAllString(name, "")), " "))
	if len(short) > longest {
		return string(short[:longest-1]) + "…"
	}
	return string(short)
}

var stepFlag = pattern.New(` --(?:mount|network|security|chown|chmod|link|parents|exclude|from)=\S+`)

// frontendStep is BuildKit's step that resolves the image of a "# syntax=" line.
const frontendStep = "resolve image config for "

// dockerfilePath is the Dockerfile's name in messages.
func (r *recipe) dockerfilePath() string {
	switch {
	case r.Inline != "":
		return "dockerfile_inline"
	case r.Dockerfile == "":
		return "Dockerfile"
	}
	return r.Dockerfile
}

// parseError matches the Dockerfile frontend's parse errors: line and reason.
var parseError = pattern.New(`(?s)[dD]ockerfile parse error (?:on )?line (\d+): ([^\n]*)`)

// reason returns the first line of a build's error, without the prefixes that BuildKit adds.
func reason(err error) string {
	text := firstLine(err.Error())
	for _, layer := range []string{"failed to solve: ", "failed to solve with frontend dockerfile.v0: ", "failed to create LLB definition: "} {
		text = strings.TrimPrefix(text, layer)
	}
	if m := missingFile.FindStringSubmatch(text); m != nil {
		return m[1] + " is not in the build context"
	}
	return text
}

// missingFile matches BuildKit's error for a file that an instruction copies and that the context lacks. The first group
// is its path. Source: what the BuildKit of Docker 20.10 and newer ones say.
var missingFile = pattern.New(`failed to compute cache key: .*"/([^"]*)":? not found`)

// isConnectionLost reports whether a build failed because the engine went away. BuildKit's client has no error of its own
// for that. Source: google.golang.org/grpc, internal/transport/http2_client.go.
func isConnectionLost(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || dev.IsReaderGone(err) ||
		status.Code(err) == codes.Unavailable && (strings.Contains(err.Error(), "error reading from server") || strings.Contains(err.Error(), "transport is closing"))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
