package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/engine"
)

// behindDoor makes the page answer as a front door does: a redirect to a sign-in page, and from the app only the health
// check.
func (r *rig) behindDoor(page int) http.HandlerFunc {
	r.project.Mode = dev.ALBLogin
	return func(w http.ResponseWriter, q *http.Request) {
		switch {
		case strings.HasSuffix(q.URL.Path, "/_stcore/health"):
			r.answer(w, q)
		default:
			w.WriteHeader(page)
		}
	}
}

func TestUp_ADoorThatAnswersIsNotTheApp(t *testing.T) {
	r := newRig(t)
	r.serve(r.behindDoor(http.StatusOK)) // the sign-in page, to which the door leads
	r.mute.Store(true)
	e := r.engine()
	e.Timeout = 500 * time.Millisecond
	_ = r.upFails(e, engine.Request{}, dev.CodeAppNotReady, dev.ExitNotReady)
}

func TestUp_ADoorThatRefusesEverybodyDoesNotKeepTheAppFromBeingReady(t *testing.T) {
	r := newRig(t)
	r.serve(r.behindDoor(http.StatusUnauthorized))
	r.up(engine.Request{})
}
