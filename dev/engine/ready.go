package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

// How [Engine.await] waits.
const (
	probeEvery = 25 * time.Millisecond  // pause between two requests for the page
	checkEvery = 250 * time.Millisecond // pause between two looks at the app's container
	tailLines  = 15                     // lines of output that an error quotes
	mostEnds   = 5                      // ends of the app, each followed by a restart of the engine's, after which it fails
)

// explainSuperseded replaces the error of a wait, if its cause is that another sdev replaced the app meanwhile. The
// caller must not hold the project's lock.
func (e *Engine) explainSuperseded(ctx context.Context, run Running, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, errStaleNetwork) || errors.Is(err, errMountsUseless) || !e.superseded(ctx, run) {
		return err
	}
	return &dev.Error{Code: dev.CodeBusy, Exit: dev.ExitFailed, Cause: errSuperseded, Message: "another sdev has meanwhile started " + run.Project.App + " with other settings", Hint: "see what runs now: sdev status"}
}

// errSuperseded ends the wait for an app that another sdev replaced. The objects of this run belong to the new
// state, so nothing undoes them.
var errSuperseded = errors.New("the app was replaced")

// superseded reports whether another sdev has replaced the app. It takes the lock first, because that sdev may
// still be replacing it.
func (e *Engine) superseded(ctx context.Context, run Running) bool {
	release, err := e.lock(ctx, run.Project.lockFile())
	if err != nil {
		return false
	}
	defer release()
	have, err := e.Runtime.Observe(ctx, run.Project.Name, nil)
	return err == nil && slices.ContainsFunc(have.Containers, func(c plan.Container) bool {
		return c.Service == run.Project.App && c.Hash != run.appHash
	})
}

// await requests the app's page through the gateway until it answers. If the app exits first, or takes longer than
// e.Timeout, await returns an error with exit code 5 that quotes the app's last lines of output. So it does if the app's
// restart policy starts it again and again. It returns errStaleNetwork if the app must restart to follow its gateway.
func (e *Engine) await(ctx context.Context, run Running) error {
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	late := time.NewTimer(e.Timeout)
	defer late.Stop()
	refusals := 0
	appEnds := run.newEnds()
	// The certificate of a page over TLS is the project's own, and the page is on this machine.
	own := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: own, DialContext: dialPage}}
	for !answers(ctx, client, run) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-probe.C:
		case <-check.C:
			if err := e.checkRunning(ctx, run, appEnds); err != nil {
				return err
			}
			if !isRefused(ctx, run.URL) {
				refusals = 0
			} else if refusals++; refusals == refusalsBeforeForward {
				if err := e.forwardHere(run); err != nil {
					return err
				}
			}
		case <-late.C:
			return e.notReady(ctx, run.Project, dev.CodeAppNotReady, fmt.Sprintf("the app's page did not answer within %s", e.Timeout))
		}
	}
	return nil
}

// answers reports whether the page answers, and Streamlit's health check, too. A front door answers in place of the page,
// so in modes with one only the health check counts, which it lets through.
func answers(ctx context.Context, client *http.Client, run Running) bool {
	if !run.Mode.HasDoor() && status(ctx, client, run.URL+"/") != http.StatusOK {
		return false
	}
	health := status(ctx, client, run.URL+"/_stcore/health")
	if health == http.StatusNotFound {
		health = status(ctx, client, run.URL+"/healthz") // up to Streamlit 1.17
	}
	return health == http.StatusOK
}

// status gives the status of the answer to a request; 0 where there is none.
func status(ctx context.Context, client *http.Client, url string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// errStaleNetwork means that the gateway was restarted after the app: the app still uses the gateway's previous
// network namespace, where no request arrives.
var errStaleNetwork = errors.New("the gateway was restarted")

// checkRunning returns an error if the app or its gateway does not run, errSuperseded if another app took its
// place, and errStaleNetwork if the gateway started after the app.
func (e *Engine) checkRunning(ctx context.Context, run Running, appEnds *ends) error {
	p := run.Project
	have, err := e.Runtime.Observe(ctx, p.Name, nil)
	if err != nil {
		return err
	}
	started, joined := map[string]time.Time{}, false
	for _, service := range []string{p.Gateway, p.App} {
		i := slices.IndexFunc(have.Containers, func(c plan.Container) bool { return c.Service == service })
		if i < 0 {
			return e.notReady(ctx, p, dev.CodeAppExited, fmt.Sprintf("the container of %s is gone", service))
		}
		if !have.Containers[i].Running {
			return e.notReady(ctx, p, dev.CodeAppExited, fmt.Sprintf("%s ended with exit code %d before its page answered", service, have.Containers[i].ExitCode))
		}
		if service == p.App && run.appHash != "" && have.Containers[i].Hash != run.appHash {
			return errSuperseded
		}
		if service == p.App && appEnds.count(have.Containers[i]) >= mostEnds {
			return e.notReady(ctx, p, dev.CodeAppExited, appEnds.describe(have.Containers[i]))
		}
		started[service] = have.Containers[i].Started
		joined = joined || service == p.App && have.Containers[i].Joins != ""
	}
	if joined && started[p.Gateway].After(started[p.App]) {
		return errStaleNetwork
	}
	return nil
}

// ends counts how often the app has ended in one wait, although its restart policy starts it again each time.
type ends struct {
	container string // id of the container that is counted
	before    int    // its restarts before that; -1 until the first count
}

// newEnds returns the count for a wait. If this run has started the app, all restarts of its container count.
func (run Running) newEnds() *ends {
	out := &ends{}
	if !slices.ContainsFunc(run.done, func(op plan.Operation) bool {
		return (op.Verb == plan.Start || op.Verb == plan.Restart) && op.Service.Config.Name == run.Project.App
	}) {
		out.before = -1
	}
	return out
}

// count returns how often the app has ended. Restarts before the wait do not count.
func (n *ends) count(c plan.Container) int {
	if n.before < 0 || n.container != "" && n.container != c.ID {
		n.before = c.Restarts
	}
	n.container = c.ID
	return c.Restarts - n.before
}

// describe says how often the app has ended.
func (n *ends) describe(c plan.Container) string {
	last := ""
	if c.Restarting {
		last = fmt.Sprintf(", the last time with exit code %d,", c.ExitCode)
	}
	return fmt.Sprintf("%s ended %d times%s before its page answered, and its restart policy started it again each time", c.Service, n.count(c), last)
}

func (e *Engine) notReady(ctx context.Context, p Project, code dev.Code, message string) error {
	if have, err := e.Runtime.Observe(ctx, p.Name, nil); err == nil {
		for _, c := range have.Containers {
			if c.Service != p.App {
				continue
			}
			message += e.lastLines(ctx, c)
		}
	}
	return &dev.Error{Code: code, Exit: dev.ExitNotReady, Message: message, Hint: exitHint(message)}
}
