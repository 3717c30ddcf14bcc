package engine

import (
	"context"
	"time"

	"sdev/dev"
)

const (
	// renewBefore is how long before its end what the gateway was given is renewed. AWS SDKs ask for
	// new keys when fifteen minutes are left.
	renewBefore = 20 * time.Minute
	// renewAgain is the pause after a renewal that failed: a person may have to log in meanwhile.
	renewAgain = 30 * time.Second
)

// keepConfigured configures the gateway again before its configuration expires. It reports a failure
// once, not at each further try: what helps is a login, and the next try after that succeeds.
func (a *supervisor) keepConfigured(ctx context.Context, p Project) error {
	var due <-chan time.Time
	told := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case until := <-a.configured:
			due = renewalBefore(until)
			told = ""
		case <-due:
			until, err := a.engine.configure(ctx, p)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err == nil:
				due = renewalBefore(until)
				told = ""
				continue
			}
			if e := dev.AsError(err); e.Message != told {
				told = e.Message
				a.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
			}
			due = time.After(renewAgain)
		}
	}
}

// renewalBefore fires when to renew a configuration that expires then: in time, but not at once for a
// short-lived one.
func renewalBefore(until time.Time) <-chan time.Time {
	if until.IsZero() {
		return nil
	}
	left := time.Until(until)
	return time.After(max(left-renewBefore, left/2, time.Second))
}
