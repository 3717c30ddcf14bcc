package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"sdev/dev"
	"sdev/dev/plan"
)

const (
	probeEvery = 25 * time.Millisecond
	lookEvery  = 250 * time.Millisecond // how often the app's container is looked at meanwhile
	tailLines  = 15
)

// overtaken turns the error of a wait into one that says that another sdev put another app in the place
// of the one that was waited for, where that is why. It is not for who holds the project's lock.
func (e *Engine) overtaken(ctx context.Context, run Running, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, errStaleNetwork) || errors.Is(err, errMountsUseless) || !e.superseded(ctx, run) {
		return err
	}
	return &dev.Error{Code: dev.CodeBusy, Exit: dev.ExitFailed, Cause: errSuperseded, Message: "another sdev has started " + run.Project.App + " with other settings meanwhile", Hint: "what runs now says: sdev status"}
}

// errSuperseded says that somebody put another app in the place of the one that is waited for. What was
// made on the way is part of what runs now, and stays.
var errSuperseded = errors.New("the app was replaced")

// superseded reports whether it is another app that runs, or is going to: whoever puts it there may be
// in the middle of it.
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

// await probes the app's page through the gateway until it answers. An app that ends before, or
// takes longer than the timeout, is an error with exit code 5 that ends with its last lines; one that
// has to follow its gateway is errStaleNetwork.
func (e *Engine) await(ctx context.Context, run Running) error {
	probe := time.NewTicker(probeEvery)
	defer probe.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	late := time.NewTimer(e.Timeout)
	defer late.Stop()
	nobody := 0
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for !answers(ctx, client, run.URL) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-probe.C:
		case <-look.C:
			if err := e.alive(ctx, run); err != nil {
				return err
			}
			if !isRefused(ctx, run.URL) {
				nobody = 0
			} else if nobody++; nobody == refusalsBeforeForward {
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

// answers is true once the page itself comes, and Streamlit says that it serves.
func answers(ctx context.Context, client *http.Client, url string) bool {
	if status(ctx, client, url+"/") != http.StatusOK {
		return false
	}
	health := status(ctx, client, url+"/_stcore/health")
	if health == http.StatusNotFound {
		health = status(ctx, client, url+"/healthz") // up to Streamlit 1.17
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

// errStaleNetwork says that somebody restarted the gateway meanwhile: the app still lives in the network
// that it had before, where no request arrives.
var errStaleNetwork = errors.New("the gateway was restarted")

// alive is an error once the app or its gateway has ended, or the app lives in a network that is gone, or it is another app.
func (e *Engine) alive(ctx context.Context, run Running) error {
	p := run.Project
	have, err := e.Runtime.Observe(ctx, p.Name, nil)
	if err != nil {
		return err
	}
	started := map[string]time.Time{}
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
		started[service] = have.Containers[i].Started
	}
	if started[p.Gateway].After(started[p.App]) {
		return errStaleNetwork
	}
	return nil
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
	return &dev.Error{Code: code, Exit: dev.ExitNotReady, Message: message, Hint: hint(message)}
}
