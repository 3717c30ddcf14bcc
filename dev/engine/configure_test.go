package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sdev/dev"
)

// configurer is a gateway on which the tests call only Configure.
type configurer struct {
	Gateway
	configure func() (time.Time, error)
}

func (c configurer) Configure(context.Context, Project) (time.Time, error) { return c.configure() }

// renewals runs keepConfigured in a synctest bubble. It returns the times of the calls of Configure; answers are
// their results.
func renewals(t *testing.T, first time.Duration, answers []func() (time.Duration, error), watch time.Duration) (given []time.Duration, told []dev.Warning) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a := &supervisor{renewals: make(chan time.Time, 1), engine: &Engine{
			Emit: func(_ time.Time, ev dev.Event) { told = append(told, ev.(dev.Warning)) },
			Gateway: configurer{configure: func() (time.Time, error) {
				given = append(given, time.Since(start))
				answer := answers[min(len(given), len(answers))-1]
				lasts, err := answer()
				if lasts == 0 {
					return time.Time{}, err
				}
				return time.Now().Add(lasts), err
			}},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), watch)
		defer cancel()
		if first == 0 {
			a.renewals <- time.Time{}
		} else {
			a.renewals <- start.Add(first)
		}
		if err := a.keepConfigured(ctx, Project{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	return given, told
}

func lasts(d time.Duration) func() (time.Duration, error) {
	return func() (time.Duration, error) { return d, nil }
}

func TestKeepConfigured_RenewsBeforeTheExpiry(t *testing.T) {
	given, told := renewals(t, time.Hour, []func() (time.Duration, error){lasts(10 * time.Minute), lasts(time.Hour)}, 90*time.Minute)
	// Valid for an hour: renewed 20 minutes before its end. For ten minutes: after half of them. Then an hour again.
	if want := []time.Duration{40 * time.Minute, 45 * time.Minute, 85 * time.Minute}; len(given) != 3 || given[0] != want[0] || given[1] != want[1] || given[2] != want[2] || len(told) != 0 {
		t.Errorf("%v, %v", given, told)
	}
}

func TestKeepConfigured_NeverRenewsWithoutAnExpiry(t *testing.T) {
	if given, _ := renewals(t, 0, []func() (time.Duration, error){lasts(0)}, 24*time.Hour); len(given) != 0 {
		t.Errorf("%v", given)
	}
}

func TestKeepConfigured_ReportsAFailureOnceAndContinues(t *testing.T) {
	login := func() (time.Duration, error) {
		return 0, &dev.Error{Code: dev.CodeAWSLogin, Message: "the login has run out", Hint: "log in"}
	}
	given, told := renewals(t, time.Minute, []func() (time.Duration, error){login, login, login, lasts(time.Hour), login, lasts(0)}, 3*time.Hour)
	if len(given) != 6 || given[3]-given[2] != renewRetry {
		t.Errorf("%v", given)
	}
	if len(told) != 2 || told[0].Code != dev.CodeAWSLogin || told[0].Hint != "log in" {
		t.Errorf("%+v", told)
	}
}
