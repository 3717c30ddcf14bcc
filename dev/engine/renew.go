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

// renew supplies the gateway again before what it was given ends. A failure is told once, not at
// each further try: what helps is a login, and as soon as that was made the next try succeeds.
func (a *attendant) renew(ctx context.Context, p Project) error {
	var due <-chan time.Time
	told := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case until := <-a.supplied:
			due = dueBefore(until)
			told = ""
		case <-due:
			until, err := a.engine.supply(ctx, p)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err == nil:
				due = dueBefore(until)
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

// dueBefore is when to renew what holds until then: in time, but not at once for what holds briefly.
func dueBefore(until time.Time) <-chan time.Time {
	if until.IsZero() {
		return nil
	}
	left := time.Until(until)
	return time.After(max(left-renewBefore, left/2, time.Second))
}
