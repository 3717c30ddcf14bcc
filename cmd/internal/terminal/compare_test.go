package terminal

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestResized_TellsEachNewSizeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type size struct {
			width, height int
			err           error
		}
		at := time.Now()
		now := func() size {
			switch gone := time.Since(at); {
			case gone < time.Second:
				return size{80, 24, nil}
			case gone < 2*time.Second:
				return size{0, 0, errors.New("not now")}
			}
			return size{80, 30, nil}
		}
		changed, stop := resizedBy(func() (int, int, error) { s := now(); return s.width, s.height, s.err }, compareAt)
		<-changed
		if passed := time.Since(at); passed < 2*time.Second || passed > 2*time.Second+compareAt {
			t.Errorf("the change is told after %v", passed)
		}
		time.Sleep(10 * time.Second)
		select {
		case <-changed:
			t.Error("the same size is told again")
		default:
		}
		stop()
		stop() // a second call does nothing
	})
}

const compareAt = 250 * time.Millisecond
